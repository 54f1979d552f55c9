package jpki_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
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
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// certified is a certificate of a key, signed by a signer of any kind.
func certified(t testing.TB, template, parent *x509.Certificate, key any, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return made
}

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

// What a caller's CA certificate doesn't allow, its key can't do: it is no issuer of
// a card's certificate, the error says why, and no PIN is sent. With a certificate of
// the same key beside it that allows it, the card is accepted.
//
// Faults: F94.
func TestCACertificatesAreBelievedForWhatTheyAllow(t *testing.T) {
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
	nothing := func(*x509.Certificate) {}
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
				c.Policies = append(c.Policies, oid(t, p))
			}
		}
	}
	directory := []byte{0x30, 0x13, 0xA0, 0x11, 0x30, 0x0F, 0xA4, 0x0D, 0x30, 0x0B, 0x31, 0x09, 0x30, 0x07, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x00}
	const auth, other, any = "1.2.392.200149.8.5.1.3.30", "1.2.3.4", "2.5.29.32.0"

	for _, tt := range []struct {
		name string
		key  crypto.Signer // nil is RSA with 2048 bits
		ca   change
		leaf change
		// Why it is refused, "" is not. By the CA certificate alone, or with the
		// card's only.
		cause     string
		withCards bool
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
		{name: "the card's signed over SHA-1", leaf: func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }, cause: "SHA1", withCards: true},

		{name: "the card's policy", ca: policies(auth)},
		{name: "the card's policy among others", ca: policies(other, auth)},
		{name: "any policy", ca: policies(any)},
		{name: "any policy among others", ca: policies(other, any)},
		{name: "any policy, the card's has none", ca: policies(any), leaf: policies()},
		{name: "another policy", ca: policies(other), cause: "none of its CA's policies", withCards: true},
		{name: "a policy, the card's has none", ca: policies(auth), leaf: policies(), cause: "none of its CA's policies", withCards: true},
		{name: "a policy, the card's has any", ca: policies(auth), leaf: policies(any), cause: "none of its CA's policies", withCards: true},
		{name: "a policy of which the card's is a part", ca: policies("1.2.392.200149.8.5.1.3.3"), cause: "none of its CA's policies", withCards: true},
		{name: "some policy required", ca: extension(true, []byte{0x30, 0x03, 0x80, 0x01, 0x00}, 2, 5, 29, 36)},
		{name: "some policy required, the card's has none", ca: extension(true, []byte{0x30, 0x03, 0x80, 0x01, 0x00}, 2, 5, 29, 36),
			leaf: policies(), cause: "no policy", withCards: true},
		{name: "some policy required next, the card's has none", ca: extension(true, []byte{0x30, 0x03, 0x80, 0x01, 0x01}, 2, 5, 29, 36),
			leaf: policies(), cause: "no policy", withCards: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key == nil {
				tt.key = authoritysKey()
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
				return certified(t, template, template, tt.key.Public(), tt.key)
			}
			ca := made(tt.ca)
			template := &x509.Certificate{
				SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "HOLDER"},
				NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(3, 0, 0),
				KeyUsage: x509.KeyUsageDigitalSignature, Policies: []x509.OID{oid(t, auth)},
			}
			if tt.leaf != nil {
				tt.leaf(template)
			}
			leaf := certified(t, template, ca, holdersKey().Public(), tt.key)
			checkCA(t, ca, leaf, tt.cause, tt.withCards)

			if tt.cause != "" && tt.leaf == nil && tt.key == authoritysKey() {
				got, err := authenticatedBy(t, ca, leaf, jpki.RequireChain(ca, made(nothing)))
				require.NoError(t, err)
				assert.Equal(t, trust.Caller, got.Chain)
			}
		})
	}
	t.Run("signed over MD5", func(t *testing.T) {
		jlis := newIssuer(t, authoritysKey(), nothing)
		leaf, err := x509.ParseCertificate(jlis.issue(t, holdersKey(), nothing))
		require.NoError(t, err)
		checkCA(t, overMD5(t, jlis.certificate, authoritysKey()), leaf, "MD5", false)
		checkCA(t, jlis.certificate, overMD5(t, leaf, authoritysKey()), "MD5", true)
	})
}

// checkCA has a card with a certificate of a caller's CA accepted, or refused for a
// cause that the CA certificate gives or both of them do.
func checkCA(t *testing.T, ca, leaf *x509.Certificate, cause string, withCards bool) {
	t.Helper()
	alone := trust.CheckCACertificate(ca)
	got, err := authenticatedBy(t, ca, leaf, jpki.RequireChain(ca))
	if cause == "" {
		require.NoError(t, alone)
		require.NoError(t, err)
		assert.Equal(t, trust.Caller, got.Chain)
		return
	}
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	assert.Contains(t, err.Error(), cause)
	if withCards {
		require.NoError(t, alone)
	} else {
		require.ErrorIs(t, alone, trust.ErrCACertificate)
		require.ErrorIs(t, err, trust.ErrCACertificate)
		assert.Contains(t, err.Error(), alone.Error())
	}
	_, err = authenticatedBy(t, ca, leaf, jpki.RequireChain(), jpki.WithPinned(ca))
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	for _, option := range []jpki.CardOption{jpki.WithChain(ca), jpki.TrustSimulator(ca)} {
		got, err := authenticatedBy(t, ca, leaf, option)
		require.NoError(t, err)
		assert.Equal(t, trust.Unknown, got.Chain)
	}
}

// authenticatedBy authenticates a genuine holder's card with some certificates. What
// is refused costs no attempt.
func authenticatedBy(t *testing.T, ca, leaf *x509.Certificate, options ...jpki.CardOption) (*jpki.Authentication, error) {
	t.Helper()
	d := cardtest.Open(t, simulator.ContactExtended)
	d.ServeFiles(map[byte][]byte{0x0A: leaf.Raw, 0x0B: ca.Raw})
	d.SignWith(signedBy(t, holdersKey()))
	got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), options...)
	if err != nil {
		assert.Zero(t, d.Secrets())
	}
	assert.Equal(t, 3, d.Card.State().AuthTries)
	return got, err
}
