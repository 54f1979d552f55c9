package jpki_test

import (
	"bytes"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// withOtherEncoding makes a certificate's key one byte longer, at the cost of what follows.
// Go's parser accepts that.
func withOtherEncoding(t *testing.T, der []byte) []byte {
	t.Helper()
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	changed := bytes.Clone(der)
	changed[bytes.Index(changed, certificate.RawSubjectPublicKeyInfo)+3]++
	other, err := x509.ParseCertificate(changed)
	require.NoError(t, err)
	require.Equal(t, certificate.PublicKey, other.PublicKey)
	return changed
}

// A certificate whose key is not encoded as package x509 does is rejected before the PIN is
// sent.
//
// Faults: F91.
func TestACertificateWithAnotherEncodingOfItsKey(t *testing.T) {
	jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	der := withOtherEncoding(t, jlis.Issue(t, cardtest.HolderKey(), cardtest.Unchanged).Raw)
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended} {
		d := cardtest.Open(t, profile)
		d.ServeFiles(map[byte][]byte{0x0A: der, 0x0B: jlis.Certificate.Raw})
		d.SignWith(cardtest.SignedBy(t, cardtest.HolderKey()))
		got, err := jpki.Authenticate(t.Context(), d.Connection, pin(t, simulator.PIN), jpki.RequireChain(), jpki.WithPinned(jlis.Certificate))
		require.ErrorIs(t, err, trust.ErrMalformed)
		assert.Nil(t, got)

		a := open(t, d)
		_, err = a.AuthCertificate(t.Context())
		require.ErrorIs(t, err, trust.ErrMalformed)
		_, err = a.Ready(t.Context())
		require.ErrorIs(t, err, trust.ErrMalformed)
		parsed, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		require.ErrorIs(t, prove(t.Context(), a, parsed), trust.ErrMalformed)
		assert.Zero(t, d.Secrets())
	}
}

// The same for the signature certificate.
//
// Faults: F91.
func TestASignatureCertificateWithAnotherEncodingOfItsKey(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	d.ServeFiles(map[byte][]byte{0x01: withOtherEncoding(t, signatureCertificate(t))})
	_, err := open(t, d).SignatureCertificate(t.Context())
	require.ErrorIs(t, err, trust.ErrMalformed)
}
