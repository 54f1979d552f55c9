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
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// newSigningHolder makes a holder who enters the signature password.
func newSigningHolder(t testing.TB, options ...simulator.Option) *cardtest.Holder {
	h := cardtest.NewHolder(t, simulator.Contact, options...)
	h.Types = "abc123" // as people do
	t.Cleanup(func() { assert.Equal(t, 3, h.Card.State().AuthAttempts) })
	return h
}

// The signature key needs a password for each signature, and one for the certificate.
func TestSignatureSigner(t *testing.T) {
	h := newSigningHolder(t)
	s := h.SignatureSigner(t)
	assert.NotZero(t, s.Certificate().KeyUsage)
	assert.Equal(t, 1, h.Asked())
	for n, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA512} {
		digest := digestOf(hash)
		signature, err := s.Sign(nil, digest, hash)
		require.NoError(t, err)
		requireSignature(t, s, hash, digest, signature)
		assert.Equal(t, n+2, h.Secrets())
		assert.Equal(t, credential.Counter{Remaining: 5, Max: 5}, h.Shown()[n+1].Counter)
	}
	has, err := s.PSS(context.Background())
	require.NoError(t, err)
	assert.True(t, has)
	assert.NotEqual(t, s.Public(), h.Signer(t).Public(), "another key than for authentication")
}

func TestSignatureSignerKeepsTheCardUnlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newSigningHolder(t, simulator.WithClock(time.Now))
		s := h.SignatureSigner(t, jpki.KeepUnlocked(time.Minute))
		for range 2 {
			signs256(t, s)
		}
		assert.Equal(t, 1, h.Asked(), "the certificate and what follows, for one")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.False(t, h.Card.State().SignatureVerified)
		signs256(t, s)
		assert.Equal(t, 2, h.Asked())
	})
}

func TestSignaturePasswordAttempts(t *testing.T) {
	h := newSigningHolder(t)
	s := h.SignatureSigner(t)
	h.Types = "WRONG999"
	for _, left := range []int{4, 3, 2, 1} {
		_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, credential.Error{Reason: credential.ErrWrong, Kind: credential.SignaturePassword, Remaining: left, Max: 5, Known: true, Cause: wrong.Cause}, *wrong)
		assert.Contains(t, err.Error(), "signature password")
		assert.NotContains(t, err.Error(), "WRONG999")
		assert.Equal(t, left, h.Card.State().SignatureAttempts)
	}
	asked := h.Asked()
	_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrLastAttempt)
	assert.Contains(t, err.Error(), "signature password")
	assert.Equal(t, asked, h.Asked())
	h.Types = "ABC123"
	_, err = h.SignatureSigner(t, jpki.AllowLastAttempt()).Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.NoError(t, err)
	assert.Equal(t, 5, h.Card.State().SignatureAttempts)
}

// Faults: F25.
func TestSignatureSignerRejectsAnotherCard(t *testing.T) {
	other := cardtest.AnotherCard(t, simulator.Contact)
	h := newSigningHolder(t)
	s := h.SignatureSigner(t)
	h.Insert(t, other)
	asked := h.Asked()
	_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.Equal(t, asked, h.Asked())

	h.Insert(t, h.Card)
	h.Typing = func(context.Context) error { h.Insert(t, other); return nil }
	_, err = s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	h.Unsent(1)
	assert.Equal(t, 5, other.State().SignatureAttempts)
}

// A card without a usable authentication certificate is recognized by its signature
// certificate, after the password.
func TestSignatureSignerWithoutAnAuthenticationCertificate(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.NoCertificate)
	h.Types = simulator.Password
	s := h.SignatureSigner(t)
	signs256(t, s)
	h.Insert(t, cardtest.AnotherCard(t, simulator.NoCertificate))
	_, err := s.Sign(nil, digestOf(crypto.SHA256), crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	requireNothingSigned(t, h)
}

// The holder of a card without a signature certificate is not asked for the password. With
// a certificate of another kind nothing is signed.
//
// Faults: F55.
func TestSignatureCertificates(t *testing.T) {
	ctx := context.Background()
	h := newSigningHolder(t)
	for _, absent := range []simulator.Fault{{INS: apdu.InsReadBinary}, {Command: isSelectFile}} {
		absent.Do = simulator.AnswerStatus(apdu.StatusFileNotFound)
		h.Slot.AddFault(absent)
	}
	_, err := jpki.NewSignatureSigner(ctx, h.Connect, "Reader", h.AskPassword)
	require.ErrorIs(t, err, jpki.ErrNoCertificate)
	assert.Zero(t, h.Asked())
	h.Slot.ClearFaults()

	_, err = jpki.NewSignatureSigner(ctx, h.Connect, "Reader", nil)
	require.ErrorIs(t, err, jpki.ErrPINRequired)
	h.Typing = func(context.Context) error { return errNobody }
	_, err = jpki.NewSignatureSigner(ctx, h.Connect, "Reader", h.AskPassword)
	require.ErrorIs(t, err, errNobody)
	h.Typing = nil

	usage := func(policy string) []byte {
		return forged(t, func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
			c.Policies = []x509.OID{cardtest.OID(t, policy)}
		})
	}
	for name, other := range map[string][]byte{
		"with the policy once published for authentication": usage("1.2.392.200149.8.5.1.3.30"),
		"with an unknown policy":                            usage("1.2.3"),
		"the authentication certificate":                    h.Signer(t).Certificate().Raw,
		"one that only its usage tells":                     forged(t, cardtest.Unchanged),
		"one with the policy of signature certificates": forged(t, func(c *x509.Certificate) {
			c.Policies = []x509.OID{cardtest.OID(t, "1.2.392.200149.8.5.1.1.20")}
		}),
		"a CA's": h.Card.CACertificate().Raw,
	} {
		h.Typing = func(context.Context) error { h.ServeFiles(map[byte][]byte{0x01: other}); return nil }
		_, err = jpki.NewSignatureSigner(ctx, h.Connect, "Reader", h.AskPassword)
		h.After = nil
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
	require.NoError(t, jpki.Do(ctx, h.OtherProgram(t), func(a *jpki.Application) error {
		ready, err := a.ReadyToSign(ctx)
		assert.Equal(t, credential.Counter{Remaining: 5, Max: 5}, ready.Counter)
		require.NoError(t, err)
		_, err = a.SignatureCertificate(ctx)
		require.ErrorIs(t, err, jpki.ErrPINRequired)
		ca, err := a.SignatureCACertificate(ctx)
		require.NoError(t, err)
		require.NoError(t, a.VerifySignaturePassword(ctx, password(t, simulator.Password)))
		certificate, err := a.SignatureCertificate(ctx)
		require.NoError(t, err)
		require.NoError(t, certificate.CheckSignatureFrom(ca))
		// The password is not the PIN.
		own, err := a.AuthCertificate(ctx)
		require.NoError(t, err)
		require.ErrorIs(t, prove(ctx, a, own), jpki.ErrPINRequired)
		return nil
	}))
}
