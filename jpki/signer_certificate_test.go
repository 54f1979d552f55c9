package jpki_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
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

// A phone shows its certificate only after the PIN, so NewSigner asks for one. Another
// phone is recognized only after its PIN, and signs nothing.
func TestSignerOfAPhone(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Android)
	s := h.Signer(t)
	assert.Equal(t, 1, h.Asked())
	digest := digestOf(crypto.SHA256)
	signature, err := s.Sign(nil, digest, crypto.SHA256)
	require.NoError(t, err)
	requireSignature(t, s, crypto.SHA256, digest, signature)

	other := cardtest.AnotherCard(t, simulator.Android)
	h.Slot.Remove()
	require.NoError(t, h.Slot.Insert(other))
	_, err = s.Sign(nil, digest, crypto.SHA256)
	require.ErrorIs(t, err, credential.ErrOtherCard)
	assert.False(t, other.State().AuthVerified)
	requireNothingSigned(t, h)

	h.Typing = func(context.Context) error { return errNobody }
	_, err = jpki.NewSigner(context.Background(), h.Connect, "Reader", h.AskPIN)
	require.ErrorIs(t, err, errNobody)
}

// NewSigner rejects a certificate that can't be used, without asking for a PIN.
func TestSignersCertificate(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		profile simulator.Profile
		options []jpki.SignerOption
		err     error
	}{
		"expired":           {simulator.Expired, nil, trust.ErrExpired},
		"expired, allowed":  {simulator.Expired, []jpki.SignerOption{jpki.AllowExpired()}, nil},
		"none":              {simulator.NoCertificate, nil, jpki.ErrNoCertificate},
		"another card":      {simulator.NotMyNumber, nil, jpki.ErrNoApplication},
		"locked":            {simulator.Locked, nil, nil},
		"of unknown issuer": {simulator.Contact, []jpki.SignerOption{jpki.RequireChain()}, trust.ErrUnknownIssuer},
	} {
		h := cardtest.NewHolder(t, tt.profile)
		s, err := jpki.NewSigner(ctx, h.Connect, "Reader", h.AskPIN, tt.options...)
		require.ErrorIs(t, err, tt.err, name)
		assert.Equal(t, tt.err != nil, s == nil, name)
		assert.Zero(t, h.Asked(), name)
	}
}

// NewSigner rejects a key that this toolkit does not support.
func TestSignersKey(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}, &x509.Certificate{}, ec.Public(), ec)
	require.NoError(t, err)
	serve(h.Desk, der)
	_, err = jpki.NewSigner(context.Background(), h.Connect, "Reader", h.AskPIN)
	require.ErrorIs(t, err, trust.ErrUnsupportedKey)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// Package x509 accepts a Signer.
func TestSignerMakesACertificateRequest(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, h.Signer(t))
	require.NoError(t, err)
	request, err := x509.ParseCertificateRequest(der)
	require.NoError(t, err)
	require.NoError(t, request.CheckSignature())
}
