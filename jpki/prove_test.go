package jpki_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// proofProfiles are cards that answer challenges.
var proofProfiles = []simulator.Profile{
	simulator.Contact, simulator.ContactExtended, simulator.ContactShort, simulator.Contactless, simulator.Android, simulator.IPhone, simulator.Announced2028,
}

// remote is a verifier elsewhere that trusts a simulated card's CA, and its challenge.
func remote(t testing.TB, card *simulator.Card) (*proof.Verifier, proof.Challenge) {
	t.Helper()
	const audience, purpose = "https://verifier.example.jp", "login"
	challenge, err := proof.NewChallenge(audience, purpose, time.Now(), strings.NewReader("a nonce that is 32 bytes long..."))
	require.NoError(t, err)
	used := map[proof.Challenge]bool{}
	return &proof.Verifier{
		Audience: audience, Purpose: purpose, Trust: trust.Policy{CAs: []*x509.Certificate{card.CACertificate()}, Required: true},
		Once: func(_ context.Context, c proof.Challenge) error {
			if used[c] {
				return proof.ErrUsed
			}
			used[c] = true
			return nil
		},
	}, challenge
}

// requireProof requires that a verifier elsewhere accepts the evidence once, also if it
// trusts the CA certificate only by its fingerprint: it is in the evidence.
func requireProof(t testing.TB, verifier *proof.Verifier, card *simulator.Card, e *proof.Evidence) {
	t.Helper()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	require.Less(t, len(text), proof.MaxEvidence/4)
	sent, err := proof.ParseEvidence(text)
	require.NoError(t, err)
	holder, err := verifier.Verify(t.Context(), sent)
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerCaller, holder.Issuer())
	assert.Equal(t, sent.Certificate, holder.Certificate().Raw)
	_, err = verifier.Verify(t.Context(), sent)
	require.ErrorIs(t, err, proof.ErrUsed)

	assert.Equal(t, card.CACertificate().Raw, sent.CACertificate)
}

// A verifier elsewhere accepts what Prove and ProveWith return, of every kind of card. The PIN
// is sent once, and the card is logged out.
//
// Faults: F40, F47.
func TestProveOnEveryProfile(t *testing.T) {
	for _, profile := range proofProfiles {
		t.Run(string(profile), func(t *testing.T) {
			d := cardtest.Open(t, profile)
			verifier, challenge := remote(t, d.Card)
			e, err := jpki.Prove(t.Context(), d.Connection, pin(t, simulator.PIN), challenge)
			require.NoError(t, err)
			assert.Equal(t, challenge, e.Challenge)
			requireProof(t, verifier, d.Card, e)
			assert.Equal(t, 1, d.Secrets())
			assert.Equal(t, 1, d.Count(isSign))
			assert.False(t, d.Card.State().AuthVerified)

			h := cardtest.NewHolder(t, profile)
			verifier, challenge = remote(t, h.Card)
			e, err = jpki.ProveWith(t.Context(), h.Connect, h.Reader, h.AskPIN, challenge)
			require.NoError(t, err)
			requireProof(t, verifier, h.Card, e)
			assert.Equal(t, 1, h.Secrets())
			assert.Equal(t, 1, h.Asked())
			assert.Len(t, h.Connections(), 2)
			assert.False(t, h.Card.State().AuthVerified)
		})
	}
}

// While the holder is not asked yet, ProveWith reads only what it needs to ask. The CA
// certificate is read over the second connection.
func TestProveWithReadsTheCACertificateOnce(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Contactless} {
		h := cardtest.NewHolder(t, profile)
		_, err := jpki.AuthenticateWith(t.Context(), h.Connect, h.Reader, h.AskPIN)
		require.NoError(t, err)
		authenticate := h.Connections()
		h.Forget()
		_, challenge := remote(t, h.Card)
		_, err = jpki.ProveWith(t.Context(), h.Connect, h.Reader, h.AskPIN, challenge)
		require.NoError(t, err)
		prove := h.Connections()[2:]
		h.Unsent(1) // Forget forgot the first PIN
		require.Len(t, prove, 2)
		assert.Equal(t, len(authenticate[0]), len(prove[0]), "commands of the first connection on %s", profile)
		assert.Greater(t, len(prove[1]), len(authenticate[1]), profile)
	}
}

