package trust_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// overMD5 is a certificate signed again, over MD5.
func overMD5(t testing.TB, certificate *x509.Certificate, by *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	sha256WithRSA, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11})
	require.NoError(t, err)
	md5WithRSA, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4})
	require.NoError(t, err)
	tbs := bytes.ReplaceAll(certificate.RawTBSCertificate, sha256WithRSA, md5WithRSA)
	hash := md5.Sum(tbs)
	signature, err := rsa.SignPKCS1v15(nil, by, crypto.MD5, hash[:])
	require.NoError(t, err)
	var b cryptobyte.Builder
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(md5WithRSA); b.AddASN1NULL() })
		b.AddASN1BitString(signature)
	})
	made, err := x509.ParseCertificate(b.BytesOrPanic())
	require.NoError(t, err)
	require.Equal(t, x509.MD5WithRSA, made.SignatureAlgorithm)
	return made
}

// A CA certificate that does not allow issuing a card's certificate is rejected, and the
// error says why. If the caller gives another certificate of the same key that allows it,
// the card's certificate is accepted.
//
// Faults: F94.
func TestCACertificateMustAllowIssuing(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	almost, err := rsa.GenerateKey(rand.Reader, 2047)
	require.NoError(t, err)
	curve := func(c elliptic.Curve) crypto.Signer {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		require.NoError(t, err)
		return key
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)

	type change = func(*x509.Certificate)
	usages := func(known ...x509.ExtKeyUsage) change { return func(c *x509.Certificate) { c.ExtKeyUsage = known } }
	extension := func(critical bool, value []byte, id ...int) change {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: id, Critical: critical, Value: value}}
		}
	}
	policies := func(dotted ...string) change {
		return func(c *x509.Certificate) {
			c.Policies = nil
			for _, p := range dotted {
				c.Policies = append(c.Policies, cardtest.OID(t, p))
			}
		}
	}
	directory := []byte{0x30, 0x13, 0xA0, 0x11, 0x30, 0x0F, 0xA4, 0x0D, 0x30, 0x0B, 0x31, 0x09, 0x30, 0x07, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x00}
	const auth, other, any = "1.2.392.200149.8.5.1.3.30", "1.2.3.4", "2.5.29.32.0"

	for _, tt := range []struct {
		name  string
		key   crypto.Signer // nil is RSA with 2048 bits
		ca    change
		leaf  change
		cause string // of the rejection; "" if it is accepted
		both  bool   // the cause lies in both certificates, not in the CA's alone
	}{
		{name: "honest"},
		{name: "for clients", ca: usages(x509.ExtKeyUsageClientAuth)},
		{name: "for clients and OCSP", ca: usages(x509.ExtKeyUsageOCSPSigning, x509.ExtKeyUsageClientAuth)},
		{name: "for any purpose", ca: usages(x509.ExtKeyUsageAny)},
		{name: "for servers", ca: usages(x509.ExtKeyUsageServerAuth), cause: "extended key usage"},
		{name: "for mail and code", ca: usages(x509.ExtKeyUsageEmailProtection, x509.ExtKeyUsageCodeSigning), cause: "extended key usage"},
		{name: "for what nobody knows", ca: func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4}} }, cause: "extended key usage"},
		{name: "for nothing", ca: extension(false, []byte{0x30, 0x00}, 2, 5, 29, 37), cause: "extended key usage"},

		{name: "no key usage", ca: func(c *x509.Certificate) { c.KeyUsage = 0 }},
		{name: "key usage of lists", ca: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, cause: "key usage"},
		{name: "key usage of a holder", ca: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, cause: "key usage"},
		{name: "key usage of nothing", ca: func(c *x509.Certificate) {
			c.KeyUsage = 0
			extension(true, []byte{0x03, 0x01, 0x00}, 2, 5, 29, 15)(c)
		}, cause: "key usage"},

		{name: "a path without other CAs", ca: func(c *x509.Certificate) { c.MaxPathLenZero = true }},
		{name: "a path with a CA", ca: func(c *x509.Certificate) { c.MaxPathLen = 1 }},
		{name: "no CA", ca: func(c *x509.Certificate) { c.IsCA = false }, cause: "not a CA certificate"},
		{name: "no basic constraints", ca: func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false }, cause: "not a CA certificate"},

		{name: "names that are permitted", ca: func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.jp"} }, cause: "name constraints"},
		{name: "names that are permitted, critical", ca: func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.jp"}
		}, cause: "name constraints"},
		{name: "names that are excluded", ca: func(c *x509.Certificate) { c.ExcludedEmailAddresses = []string{"example.jp"} }, cause: "name constraints"},
		{name: "directory names, which x509 does not evaluate", ca: extension(false, directory, 2, 5, 29, 30), cause: "name constraints"},
		{name: "directory names, critical", ca: extension(true, directory, 2, 5, 29, 30), cause: "critical extension"},
		{name: "something critical", ca: extension(true, []byte{5, 0}, 1, 2, 3, 4), cause: "critical extension"},

		{name: "RSA with 1024 bits", key: weak, cause: "RSA with 1024 bits"},
		{name: "RSA with 2047 bits", key: almost, cause: "RSA with 2047 bits"},
		{name: "a curve of 224 bits", key: curve(elliptic.P224()), cause: "curve of 224 bits"},
		{name: "P-256", key: curve(elliptic.P256())},
		{name: "P-384", key: curve(elliptic.P384())},
		{name: "Ed25519", key: edwards},

		{name: "signed over SHA-1", ca: func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }, cause: "SHA1"},
		{name: "signed over SHA-1, on a curve", key: curve(elliptic.P256()), ca: func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }, cause: "SHA1"},
		{name: "the card's signed over SHA-1", leaf: func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }, cause: "SHA1", both: true},

		{name: "the card's policy", ca: policies(auth)},
		{name: "the card's policy among others", ca: policies(other, auth)},
		{name: "any policy", ca: policies(any)},
		{name: "any policy among others", ca: policies(other, any)},
		{name: "any policy, the card's has none", ca: policies(any), leaf: policies()},
		{name: "another policy", ca: policies(other), cause: "none of its CA's policies", both: true},
		{name: "a policy, the card's has none", ca: policies(auth), leaf: policies(), cause: "none of its CA's policies", both: true},
		{name: "a policy, the card's has any", ca: policies(auth), leaf: policies(any), cause: "none of its CA's policies", both: true},
		{name: "a policy of which the card's is a part", ca: policies("1.2.392.200149.8.5.1.3.3"), cause: "none of its CA's policies", both: true},
		{name: "some policy required", ca: extension(true, []byte{0x30, 0x03, 0x80, 0x01, 0x00}, 2, 5, 29, 36)},
		{name: "some policy required, the card's has none", ca: extension(true, []byte{0x30, 0x03, 0x80, 0x01, 0x00}, 2, 5, 29, 36),
			leaf: policies(), cause: "no policy", both: true},
		{name: "some policy required next, the card's has none", ca: extension(true, []byte{0x30, 0x03, 0x80, 0x01, 0x01}, 2, 5, 29, 36),
			leaf: policies(), cause: "no policy", both: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key == nil {
				tt.key = cardtest.CAKey()
			}
			made := func(change change) *x509.Certificate {
				template := &x509.Certificate{
					SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, SubjectKeyId: []byte("the CA's key"),
					NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
					KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
				}
				if change != nil {
					change(template)
				}
				return cardtest.Certify(t, template, template, tt.key.Public(), tt.key)
			}
			ca := made(tt.ca)
			template := &x509.Certificate{
				SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "HOLDER"},
				NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(3, 0, 0),
				KeyUsage: x509.KeyUsageDigitalSignature, Policies: []x509.OID{cardtest.OID(t, auth)},
			}
			if tt.leaf != nil {
				tt.leaf(template)
			}
			leaf := cardtest.Certify(t, template, ca, cardtest.HolderKey().Public(), tt.key)
			checkCA(t, ca, leaf, tt.cause, tt.both)

			if tt.cause != "" && tt.leaf == nil && tt.key == cardtest.CAKey() {
				chain, err := issuerOf(leaf, trust.Policy{CAs: []*x509.Certificate{ca, made(cardtest.Unchanged)}, Required: true}, ca)
				require.NoError(t, err)
				assert.Equal(t, trust.IssuerCaller, chain)
			}
		})
	}
	t.Run("signed over MD5", func(t *testing.T) {
		jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
		leaf := jlis.Issue(t, cardtest.HolderKey(), cardtest.Unchanged)
		checkCA(t, overMD5(t, jlis.Certificate, cardtest.CAKey()), leaf, "MD5", false)
		checkCA(t, jlis.Certificate, overMD5(t, leaf, cardtest.CAKey()), "MD5", true)
	})
}

