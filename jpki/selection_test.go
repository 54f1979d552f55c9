package jpki_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// refusals are what cards and readers may answer to a short file identifier.
var refusals = []apdu.Status{apdu.StatusIncorrectP1P2, apdu.StatusFileNotFound, apdu.StatusFunctionNotSupported, apdu.StatusWrongOffset}

// isSelectFile tells SELECT of a file from that of an application.
func isSelectFile(command []byte) bool { return command[1] == apdu.InsSelect && command[2] == 0x02 }

// bySFI tells whether a command names its file by short identifier.
func bySFI(c apdu.Command) bool {
	switch c.INS {
	case apdu.InsReadBinary:
		return c.P1&0x80 != 0
	case apdu.InsVerify, apdu.InsPerformSecurityOperation:
		return c.P2&0x1F != 0
	}
	return false
}

// refusing are the instructions to which a short identifier is refused; nil is each.
var refusing = map[string][]byte{
	"everything": nil, "READ BINARY": {apdu.InsReadBinary}, "VERIFY": {apdu.InsVerify}, "the signature": {apdu.InsPerformSecurityOperation},
}

// refuseSFI refuses short identifiers to these instructions.
func refuseSFI(s apdu.Status, instructions []byte) simulator.Fault {
	fault := simulator.RejectShortFileIdentifiers(s)
	every := fault.Command
	fault.Command = func(command []byte) bool {
		return every(command) && (instructions == nil || slices.Contains(instructions, command[1]))
	}
	return fault
}

// If short file identifiers are rejected, everything works by selecting files: with the
// same results, one VERIFY for each PIN, and no short identifier in the command that
// carries it.
//
// Faults: F76.
func TestShortIdentifiersRefused(t *testing.T) {
	ctx := context.Background()
	for name, instructions := range refusing {
		for _, refusal := range refusals {
			for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android} {
				t.Run(fmt.Sprintf("%s %04X %s", name, uint16(refusal), profile), func(t *testing.T) {
					d, ordinary := cardtest.Open(t, profile), cardtest.Open(t, profile)
					d.Slot.AddFault(refuseSFI(refusal, instructions))

					wrong, err := jpki.Authenticate(ctx, d.Connection, pin(t, "9999"))
					require.Nil(t, wrong)
					var spent *credential.Error
					require.ErrorAs(t, err, &spent)
					require.Equal(t, credential.ErrWrong, spent.Reason)
					require.Equal(t, 2, spent.Remaining)
					require.Equal(t, 2, d.Card.State().AuthAttempts)

					d.Forget()
					got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
					require.NoError(t, err)
					want, err := jpki.Authenticate(ctx, ordinary.Connection, pin(t, simulator.PIN))
					require.NoError(t, err)
					require.Equal(t, want.Certificate().PublicKey, got.Certificate().PublicKey)
					require.Equal(t, 1, d.Secrets())
					require.False(t, d.Card.State().AuthVerified)
					requireOneFallback(t, d.Sent(), refusal, instructions)

					require.Equal(t, described(t, ordinary), described(t, d))
				})
			}
		}
	}
}

// requireOneFallback checks that short identifiers end with the first refusal.
func requireOneFallback(t *testing.T, sent []apdu.Command, refusal apdu.Status, instructions []byte) {
	t.Helper()
	refused := slices.IndexFunc(sent, func(c apdu.Command) bool {
		return bySFI(c) && (instructions == nil || slices.Contains(instructions, c.INS))
	})
	require.GreaterOrEqual(t, refused, 0)
	for _, c := range sent[refused+1:] {
		require.False(t, bySFI(c), c)
	}
	for i, c := range sent {
		if c.Secret() && i > refused {
			require.True(t, sent[i-1].INS == apdu.InsSelect, "the PIN's file is selected just before")
		}
	}
}

