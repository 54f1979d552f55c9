package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// publicKeys returns a public key of each kind in DER.
func publicKeys(t testing.TB) (keys [][]byte) {
	t.Helper()
	add := func(key any, err error) {
		require.NoError(t, err)
		der, err := x509.MarshalPKIXPublicKey(key)
		require.NoError(t, err)
		keys = append(keys, der)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	add(r.Public(), err)
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		e, err := ecdsa.GenerateKey(curve, rand.Reader)
		add(e.Public(), err)
	}
	public, _, err := ed25519.GenerateKey(rand.Reader)
	add(public, err)
	return keys
}

// sameAsX509 requires that checkKeyEncoding accepts what package x509 encodes, and nothing
// else that it parses.
func sameAsX509(t *testing.T, spki []byte) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return
	}
	want, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return // of a kind that nothing uses
	}
	err = checkKeyEncoding(&x509.Certificate{RawSubjectPublicKeyInfo: spki, PublicKey: key})
	require.Equal(t, bytes.Equal(want, spki), err == nil, "%x", spki)
}

// The check of a key's encoding agrees with package x509, for keys with one byte changed,
// added or removed.
//
// Faults: F91.
func TestKeyEncodingIsThatOfX509(t *testing.T) {
	for _, spki := range publicKeys(t) {
		sameAsX509(t, spki)
		for i := range spki {
			for _, b := range []byte{0, 1, 4, 5, 0x7F, 0x80, 0xFF, spki[i] + 1, spki[i] - 1, spki[i] ^ 0x80} {
				changed := bytes.Clone(spki)
				changed[i] = b
				sameAsX509(t, changed)
				sameAsX509(t, slices.Insert(bytes.Clone(spki), i, b))
			}
			sameAsX509(t, slices.Delete(bytes.Clone(spki), i, i+1))
		}
	}
}

// Faults: F91.
func FuzzKeyEncoding(f *testing.F) {
	for _, spki := range publicKeys(f) {
		f.Add(spki)
	}
	f.Fuzz(sameAsX509)
}