// checkCA checks that a certificate of a caller's CA is accepted, or rejected for a cause
// that lies in the CA certificate alone, or in both.
func checkCA(t *testing.T, ca, leaf *x509.Certificate, cause string, both bool) {
	t.Helper()
	alone := trust.CheckCACertificate(ca)
	given := []*x509.Certificate{ca}
	chain, err := issuerOf(leaf, trust.Policy{CAs: given, Required: true}, ca)
	if cause == "" {
		require.NoError(t, alone)
		require.NoError(t, err)
		assert.Equal(t, trust.IssuerCaller, chain)
		return
	}
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	assert.Contains(t, err.Error(), cause)
	if both {
		require.NoError(t, alone)
	} else {
		require.ErrorIs(t, alone, trust.ErrCACertificate)
		require.ErrorIs(t, err, trust.ErrCACertificate)
		assert.Contains(t, err.Error(), alone.Error())
	}
	_, err = issuerOf(leaf, trust.Policy{Anchors: []trust.Anchor{anchorOf(ca)}, Required: true}, ca)
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	for _, policy := range []trust.Policy{{CAs: given}, {SimulatorCAs: given}, {Anchors: []trust.Anchor{anchorOf(ca)}}} {
		chain, err := issuerOf(leaf, policy, ca)
		require.NoError(t, err)
		assert.Equal(t, trust.IssuerUnknown, chain)
	}
}

// anchorOf makes a CA certificate a trust anchor.
func anchorOf(ca *x509.Certificate) trust.Anchor {
	return trust.Anchor{Fingerprint: sha256.Sum256(ca.Raw), KeyID: ca.SubjectKeyId}
}

// issuerOf finds out who issued a certificate of a card that has this CA certificate.
func issuerOf(certificate *x509.Certificate, policy trust.Policy, onCard *x509.Certificate) (trust.Issuer, error) {
	return policy.Issuer(certificate, time.Now(), func() (*x509.Certificate, error) { return onCard, nil })
}
