package jpki_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// signingHolder types the signature password.
type signingHolder struct{ *holder }

func newSigningHolder(t testing.TB, options ...simulator.Option) signingHolder {
	h := signingHolder{newHolder(t, simulator.Contact, options...)}
	h.types = "abc123" // as people do
	t.Cleanup(func() {
		assert.False(t, h.card.State().SignatureVerified, "left verified")
		assert.Equal(t, 3, h.card.State().AuthTries)
	})
	return h
}

func (h signingHolder) ask(ctx context.Context, ready jpki.Readiness) (jpki.Password, error) {
	h.shown = append(h.shown, ready)
	if h.typing != nil {
		if err := h.typing(ctx); err != nil {
			return jpki.Password{}, err
		}
	}
	return jpki.ParsePassword([]byte(h.types))
}

func (h signingHolder) signatureSigner(t testing.TB, options ...jpki.SignerOption) *jpki.Signer {
	t.Helper()
	s, err := jpki.NewSignatureSigner(context.Background(), h.connect, "Reader", h.ask, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// The signature key signs by the same code, for a password each time: the first is
// for the certificate.
func TestSignatureSigner(t *testing.T) {
	h := newSigningHolder(t)
	s := h.signatureSigner(t)
	assert.NotZero(t, s.Certificate().KeyUsage)
	assert.Len(t, h.shown, 1)
	for n, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA512} {
		digest := digestOf(hash)
		signature, err := s.Sign(nil, digest, hash)
		require.NoError(t, err)
		requireSignature(t, s, hash, digest, signature)
		assert.Equal(t, n+2, h.pins())
		assert.Equal(t, credential.Counter{Remaining: 5, Max: 5}, h.shown[n+1].Counter)
	}
	has, err := s.PSS(context.Background())
	require.NoError(t, err)
	assert.True(t, has)
	assert.NotEqual(t, s.Public(), h.signer(t).Public(), "another key than for authentication")
}

func TestSignatureSignerKeepsVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newSigningHolder(t, simulator.WithClock(time.Now))
		s := h.signatureSigner(t, jpki.KeepUnlocked(time.Minute))
		for range 2 {
			signs256(t, s)
		}
		assert.Len(t, h.shown, 1, "the certificate and what follows, for one")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.False(t, h.card.State().SignatureVerified)
		signs256(t, s)
		assert.Len(t, h.shown, 2)
	})
}

func TestSignaturePasswordAndTheTriesLeft(t *testing.T) {
	h := newSigningHolder(t)
	s := h.signatureSigner(t)
	h.types = "WRONG999"
	for _, left := range []int{4, 3, 2, 1} {
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, credential.Error{Reason: credential.ErrWrong, Kind: credential.SignaturePassword, Remaining: left, Max: 5, Known: true, Cause: wrong.Cause}, *wrong)
		assert.Contains(t, err.Error(), "signature password")
		assert.NotContains(t, err.Error(), "WRONG999")
		assert.Equal(t, left, h.card.State().SignatureTries)
	}
	asked := len(h.shown)
	_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLastAttempt)
	assert.Contains(t, err.Error(), "signature password")
	assert.Len(t, h.shown, asked)
	h.types = "ABC123"
	_, err = h.signatureSigner(t, jpki.AllowLastAttempt()).Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.NoError(t, err)
	assert.Equal(t, 5, h.card.State().SignatureTries)
}

// Faults: F25.
func TestSignatureSignerIsOfOneCard(t *testing.T) {
	other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another holder"))
	require.NoError(t, err)
	h := newSigningHolder(t)
	s := h.signatureSigner(t)
	h.slot.Remove()
	require.NoError(t, h.slot.Insert(other))
	asked := len(h.shown)
	_, err = s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.Len(t, h.shown, asked)

	h.slot.Remove()
	require.NoError(t, h.slot.Insert(h.card))
	h.typing = func(context.Context) error {
		h.slot.Remove()
		return h.slot.Insert(other)
	}
	_, err = s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	h.spared(1)
	assert.Equal(t, 5, other.State().SignatureTries)
}

