package trust_test

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// The key usage decides what a certificate is for. The policy of authentication
// certificates was published once, so a genuine certificate may have another one or none.
// Only the policy of signature certificates contradicts the key usage.
//
// Faults: F55.
func TestPoliciesOfPinnedCertificates(t *testing.T) {
	jlis := cardtest.NewCA(t, cardtest.HolderKey(), cardtest.Unchanged)
	for policy, want := range map[string]error{
		"1.2.392.200149.8.5.1.3.30":  nil,
		"1.2.392.200149.8.5.1.30.3":  nil,
		"1.2.392.200149.8.5.1.1.30":  nil, // beside the signature certificate's, as on test cards
		"1.2.392.200149.8.5.1.1.40":  nil,
		"1.2.392.200149.8.5.1.0.30":  nil, // a test card's
		"2.5.29.32.0":                nil, // any policy
		"1.2.3":                      nil,
		"":                           nil,
		"1.2.392.200149.8.5.1.1.20":  trust.ErrWrongKind,
		"1.2.392.200149.8.5.1.0.20":  trust.ErrWrongKind, // a test card's
		"1.2.392.200149.8.5.1.1.200": nil,
	} {
		leaf := jlis.Issue(t, cardtest.AttackerKey(), func(c *x509.Certificate) {
			c.Policies = nil
			if policy != "" {
				c.Policies = []x509.OID{cardtest.OID(t, policy)}
			}
		})
		require.ErrorIs(t, trust.CheckAuthenticationCertificate(leaf), want, policy)
		chain, err := issuerOf(leaf, trust.Policy{Anchors: []trust.Anchor{anchorOf(jlis.Certificate)}}, jlis.Certificate)
		require.NoError(t, err)
		assert.Equal(t, trust.IssuerPinned, chain, "whoever issued it")
	}
}

// A CA may have several certificates of the same key, for example when the first one
// expires. The valid one decides, whatever their order.
func TestACAWithSeveralCertificates(t *testing.T) {
	old := cardtest.NewCA(t, cardtest.CAKey(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	current := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	leaf := old.Issue(t, cardtest.HolderKey(), cardtest.Unchanged)
	for _, given := range [][]*x509.Certificate{{old.Certificate, current.Certificate}, {current.Certificate, old.Certificate}} {
		chain, err := issuerOf(leaf, trust.Policy{CAs: given, Required: true}, nil)
		require.NoError(t, err)
		assert.Equal(t, trust.IssuerCaller, chain)
	}
	_, err := issuerOf(leaf, trust.Policy{CAs: []*x509.Certificate{old.Certificate}}, nil)
	require.ErrorIs(t, err, trust.ErrIssuerExpired)
}

// The CA certificate on the card is read only if an anchor may have issued the certificate
// and no given CA did.
//
// Faults: F59.
func TestIssuer(t *testing.T) {
	jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	stranger := cardtest.NewCA(t, cardtest.AttackerKey(), func(c *x509.Certificate) { c.SubjectKeyId = []byte("another") })
	namesake := cardtest.NewCA(t, cardtest.AttackerKey(), cardtest.Unchanged)
	leaf := jlis.Issue(t, cardtest.HolderKey(), cardtest.Unchanged)
	list := func(cas ...cardtest.CA) (certificates []*x509.Certificate) {
		for _, ca := range cas {
			certificates = append(certificates, ca.Certificate)
		}
		return certificates
	}
	anchors := func(cas ...cardtest.CA) (anchors []trust.Anchor) {
		for _, ca := range cas {
			anchors = append(anchors, anchorOf(ca.Certificate))
		}
		return anchors
	}
	lost := errors.New("connection lost")
	for _, tt := range []struct {
		name   string
		policy trust.Policy
		onCard *x509.Certificate
		fails  error // of reading it
		want   trust.Issuer
		reads  int
		err    error
	}{
		{"no policy", trust.Policy{}, nil, nil, trust.IssuerUnknown, 0, nil},
		{"a given CA", trust.Policy{CAs: list(namesake, jlis), Required: true}, nil, nil, trust.IssuerCaller, 0, nil},
		{"a given CA and an anchor", trust.Policy{CAs: list(jlis), Anchors: anchors(jlis)}, jlis.Certificate, nil, trust.IssuerCaller, 0, nil},
		{"a given CA of the same name", trust.Policy{CAs: list(namesake), Required: true}, nil, nil, "", 0, trust.ErrUnknownIssuer},
		{"the simulator's", trust.Policy{SimulatorCAs: list(jlis)}, nil, nil, trust.IssuerSimulator, 0, nil},
		{"the simulator's, not accepted", trust.Policy{SimulatorCAs: list(jlis), Required: true}, nil, nil, "", 0, trust.ErrUnknownIssuer},
		{"an anchor", trust.Policy{Anchors: anchors(stranger, jlis), Required: true}, jlis.Certificate, nil, trust.IssuerPinned, 1, nil},
		{"an anchor with another key", trust.Policy{Anchors: anchors(stranger)}, jlis.Certificate, nil, trust.IssuerUnknown, 0, nil},
		{"an anchor of the same name", trust.Policy{Anchors: anchors(namesake), Required: true}, jlis.Certificate, nil, "", 1, trust.ErrUnknownIssuer},
		{"the anchor's certificate, of another issuer", trust.Policy{Anchors: anchors(namesake), Required: true}, namesake.Certificate, nil, "", 1, trust.ErrUnknownIssuer},
		{"J-LIS's anchors", trust.Policy{Anchors: trust.JLIS(), Required: true}, jlis.Certificate, nil, "", 0, trust.ErrUnknownIssuer},
		{"no CA certificate on the card", trust.Policy{Anchors: anchors(jlis)}, nil, trust.ErrUnknownIssuer, trust.IssuerUnknown, 1, nil},
		{"no CA certificate on the card, but required", trust.Policy{Anchors: anchors(jlis), Required: true}, nil, trust.ErrUnknownIssuer, "", 1, trust.ErrUnknownIssuer},
		{"the connection is lost", trust.Policy{Anchors: anchors(jlis)}, nil, lost, "", 1, lost},
	} {
		reads := 0
		chain, err := tt.policy.Issuer(leaf, time.Now(), func() (*x509.Certificate, error) {
			reads++
			return tt.onCard, tt.fails
		})
		require.ErrorIs(t, err, tt.err, tt.name)
		assert.Equal(t, tt.reads, reads, tt.name)
		if tt.err == nil {
			assert.Equal(t, tt.want, chain, tt.name)
		}
	}
}