// described is everything that can be read of a card without a PIN.
func described(t *testing.T, d *cardtest.Desk) map[string]any {
	t.Helper()
	ctx := context.Background()
	all := map[string]any{}
	require.NoError(t, jpki.Do(ctx, d.Connection, func(a *jpki.Application) error {
		note := func(name string, value any, err error) {
			if errors.Is(err, jpki.ErrPINRequired) {
				value, err = "after the PIN", nil
			}
			require.NoError(t, err, name)
			all[name] = value
		}
		certificate, err := a.AuthCertificate(ctx)
		if err == nil {
			all["key"] = certificate.PublicKey
		}
		note("certificate", err == nil, err)
		token, err := a.Token(ctx)
		note("token", token, err)
		counter, err := a.AuthPINCounter(ctx)
		note("counter", counter, err)
		password, err := a.SignaturePasswordCounter(ctx)
		note("password", password, err)
		ca, err := a.AuthCACertificate(ctx)
		require.NoError(t, err)
		note("ca", ca.PublicKey, err)
		note("exchange", true, a.ProbeFullResponse(ctx))
		return nil
	}))
	return all
}

// Signers of both keys work without short identifiers, with PKCS #1 v1.5 and PSS, keeping
// the card unlocked or not.
//
// Faults: F76.
func TestSignersWithoutShortIdentifiers(t *testing.T) {
	for name, instructions := range refusing {
		for _, refusal := range refusals {
			t.Run(fmt.Sprintf("%s %04X", name, uint16(refusal)), func(t *testing.T) {
				h := cardtest.NewHolder(t, simulator.Contact)
				h.Slot.AddFault(refuseSFI(refusal, instructions))
				s := h.Signer(t)
				has, err := s.PSS(context.Background()) // before anything else was asked
				require.NoError(t, err)
				require.True(t, has)
				signs256(t, s)
				digest := digestOf(crypto.SHA256)
				signature, err := s.Sign(nil, digest, pssOptions)
				require.NoError(t, err)
				require.NoError(t, rsa.VerifyPSS(s.Public().(*rsa.PublicKey), crypto.SHA256, digest, signature, pssOptions))
				require.Equal(t, 2, h.Secrets())

				sh := newSigningHolder(t)
				sh.Slot.AddFault(refuseSFI(refusal, instructions))
				ss := sh.SignatureSigner(t)
				signs256(t, ss)
				require.Equal(t, 2, sh.Secrets())
			})
		}
	}
}

// A card without PSS is recognized without short identifiers, too.
func TestNoPSSAndNoShortIdentifiers(t *testing.T) {
	for _, refusal := range refusals {
		h := cardtest.NewHolder(t, simulator.Contact, simulator.WithoutPSS())
		h.Slot.AddFault(simulator.RejectShortFileIdentifiers(refusal))
		has, err := h.Signer(t).PSS(context.Background())
		require.NoError(t, err)
		assert.False(t, has)
	}
}

// If the card rejects the reference in a VERIFY with a PIN, the PIN is not sent again. The
// error has the attempts left.
//
// Faults: F76.
func TestThePINIsNotSentAgainBySelection(t *testing.T) {
	for _, refusal := range refusals {
		d := cardtest.Open(t, simulator.Contact)
		d.Slot.AddFault(simulator.Fault{
			Command: simulator.SendsSecret,
			Do:      simulator.AnswerStatus(refusal),
		})
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
		var unknown *credential.Error
		require.ErrorAs(t, err, &unknown)
		assert.Equal(t, credential.ErrOutcomeUnknown, unknown.Reason)
		assert.True(t, unknown.Known)
		assert.Equal(t, 3, unknown.Remaining)
		assert.Equal(t, 1, d.Secrets())
	}
}

// An absent file takes one command more, and none once a short identifier was accepted.
//
// Faults: F76.
func TestAbsentFiles(t *testing.T) {
	ctx := context.Background()
	d := cardtest.Open(t, simulator.FaceAuth) // without a signature certificate
	require.NoError(t, jpki.Do(ctx, d.Connection, func(a *jpki.Application) error {
		commands := func() int { defer d.Forget(); return len(d.Sent()) }
		commands()
		_, err := a.SignatureCertificate(ctx)
		require.ErrorIs(t, err, jpki.ErrNoCertificate)
		require.ErrorIs(t, err, apdu.StatusFileNotFound)
		assert.Equal(t, 2, commands(), "READ BINARY, and SELECT")

		_, err = a.Token(ctx)
		require.NoError(t, err)
		assert.Equal(t, 1, commands())
		_, err = a.SignatureCertificate(ctx)
		require.ErrorIs(t, err, jpki.ErrNoCertificate)
		assert.Equal(t, 1, commands(), "READ BINARY")
		_, err = a.AuthPINCounter(ctx)
		require.NoError(t, err)
		assert.Equal(t, 1, commands())
		return nil
	}))
}
