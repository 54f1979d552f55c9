package trust_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// keyParts is an RSA key's SubjectPublicKeyInfo, with bytes that may be put where
// none belong.
type keyParts struct {
	afterE, afterRSA, parameters, afterParameters, afterKey []byte
	unusedBits                                              uint8 // 0 to 2: the key begins with two bits that are zero
}

func (p keyParts) encode(key *rsa.PublicKey) []byte {
	var rsaKey, b cryptobyte.Builder
	rsaKey.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(key.N)
		b.AddASN1Int64(int64(key.E))
		b.AddBytes(p.afterE)
	})
	rsaKey.AddBytes(p.afterRSA)
	bits := rsaKey.BytesOrPanic()
	shifted := make([]byte, len(bits))
	for i := range bits {
		shifted[i] = bits[i] << p.unusedBits
		if i+1 < len(bits) {
			shifted[i] |= bits[i+1] >> (8 - p.unusedBits)
		}
	}
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1})
			b.AddBytes(p.parameters)
			b.AddBytes(p.afterParameters)
		})
		b.AddASN1(tag.BIT_STRING, func(b *cryptobyte.Builder) { b.AddUint8(p.unusedBits); b.AddBytes(shifted) })
		b.AddBytes(p.afterKey)
	})
	return b.BytesOrPanic()
}

// withPublicKey is a certificate with other bytes in the place of its public key,
// signed again.
func withPublicKey(t testing.TB, certificate *x509.Certificate, spki []byte, by *rsa.PrivateKey) []byte {
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

// A key has one encoding. With bytes where none belong it would have another identifier,
// and its holder could count as somebody else. Go's parser accepts some of these encodings.
// All are rejected.
//
// Faults: F91.
func TestAKeyHasOneEncoding(t *testing.T) {
	jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	genuine := jlis.Issue(t, cardtest.HolderKey(), cardtest.Unchanged)

	null := []byte{0x05, 0x00}
	canonical := keyParts{parameters: null}.encode(&cardtest.HolderKey().PublicKey)
	require.Equal(t, genuine.RawSubjectPublicKeyInfo, canonical)
	longer := bytes.Clone(canonical)
	longer[3]++ // a byte of the extensions after it
	body := canonical[4:]
	of := func(p keyParts) []byte {
		if p.parameters == nil {
			p.parameters = null
		}
		return p.encode(&cardtest.HolderKey().PublicKey)
	}
	leadingZero := bytes.Replace(canonical, []byte{0x02, 0x82, 0x01, 0x01, 0x00}, []byte{0x02, 0x82, 0x01, 0x01, 0x00, 0x00}, 1)
	leadingZero[3]++
	for _, tt := range []struct {
		name     string
		spki     []byte
		accepted bool // by Go's parser
	}{
		{"after E", of(keyParts{afterE: null}), true},
		{"a byte after E", of(keyParts{afterE: []byte{0}}), true},
		{"after the key's sequence", of(keyParts{afterRSA: null}), true},
		{"filler after the key's sequence", of(keyParts{afterRSA: []byte{0xFF, 0xFF}}), true},
		{"a third element in the algorithm", of(keyParts{afterParameters: null}), true},
		{"a third element beside algorithm and key", of(keyParts{afterKey: null}), true},
		{"one byte of what follows", longer, true},
		{"one bit that is not used", of(keyParts{unusedBits: 1}), true},
		{"two bits that are not used", of(keyParts{unusedBits: 2}), true},
		{"several of these", of(keyParts{afterE: null, afterRSA: null, afterKey: null, unusedBits: 1}), true},

		{"no parameters", of(keyParts{parameters: []byte{}}), false},
		{"parameters with a long length", of(keyParts{parameters: []byte{0x05, 0x81, 0x00}}), false},
		{"parameters of another kind", of(keyParts{parameters: []byte{0x30, 0x00}}), false},
		{"a length in three bytes that needs two", slices.Concat([]byte{0x30, 0x83, 0x00}, canonical[2:4], body), false},
		{"an indefinite length", slices.Concat([]byte{0x30, 0x80}, body, []byte{0, 0}), false},
		{"a modulus with a zero in front", leadingZero, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			der := withPublicKey(t, genuine, tt.spki, cardtest.CAKey())
			parsed, err := x509.ParseCertificate(der)
			require.Equal(t, tt.accepted, err == nil, "Go's parser: %v", err)
			if tt.accepted {
				require.True(t, cardtest.HolderKey().PublicKey.Equal(parsed.PublicKey), "it is the same key")
				require.NoError(t, parsed.CheckSignatureFrom(jlis.Certificate))
			}

			_, err = trust.Parse(der)
			require.ErrorIs(t, err, trust.ErrMalformed)
			if parsed != nil {
				require.ErrorIs(t, trust.CheckKey(parsed), trust.ErrMalformed)
			}
		})
	}
}

// Whatever bytes a certificate has as its key, the certificate is rejected or the bytes are
// those that package x509 writes.
//
// Faults: F91.
func FuzzPublicKeys(f *testing.F) {
	key := cardtest.AttackerKey()
	null := []byte{0x05, 0x00}
	for _, p := range []keyParts{{parameters: null}, {parameters: null, afterE: null}, {parameters: null, afterKey: null}, {parameters: null, unusedBits: 2}} {
		f.Add(p.encode(&key.PublicKey))
	}
	template := cardtest.NewCA(f, key, cardtest.Unchanged).Issue(f, key, cardtest.Unchanged)
	f.Fuzz(func(t *testing.T, spki []byte) {
		parsed, err := x509.ParseCertificate(withPublicKey(t, template, spki, key))
		if err != nil {
			return
		}
		read, err := trust.Parse(parsed.Raw)
		if err != nil {
			require.Nil(t, read)
			return
		}
		want, err := x509.MarshalPKIXPublicKey(read.PublicKey)
		if err == nil { // else it is of a kind that nothing uses
			require.Equal(t, want, read.RawSubjectPublicKeyInfo)
		}
	})
}
