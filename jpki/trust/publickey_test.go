package trust_test

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// A key has one encoding. With bytes where none belong it would have another identifier,
// and its holder could count as somebody else. Go's parser accepts some of these encodings.
// All are rejected.
//
// Faults: F91.
func TestAKeyHasOneEncoding(t *testing.T) {
	jlis := cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged)
	genuine := jlis.Issue(t, cardtest.HolderKey(), cardtest.Unchanged)

	null := []byte{0x05, 0x00}
	canonical := cardtest.KeyParts{Parameters: null}.Encode(&cardtest.HolderKey().PublicKey)
	require.Equal(t, genuine.RawSubjectPublicKeyInfo, canonical)
	longer := bytes.Clone(canonical)
	longer[3]++ // a byte of the extensions after it
	body := canonical[4:]
	of := func(p cardtest.KeyParts) []byte {
		if p.Parameters == nil {
			p.Parameters = null
		}
		return p.Encode(&cardtest.HolderKey().PublicKey)
	}
	leadingZero := bytes.Replace(canonical, []byte{0x02, 0x82, 0x01, 0x01, 0x00}, []byte{0x02, 0x82, 0x01, 0x01, 0x00, 0x00}, 1)
	leadingZero[3]++
	for _, tt := range []struct {
		name     string
		spki     []byte
		accepted bool // by Go's parser
	}{
		{"after E", of(cardtest.KeyParts{AfterE: null}), true},
		{"a byte after E", of(cardtest.KeyParts{AfterE: []byte{0}}), true},
		{"after the key's sequence", of(cardtest.KeyParts{AfterRSA: null}), true},
		{"filler after the key's sequence", of(cardtest.KeyParts{AfterRSA: []byte{0xFF, 0xFF}}), true},
		{"a third element in the algorithm", of(cardtest.KeyParts{AfterParameters: null}), true},
		{"a third element beside algorithm and key", of(cardtest.KeyParts{AfterKey: null}), true},
		{"one byte of what follows", longer, true},
		{"one bit that is not used", of(cardtest.KeyParts{UnusedBits: 1}), true},
		{"two bits that are not used", of(cardtest.KeyParts{UnusedBits: 2}), true},
		{"several of these", of(cardtest.KeyParts{AfterE: null, AfterRSA: null, AfterKey: null, UnusedBits: 1}), true},

		{"no parameters", of(cardtest.KeyParts{Parameters: []byte{}}), false},
		{"parameters with a long length", of(cardtest.KeyParts{Parameters: []byte{0x05, 0x81, 0x00}}), false},
		{"parameters of another kind", of(cardtest.KeyParts{Parameters: []byte{0x30, 0x00}}), false},
		{"a length in three bytes that needs two", slices.Concat([]byte{0x30, 0x83, 0x00}, canonical[2:4], body), false},
		{"an indefinite length", slices.Concat([]byte{0x30, 0x80}, body, []byte{0, 0}), false},
		{"a modulus with a zero in front", leadingZero, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			der := cardtest.WithPublicKey(t, genuine, tt.spki, cardtest.CAKey())
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
	for _, p := range []cardtest.KeyParts{{Parameters: null}, {Parameters: null, AfterE: null}, {Parameters: null, AfterKey: null}, {Parameters: null, UnusedBits: 2}} {
		f.Add(p.Encode(&key.PublicKey))
	}
	template := cardtest.NewCA(f, key, cardtest.Unchanged).Issue(f, key, cardtest.Unchanged)
	f.Fuzz(func(t *testing.T, spki []byte) {
		parsed, err := x509.ParseCertificate(cardtest.WithPublicKey(t, template, spki, key))
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
