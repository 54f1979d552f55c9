package cardtest

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// KeyParts is an RSA key's SubjectPublicKeyInfo, with bytes that may be put where
// none belong.
type KeyParts struct {
	AfterE, AfterRSA, Parameters, AfterParameters, AfterKey []byte
	UnusedBits                                              uint8 // 0 to 2: the key begins with two bits that are zero
}

// Encode returns the SubjectPublicKeyInfo.
func (p KeyParts) Encode(key *rsa.PublicKey) []byte {
	var rsaKey, b cryptobyte.Builder
	rsaKey.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(key.N)
		b.AddASN1Int64(int64(key.E))
		b.AddBytes(p.AfterE)
	})
	rsaKey.AddBytes(p.AfterRSA)
	bits := rsaKey.BytesOrPanic()
	shifted := make([]byte, len(bits))
	for i := range bits {
		shifted[i] = bits[i] << p.UnusedBits
		if i+1 < len(bits) {
			shifted[i] |= bits[i+1] >> (8 - p.UnusedBits)
		}
	}
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1})
			b.AddBytes(p.Parameters)
			b.AddBytes(p.AfterParameters)
		})
		b.AddASN1(tag.BIT_STRING, func(b *cryptobyte.Builder) { b.AddUint8(p.UnusedBits); b.AddBytes(shifted) })
		b.AddBytes(p.AfterKey)
	})
	return b.BytesOrPanic()
}

// WithPublicKey returns a certificate with other bytes in the place of its public key,
// signed again.
func WithPublicKey(t testing.TB, certificate *x509.Certificate, spki []byte, by *rsa.PrivateKey) []byte {
	t.Helper()
	require.Equal(t, 1, bytes.Count(certificate.RawTBSCertificate, certificate.RawSubjectPublicKeyInfo))
	var body asn1.RawValue
	_, err := asn1.Unmarshal(certificate.RawTBSCertificate, &body)
	require.NoError(t, err)
	var tbs, whole cryptobyte.Builder
	tbs.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(bytes.Replace(body.Bytes, certificate.RawSubjectPublicKeyInfo, spki, 1))
	})
	hash := sha256.Sum256(tbs.BytesOrPanic())
	signature, err := rsa.SignPKCS1v15(nil, by, crypto.SHA256, hash[:])
	require.NoError(t, err)
	whole.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs.BytesOrPanic())
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11})
			b.AddASN1NULL()
		})
		b.AddASN1BitString(signature)
	})
	return whole.BytesOrPanic()
}
