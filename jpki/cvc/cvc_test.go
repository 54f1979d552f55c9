package cvc_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// element returns a TLV element.
func element(t testing.TB, tag tlv.Tag, value []byte) []byte {
	t.Helper()
	b, err := tlv.Append(nil, tag, value)
	require.NoError(t, err)
	return b
}

// keyOf returns a key in the card's format.
func keyOf(t testing.TB, exponent, modulus []byte) []byte {
	return append(element(t, 0x90, exponent), element(t, 0x91, modulus)...)
}

// certificate returns a CV certificate of a key, signed with a key of tests.
func certificate(t testing.TB, subject []byte) []byte {
	t.Helper()
	body := append([]byte("6000033\x08\x05001\x00\x00\x00\x001000001\x08\x05000\x00\x00\x00\x00"), subject...)
	sum := sha256.Sum256(body)
	signature, err := rsa.SignPKCS1v15(nil, cardtest.CAKey(), crypto.SHA256, sum[:])
	require.NoError(t, err)
	return element(t, 0x7F21, append(element(t, 0x5F4E, body), element(t, 0x5F37, signature)...))
}

var (
	exponent = []byte{1, 0, 1}
	modulus  = cardtest.CAKey().N.Bytes()
)

func TestParse(t *testing.T) {
	file := certificate(t, keyOf(t, exponent, modulus))
	c, err := cvc.Parse(append(file, 0xFF, 0xFF))
	require.NoError(t, err)
	assert.Equal(t, "6000033\x08\x05001\x00\x00\x00\x00", c.Issuer)
	assert.Equal(t, "1000001\x08\x05000\x00\x00\x00\x00", c.Subject)
	assert.True(t, cardtest.CAKey().PublicKey.Equal(c.Key))
	policy := cvc.Policy{Authorities: []cvc.Authority{{ID: "6000033", Key: &cardtest.CAKey().PublicKey}}, Required: true}
	issuer, err := policy.Issuer(c)
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerCaller, issuer)
}

// Nothing that a card sends makes Parse panic or accept a key that is slow or weak.
func TestParseRejects(t *testing.T) {
	even := bytes.Clone(modulus)
	even[255] &^= 1
	for name, test := range map[string]struct {
		file []byte
		err  error
	}{
		"nothing":                    {nil, cvc.ErrMalformed},
		"filler":                     {[]byte{0xFF, 0xFF}, cvc.ErrMalformed},
		"another template":           {element(t, 0x30, []byte{1}), cvc.ErrMalformed},
		"no body":                    {element(t, 0x7F21, element(t, 0x5F37, []byte{1})), cvc.ErrMalformed},
		"no signature":               {element(t, 0x7F21, element(t, 0x5F4E, make([]byte, 300))), cvc.ErrMalformed},
		"a short body":               {element(t, 0x7F21, append(element(t, 0x5F4E, make([]byte, 31)), element(t, 0x5F37, []byte{1})...)), cvc.ErrMalformed},
		"two bodies":                 {element(t, 0x7F21, append(append(element(t, 0x5F4E, make([]byte, 300)), element(t, 0x5F4E, make([]byte, 300))...), element(t, 0x5F37, []byte{1})...)), cvc.ErrMalformed},
		"no key":                     {certificate(t, nil), cvc.ErrMalformed},
		"no modulus":                 {certificate(t, element(t, 0x90, exponent)), trust.ErrUnsupportedKey},
		"no exponent":                {certificate(t, element(t, 0x91, modulus)), cvc.ErrMalformed},
		"another element":            {certificate(t, append(keyOf(t, exponent, modulus), element(t, 0x92, []byte{1})...)), cvc.ErrMalformed},
		"two exponents":              {certificate(t, append(keyOf(t, exponent, modulus), element(t, 0x90, exponent)...)), cvc.ErrMalformed},
		"a long exponent":            {certificate(t, keyOf(t, make([]byte, 5), modulus)), cvc.ErrMalformed},
		"an exponent of 1":           {certificate(t, keyOf(t, []byte{1}, modulus)), trust.ErrUnsupportedKey},
		"an exponent above 2^31":     {certificate(t, keyOf(t, []byte{0xFF, 0xFF, 0xFF, 0xFF}, modulus)), trust.ErrUnsupportedKey},
		"1,024 bits":                 {certificate(t, keyOf(t, exponent, modulus[:128])), trust.ErrUnsupportedKey},
		"8,192 bits":                 {certificate(t, keyOf(t, exponent, bytes.Repeat(modulus, 4))), trust.ErrUnsupportedKey},
		"an even modulus":            {certificate(t, keyOf(t, exponent, even)), trust.ErrUnsupportedKey},
		"a truncated certificate":    {certificate(t, keyOf(t, exponent, modulus))[:500], cvc.ErrMalformed},
		"a length in too many bytes": {[]byte{0x7F, 0x21, 0x85, 0, 0, 0, 0, 1, 0}, cvc.ErrMalformed},
	} {
		_, err := cvc.Parse(test.file)
		require.ErrorIs(t, err, test.err, name)
	}
}

// A weak key is no authority, even if a caller lists it.
//
// Faults: F143.
func TestWeakAuthorities(t *testing.T) {
	c, err := cvc.Parse(certificate(t, keyOf(t, exponent, modulus)))
	require.NoError(t, err)
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 3}
	policy := cvc.Policy{Authorities: []cvc.Authority{{ID: "6000033", Key: weak}}}
	_, err = policy.Issuer(c)
	require.ErrorIs(t, err, cvc.ErrSignature)
}

// No certificate makes the parser panic or use more than its limits.
//
// Faults: F145.
func FuzzParse(f *testing.F) {
	f.Add(certificate(f, keyOf(f, exponent, modulus)))
	f.Add([]byte{0x7F, 0x21, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	policy := cvc.Policy{Authorities: []cvc.Authority{{ID: "6000033", Key: &cardtest.CAKey().PublicKey}}, Required: true}
	genuine, err := cvc.Parse(certificate(f, keyOf(f, exponent, modulus)))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := cvc.Parse(file)
		if err != nil {
			return
		}
		if _, err := policy.Issuer(c); err == nil {
			assert.Equal(t, genuine.Subject, c.Subject)
			assert.True(t, genuine.Key.Equal(c.Key))
		}
	})
}