// A card whose authentication certificate tells nothing is known by its signature
// certificate, after the password.
func TestSignatureSignerWithoutAnAuthenticationCertificate(t *testing.T) {
	card := func(seed string) *simulator.Card {
		c, err := simulator.NewCard(simulator.NoCertificate, simulator.WithInsecureSeed(seed))
		require.NoError(t, err)
		return c
	}
	h := signingHolder{newHolder(t, simulator.NoCertificate)}
	h.types = simulator.Password
	s := h.signatureSigner(t)
	signs256(t, s)
	h.slot.Remove()
	require.NoError(t, h.slot.Insert(card("another holder")))
	_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	for _, c := range h.wires[len(h.wires)-1].sent {
		assert.False(t, isSign(c))
	}
}

// Nobody is asked for the password of a card without a signature certificate, and
// of one whose certificate is for something else nothing is signed.
//
// Faults: F55.
func TestSignatureCertificates(t *testing.T) {
	ctx := context.Background()
	h := newSigningHolder(t)
	for _, absent := range []simulator.Fault{{INS: apdu.InsReadBinary}, {Command: isSelectFile}} {
		absent.Do = simulator.AnswerStatus(apdu.StatusFileNotFound)
		h.slot.Fail(absent)
	}
	_, err := jpki.NewSignatureSigner(ctx, h.connect, "Reader", h.ask)
	require.ErrorIs(t, err, jpki.ErrNoCertificate)
	assert.Empty(t, h.shown)
	h.slot.Heal()

	_, err = jpki.NewSignatureSigner(ctx, h.connect, "Reader", nil)
	require.ErrorIs(t, err, jpki.ErrPINRequired)
	h.typing = func(context.Context) error { return errNobody }
	_, err = jpki.NewSignatureSigner(ctx, h.connect, "Reader", h.ask)
	require.ErrorIs(t, err, errNobody)
	h.spared(1)
	h.typing = nil

	usage := func(policy string) []byte {
		return forged(t, func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
			c.Policies = []x509.OID{oid(t, policy)}
		})
	}
	for name, other := range map[string][]byte{
		"with the policy once published for authentication": usage("1.2.392.200149.8.5.1.3.30"),
		"with a policy that nobody knows":                   usage("1.2.3"),
		"the authentication certificate":                    h.signer(t).Certificate().Raw,
		"one that only its usage tells":                     forged(t, func(*x509.Certificate) {}),
		"one with the policy of signature certificates": forged(t, func(c *x509.Certificate) {
			c.Policies = []x509.OID{oid(t, "1.2.392.200149.8.5.1.1.20")}
		}),
		"an authority's": h.card.CACertificate().Raw,
	} {
		d := &desk{tap: &tap{}}
		serveFiles(d, map[byte][]byte{0x01: other})
		asked := len(h.shown)
		_, err = jpki.NewSignatureSigner(ctx, func(ctx context.Context, _ string) (jpki.Connection, error) {
			c, err := h.connect(ctx, "")
			if err == nil && len(h.shown) > asked { // after the password
				c.(*tap).after = d.tap.after
			}
			return c, err
		}, "Reader", h.ask)
		if strings.HasPrefix(name, "with ") {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, trust.ErrWrongKind, name)
	}
}

func TestReadyToSign(t *testing.T) {
	ctx := context.Background()
	h := newSigningHolder(t)
	card, err := h.driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	defer card.Close()
	require.NoError(t, jpki.Do(ctx, card, func(a *jpki.Application) error {
		ready, err := a.ReadyToSign(ctx)
		assert.Equal(t, credential.Counter{Remaining: 5, Max: 5}, ready.Counter)
		require.NoError(t, err)
		_, err = a.SignatureCertificate(ctx)
		require.ErrorIs(t, err, jpki.ErrPINRequired)
		authority, err := a.SignatureCACertificate(ctx)
		require.NoError(t, err)
		require.NoError(t, a.VerifySignaturePassword(ctx, password(t, simulator.Password)))
		certificate, err := a.SignatureCertificate(ctx)
		require.NoError(t, err)
		require.NoError(t, certificate.CheckSignatureFrom(authority))
		// The password is not the PIN.
		own, err := a.AuthCertificate(ctx)
		require.NoError(t, err)
		require.ErrorIs(t, a.ProvePossession(ctx, own), jpki.ErrPINRequired)
		return nil
	}))
}
