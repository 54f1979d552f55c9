package trust_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// A certificate is for user authentication, for signatures, or for neither, by its key usage
// and by what contradicts that.
//
// Faults: F55.
func TestKindsOfCertificates(t *testing.T) {
	const digital, content = x509.KeyUsageDigitalSignature, x509.KeyUsageContentCommitment
	ca := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	for name, tt := range map[string]struct {
		change                    func(*x509.Certificate)
		authentication, signature bool
	}{
		"digital signature":       {cardtest.Unchanged, true, false},
		"content commitment":      {func(c *x509.Certificate) { c.KeyUsage = content }, false, true},
		"both":                    {func(c *x509.Certificate) { c.KeyUsage = digital | content }, false, true},
		"neither":                 {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, false, false},
		"none":                    {func(c *x509.Certificate) { c.KeyUsage = 0 }, false, false},
		"certificate signing":     {func(c *x509.Certificate) { c.KeyUsage = digital | content | x509.KeyUsageCertSign }, false, false},
		"a CA certificate":        {func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true }, false, false},
		"for clients":             {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, true, false},
		"for any purpose":         {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, false, false},
		"the policy of signature": {func(c *x509.Certificate) { c.Policies = []x509.OID{cardtest.OID(t, "1.2.392.200149.8.5.1.1.20")} }, false, false},
		"content commitment and that policy": {func(c *x509.Certificate) {
			c.KeyUsage = content
			c.Policies = []x509.OID{cardtest.OID(t, "1.2.392.200149.8.5.1.1.20")}
		}, false, true},
	} {
		certificate := ca.Issue(t, cardtest.HolderKey(), tt.change)
		for _, check := range []struct {
			err error
			ok  bool
		}{{trust.CheckAuthenticationCertificate(certificate), tt.authentication}, {trust.CheckSignatureCertificate(certificate), tt.signature}} {
			if check.ok {
				require.NoError(t, check.err, name)
			} else {
				require.ErrorIs(t, check.err, trust.ErrWrongKind, name)
			}
		}
	}
}

// A certificate's key can be used if it is RSA with 2048 to 4096 bits, or ECDSA on P-256 or
// P-384.
//
// Faults: F53.
func TestCheckKey(t *testing.T) {
	curve := func(c elliptic.Curve) crypto.PublicKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		require.NoError(t, err)
		return key.Public()
	}
	modulus := func(bits uint, exponent int) crypto.PublicKey {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: exponent}
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0)}
	for name, tt := range map[string]struct {
		key    crypto.PublicKey
		usable bool
	}{
		"RSA 2048":              {modulus(2048, 65537), true},
		"RSA 4096":              {modulus(4096, 65537), true},
		"RSA 2048, exponent 3":  {modulus(2048, 3), true},
		"RSA 2047":              {modulus(2047, 65537), false},
		"RSA 4097":              {modulus(4097, 65537), false},
		"RSA 2048, exponent 1":  {modulus(2048, 1), false},
		"RSA 2048, exponent 16": {modulus(2048, 16), false},
		"P-256":                 {curve(elliptic.P256()), true},
		"P-384":                 {curve(elliptic.P384()), true},
		"P-224":                 {curve(elliptic.P224()), false},
		"P-521":                 {curve(elliptic.P521()), false},
		"Ed25519":               {edwards, false},
	} {
		certificate := cardtest.Certify(t, template, template, tt.key, cardtest.CAKey())
		err := trust.CheckKey(certificate)
		if tt.usable {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, trust.ErrUnsupportedKey, name)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
}

// Parse accepts one certificate, and nothing else. Its errors do not quote the certificate.
//
// Faults: F49, F51.
func TestParse(t *testing.T) {
	certificate := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged).Issue(t, cardtest.HolderKey(), cardtest.Unchanged)
	parsed, err := trust.Parse(certificate.Raw)
	require.NoError(t, err)
	assert.True(t, certificate.Equal(parsed))

	longer := append(bytes.Clone(certificate.Raw), 0x05, 0x00)
	longer[2], longer[3] = byte((len(longer)-4)>>8), byte(len(longer)-4) // one part more
	for name, der := range map[string][]byte{
		"nothing":                     nil,
		"filler":                      bytes.Repeat([]byte{0xFF}, 100),
		"a certificate and a byte":    append(bytes.Clone(certificate.Raw), 0xFF),
		"a truncated certificate":     certificate.Raw[:len(certificate.Raw)-1],
		"a certificate of four parts": longer,
	} {
		_, err := trust.Parse(der)
		require.ErrorIs(t, err, trust.ErrMalformed, name)
		assert.NotContains(t, err.Error(), "HOLDER")
	}
}

// An expired certificate is accepted only if the caller allows it. A certificate that is not
// yet valid is always rejected. The text of the error has no date, because a certificate expires on its
// holder's birthday.
//
// Faults: F56, F92.
func TestCheckValidity(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name         string
		from, to     int // days from now
		allowExpired bool
		usage        x509.KeyUsage
		want         error
	}{
		{"valid", -1, 300, false, 0, nil},
		{"expiring", -1, 1, false, 0, nil},
		{"expired", -2, -1, false, 0, trust.ErrExpired},
		{"expired, signature", -2, -1, false, x509.KeyUsageContentCommitment, trust.ErrExpired},
		{"expired, allowed", -2, -1, true, 0, nil},
		{"not yet valid", 1, 2, true, 0, trust.ErrNotYetValid},
	} {
		certificate := &x509.Certificate{NotBefore: now.AddDate(0, 0, tt.from), NotAfter: now.AddDate(0, 0, tt.to), KeyUsage: tt.usage}
		err := trust.CheckValidity(certificate, now, tt.allowExpired)
		require.ErrorIs(t, err, tt.want, tt.name)
		if tt.want == nil {
			continue
		}
		var unusable *trust.ValidityError
		require.ErrorAs(t, err, &unusable, tt.name)
		assert.Equal(t, trust.ValidityError{
			Reason: tt.want, SignatureCertificate: tt.usage != 0, NotBefore: certificate.NotBefore, NotAfter: certificate.NotAfter,
		}, *unusable)
		assert.Equal(t, tt.want.Error(), err.Error())
	}
	assert.EqualError(t, &trust.ValidityError{}, "certificate can't be used now")
}
