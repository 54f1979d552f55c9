package trust_test

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// J-LIS's CA certificates for signatures are CA certificates of the years that their comment names, and their
// key identifiers are those that were published.
func TestSignatureAnchors(t *testing.T) {
	anchors := trust.JLISSignature()
	require.Len(t, anchors, 3)
	for i, published := range []struct {
		id   string
		from int
	}{
		{"\x0D\x03\x4C\xBB\x34\xD0\x71\x4F\x45\xE4\x5A\x1C\xAF\xD8\xFD\x14\x3F\xAB\x54\xA7", 2015},
		{"\x4D\xE0\x17\xDE\x4B\x7F\x47\x3D\xCD\x86\x7A\x62\xD3\x8B\x13\x4A\xCE\x83\x55\x8A", 2019},
		{"\xD2\x1E\xA5\x58\x95\x61\x7E\x93\xAD\xBF\x96\x6B\x94\x1A\xB4\xED\xF6\x53\xF0\x8F", 2023},
	} {
		ca := anchors[i].Certificate
		require.NoError(t, trust.CheckCACertificate(ca))
		require.NoError(t, ca.CheckSignatureFrom(ca))
		assert.Equal(t, published.id, string(anchors[i].KeyID))
		assert.Equal(t, published.from, ca.NotBefore.In(trust.Japan).Year())
	}
	for _, a := range trust.JLIS() {
		assert.Nil(t, a.Certificate, "read from the card")
	}
}

// An anchor that contains its certificate needs no card. One whose certificate is another is not used.
func TestAnchorWithItsCertificate(t *testing.T) {
	ca := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	certificate := ca.Issue(t, cardtest.HolderKey(), cardtest.Unchanged)
	anchor := trust.JLISSignature()[0]
	noCard := func() (*x509.Certificate, error) { return nil, errors.New("no card") }

	anchor.Certificate = ca.Certificate // with J-LIS's fingerprint
	policy := trust.Policy{Anchors: []trust.Anchor{anchor}, Required: true}
	_, err := policy.Issuer(certificate, time.Now(), noCard)
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)

	policy.Anchors[0].Fingerprint = sha256.Sum256(ca.Certificate.Raw)
	issuer, err := policy.Issuer(certificate, time.Now(), noCard)
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerPinned, issuer)
}