// For a challenge that no verifier makes, nothing is sent, and the holder is not asked.
func TestProveWithAnInvalidChallenge(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	h := cardtest.NewHolder(t, simulator.Contact)
	_, challenge := remote(t, d.Card)
	for _, change := range []func(*proof.Challenge){
		func(c *proof.Challenge) { *c = proof.Challenge{} },
		func(c *proof.Challenge) { c.Audience = "" },
		func(c *proof.Challenge) { c.Purpose = "" },
		func(c *proof.Challenge) { c.Audience = "a\x1b[31m" },
		func(c *proof.Challenge) { c.Purpose = strings.Repeat("x", 256) },
	} {
		invalid := challenge
		change(&invalid)
		typed := pin(t, simulator.PIN)
		e, err := jpki.Prove(t.Context(), d.Connection, typed, invalid)
		require.ErrorIs(t, err, proof.ErrName)
		assert.Nil(t, e)
		assert.Empty(t, d.Sent())
		_, err = jpki.Prove(t.Context(), d.Connection, typed, challenge)
		require.ErrorIs(t, err, credential.ErrUsed, "the PIN was wiped")
		d.Forget()

		e, err = jpki.ProveWith(t.Context(), h.Connect, h.Reader, h.AskPIN, invalid)
		require.ErrorIs(t, err, proof.ErrName)
		assert.Nil(t, e)
	}
	assert.Empty(t, h.Sent(), "ProveWith")
	assert.Zero(t, h.Asked(), "the holder was asked for a PIN that is of no use")
}

// Prove returns the errors of Authenticate, and the card is logged out after each.
//
// Faults: F25, F40, F41, F45, F47, F55, F56.
func TestProveFails(t *testing.T) {
	wrong := func(d *cardtest.Desk) { d.SignWith(func([]byte) []byte { return make([]byte, 256) }) }
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		types   string
		before  func(*cardtest.Desk)
		options []jpki.CardOption
		err     error
		pins    int
		left    int
	}{
		{"a wrong PIN", simulator.Contact, "9999", nil, nil, credential.ErrWrong, 1, 2},
		{"a wrong PIN of a phone", simulator.Android, "9999", nil, nil, credential.ErrWrong, 1, 2},
		{"a locked card", simulator.Locked, simulator.PIN, nil, nil, credential.ErrLocked, 0, 0},
		{"the last attempt", simulator.LastAttempt, simulator.PIN, nil, nil, credential.ErrLastAttempt, 0, 1},
		{"an expired card", simulator.Expired, simulator.PIN, nil, nil, trust.ErrExpired, 0, 3},
		{"no certificate", simulator.NoCertificate, simulator.PIN, nil, nil, jpki.ErrNoCertificate, 0, 3},
		{"not a My Number Card", simulator.NotMyNumber, simulator.PIN, nil, nil, jpki.ErrNoApplication, 0, 0},
		{"an unknown issuer", simulator.Contact, simulator.PIN, nil, []jpki.CardOption{jpki.RequireChain()}, trust.ErrUnknownIssuer, 0, 3},
		{"a wrong signature", simulator.Contact, simulator.PIN, wrong, nil, jpki.ErrNoPossession, 1, 3},
		{"another number of attempts", simulator.Contact, simulator.PIN, nil, []jpki.CardOption{
			jpki.ForCard(jpki.Readiness{Counter: credential.Counter{Remaining: 2, Max: 3}}),
		}, credential.ErrAttemptsChanged, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			if tt.before != nil {
				tt.before(d)
			}
			_, challenge := remote(t, d.Card)
			e, err := jpki.Prove(t.Context(), d.Connection, pin(t, tt.types), challenge, tt.options...)
			require.ErrorIs(t, err, tt.err)
			assert.Nil(t, e)
			assert.Equal(t, tt.pins, d.Secrets())
			if tt.profile != simulator.NotMyNumber {
				assert.Equal(t, tt.left, d.Card.State().AuthAttempts)
			}
			assert.False(t, d.Card.State().AuthVerified)
		})
	}
}

