package jpki_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestAnnouncedCardAuthenticates(t *testing.T) {
	d := cardtest.Open(t, simulator.Announced2028)
	got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.RequireChain(d.Card.CACertificate()))
	require.NoError(t, err)
	assert.True(t, got.Certificate() != nil)
	assert.Equal(t, trust.IssuerCaller, got.Issuer())
	assert.Equal(t, elliptic.P384(), got.Certificate().PublicKey.(*ecdsa.PublicKey).Curve)
	assert.True(t, got.Certificate().NotAfter.Sub(got.Certificate().NotBefore) > 9*365*24*time.Hour)
	assert.Equal(t, 1, d.Secrets())
	assert.False(t, d.Card.State().AuthVerified)
}

func TestAnnouncedCardCountsAttempts(t *testing.T) {
	d := cardtest.Open(t, simulator.Announced2028)
	for _, left := range []int{2, 1} {
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "0000"), jpki.AllowLastAttempt())
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, credential.ErrWrong, wrong.Reason)
		assert.Equal(t, left, wrong.Remaining)
	}
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "0000"))
	require.ErrorIs(t, err, credential.ErrLastAttempt)
	assert.Equal(t, 2, d.Secrets())
}

func TestAnnouncedCardIsDescribed(t *testing.T) {
	require.NoError(t, jpki.Do(context.Background(), cardtest.Open(t, simulator.Announced2028).Connection, func(a *jpki.Application) error {
		token, err := a.Token(context.Background())
		require.NoError(t, err)
		assert.Equal(t, jpki.AnnouncedCard, token.Kind)
		password, err := a.SignaturePasswordCounter(context.Background())
		require.NoError(t, err)
		assert.Equal(t, credential.Counter{Remaining: 5, Max: 5}, password)
		return a.ProbeFullResponse(context.Background())
	}))
}

func TestAnnouncedCardSigns(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Announced2028)
	s := h.Signer(t)
	sha384, sha512 := sha512.Sum384([]byte("message")), sha512.Sum512([]byte("message"))
	sha256 := sha256.Sum256([]byte("message"))
	for hash, digest := range map[crypto.Hash][]byte{crypto.SHA256: sha256[:], crypto.SHA384: sha384[:], crypto.SHA512: sha512[:]} {
		signature, err := s.Sign(nil, digest, hash)
		require.NoError(t, err)
		assert.True(t, ecdsa.VerifyASN1(s.Public().(*ecdsa.PublicKey), digest, signature), hash)
	}
	for name, options := range map[string]crypto.SignerOpts{"PSS": &rsa.PSSOptions{Hash: crypto.SHA256}, "SHA-1": crypto.SHA1} {
		_, err := s.Sign(nil, make([]byte, options.HashFunc().Size()), options)
		require.ErrorIs(t, err, jpki.ErrUnsupportedSignature, name)
	}
	_, err := s.Sign(nil, sha256[:31], crypto.SHA256)
	require.ErrorIs(t, err, jpki.ErrDigestLength)
	pss, err := s.PSS(context.Background())
	require.NoError(t, err)
	assert.False(t, pss)
	assert.Equal(t, 3, h.Asked())
}

func TestAnnouncedCardSignsForItsHolder(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Announced2028)
	h.Types = simulator.Password
	s := h.SignatureSigner(t)
	digest := sha512.Sum384([]byte("document"))
	signature, err := s.Sign(nil, digest[:], crypto.SHA384)
	require.NoError(t, err)
	assert.True(t, ecdsa.VerifyASN1(s.Public().(*ecdsa.PublicKey), digest[:], signature))
	attributes, err := jpki.ParseAttributes(s.Certificate())
	require.NoError(t, err)
	assert.NotEmpty(t, attributes.Name())
}

// A signature that does not verify, or of another length, is no proof.
func TestForgedECDSASignaturesProveNothing(t *testing.T) {
	for name, forged := range map[string][]byte{
		"another signature": bytes.Repeat([]byte{1}, 96),
		"zeros":             make([]byte, 96),
		"a byte less":       make([]byte, 95),
		"nothing":           {},
	} {
		d := cardtest.Open(t, simulator.Announced2028)
		d.SignWith(func([]byte) []byte { return forged })
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
		require.ErrorIs(t, err, jpki.ErrNoPossession, name)
		assert.False(t, d.Card.State().AuthVerified, name)
	}
}