// A PIN for one card is not sent to another one, also if it is exchanged while the holder
// types.
//
// Faults: F25, F45.
func TestProveForCard(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	var shown jpki.Readiness
	require.NoError(t, jpki.Do(t.Context(), d.Connection, func(a *jpki.Application) (err error) {
		shown, err = a.Ready(t.Context())
		return err
	}))
	verifier, challenge := remote(t, d.Card)
	e, err := jpki.Prove(t.Context(), d.Connection, pin(t, simulator.PIN), challenge, jpki.ForCard(shown))
	require.NoError(t, err)
	requireProof(t, verifier, d.Card, e)

	other := cardtest.AnotherCard(t, simulator.Contact)
	d.Insert(t, other)
	connection := d.Record(d.OtherProgram(t))
	before := d.Secrets()
	_, err = jpki.Prove(t.Context(), connection, pin(t, simulator.PIN), challenge, jpki.ForCard(shown))
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.Equal(t, before, d.Secrets())

	h := cardtest.NewHolder(t, simulator.Contact)
	h.Typing = func(context.Context) error {
		h.Insert(t, other)
		return nil
	}
	e, err = jpki.ProveWith(t.Context(), h.Connect, h.Reader, h.AskPIN, challenge)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.Nil(t, e)
	h.Unsent(1)
	assert.Zero(t, h.Secrets())
	assert.Equal(t, 3, other.State().AuthAttempts)
}

// Wherever the context ends, or the connection fails, there is no evidence or it is genuine;
// the PIN is sent at most once, and the card is logged out.
//
// Faults: F20, F21, F29, F58.
func TestProveInterrupted(t *testing.T) {
	lost := errors.New("lost")
	for _, profile := range []simulator.Profile{simulator.ContactExtended, simulator.Contactless, simulator.Android, simulator.Announced2028} {
		complete := cardtest.Open(t, profile)
		_, challenge := remote(t, complete.Card)
		_, err := jpki.Prove(t.Context(), complete.Connection, pin(t, simulator.PIN), challenge)
		require.NoError(t, err)
		for n := range complete.Sent() {
			for _, kind := range []string{"the context ends before", "the context ends after", "lost"} {
				d := cardtest.Open(t, profile)
				verifier, challenge := remote(t, d.Card)
				ctx, cancel := context.WithCancel(t.Context())
				switch kind {
				case "the context ends before":
					d.Before = func(i int, _ apdu.Command) error {
						if i == n {
							cancel()
						}
						return nil
					}
				case "the context ends after":
					d.After = func(i int, _ apdu.Command, response []byte) ([]byte, error) {
						if i == n {
							cancel()
						}
						return response, nil
					}
				case "lost":
					d.Before = func(i int, c apdu.Command) error {
						if i == n && !isLogOut(c) {
							return lost
						}
						return nil
					}
				}
				e, err := jpki.Prove(ctx, d.Connection, pin(t, simulator.PIN), challenge)
				cancel()
				if err == nil {
					requireProof(t, verifier, d.Card, e)
				} else {
					require.Nil(t, e, "%s at command %d of %s", kind, n, profile)
				}
				assert.LessOrEqual(t, d.Secrets(), 1)
				assert.False(t, d.Card.State().AuthVerified, "%s at command %d of %s", kind, n, profile)
				assert.Equal(t, 3, d.Card.State().AuthAttempts)
			}
		}
	}
}

// A context that ended sends nothing, and a holder who enters no PIN costs nothing.
func TestProveCancelled(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	_, challenge := remote(t, d.Card)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := jpki.Prove(ended, d.Connection, pin(t, simulator.PIN), challenge)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, d.Secrets())

	h := cardtest.NewHolder(t, simulator.Contact)
	ctx, cancel := context.WithCancel(t.Context())
	h.Typing = func(context.Context) error { cancel(); return context.Canceled }
	e, err := jpki.ProveWith(ctx, h.Connect, h.Reader, h.AskPIN, challenge)
	require.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, e)
	assert.Zero(t, h.Secrets())
	assert.Len(t, h.Connections(), 1)
	assert.False(t, slices.ContainsFunc(h.Sent(), isSign))
}
