package proof_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// odd returns an odd number of so many bits.
func odd(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.SetBit(n, 0, 1)
}

// publicOnly is a key that can't sign: its certificate is rejected before that.
type publicOnly struct {
	crypto.Signer
	key crypto.PublicKey
}

func (p publicOnly) Public() crypto.PublicKey { return p.key }

// A key that is too small, too large, slow, or of another kind is rejected before it is used.
//
// Faults: F53.
func TestUnsupportedKeys(t *testing.T) {
	ca := newCA(t, cardtest.CAKey(), cardtest.Unchanged)
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, key := range map[string]crypto.PublicKey{
		"RSA with 512 bits": &rsa.PublicKey{N: odd(512), E: 65537}, "RSA with 1024 bits": &rsa.PublicKey{N: odd(1024), E: 65537},
		"RSA with 2047 bits": &rsa.PublicKey{N: odd(2047), E: 65537}, "RSA with 4097 bits": &rsa.PublicKey{N: odd(4097), E: 65537},
		"RSA with 16384 bits": &rsa.PublicKey{N: odd(16384), E: 65537}, "RSA with an even modulus": &rsa.PublicKey{N: new(big.Int).Lsh(odd(2047), 1), E: 65537},
		"RSA with exponent 1": &rsa.PublicKey{N: odd(2048), E: 1}, "RSA with exponent 2": &rsa.PublicKey{N: odd(2048), E: 2}, "RSA with exponent 65536": &rsa.PublicKey{N: odd(2048), E: 65536},
		"P-224": ecKey(t, elliptic.P224()).Public(), "P-521": ecKey(t, elliptic.P521()).Public(), "Ed25519": ed,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSituation(t)
			s.evidence.Certificate = issue(t, ca, publicOnly{key: key}, cardtest.Unchanged).certificate
			holder, err := s.Verify(t.Context(), s.evidence)
			requireOnly(t, "trust.ErrUnsupportedKey", err)
			assert.Nil(t, holder)
			assert.Zero(t, s.store.calls)
		})
	}
	for name, key := range map[string]crypto.PublicKey{"none": nil, "P-224": ecKey(t, elliptic.P224()).Public(), "Ed25519": ed, "RSA by value": rsa.PublicKey{}} {
		algorithm, hash, err := proof.AlgorithmOf(key)
		requireOnly(t, "trust.ErrUnsupportedKey", err)
		assert.Empty(t, algorithm, name)
		assert.Zero(t, hash, name)
	}
}

// rsaKey makes an RSA key whose modulus has so many bits, and whose private exponent exists
// for every public exponent in [exponents].
func rsaKey(t testing.TB, bits int) (p, q *big.Int) {
	t.Helper()
	prime := func(bits int) *big.Int {
		for {
			p, err := rand.Prime(rand.Reader, bits)
			require.NoError(t, err)
			phi := new(big.Int).Sub(p, big.NewInt(1))
			suitable := true
			for _, e := range exponents {
				suitable = suitable && new(big.Int).GCD(nil, nil, phi, big.NewInt(int64(e))).Cmp(big.NewInt(1)) == 0
			}
			if suitable {
				return p
			}
		}
	}
	for {
		p, q = prime(bits/2), prime(bits-bits/2)
		if new(big.Int).Mul(p, q).BitLen() == bits {
			return p, q
		}
	}
}

// exponents are public exponents that crypto/rsa verifies with.
var exponents = []int{3, 17, 65537, 1<<31 - 1}

// RSA keys of an odd size and with any usual exponent are accepted.
//
// Faults: F53.
func TestRSAKeys(t *testing.T) {
	ca := newCA(t, cardtest.CAKey(), cardtest.Unchanged)
	for _, bits := range []int{2048, 2049} {
		p, q := rsaKey(t, bits)
		one := big.NewInt(1)
		n, phi := new(big.Int).Mul(p, q), new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		for _, e := range exponents {
			key := &rsa.PublicKey{N: n, E: e}
			s := newSituation(t)
			s.evidence.Certificate = issue(t, ca, publicOnly{key: key}, cardtest.Unchanged).certificate
			s.evidence.Algorithm = proof.RS256

			digest := sha256.Sum256(s.challenge.Message())
			info := append([]byte{0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, digest[:]...)
			block := bytes.Repeat([]byte{0xFF}, key.Size())
			block[0], block[1], block[key.Size()-len(info)-1] = 0, 1, 0
			copy(block[key.Size()-len(info):], info)
			d := new(big.Int).ModInverse(big.NewInt(int64(e)), phi)
			s.evidence.Signature = new(big.Int).Exp(new(big.Int).SetBytes(block), d, n).FillBytes(make([]byte, key.Size()))

			forged := s.evidence
			forged.Challenge.Nonce[0] ^= 1
			_, err := s.Verify(t.Context(), forged)
			require.ErrorIs(t, err, proof.ErrSignature, "%d bits, exponent %d", bits, e)
			_, err = s.Verify(t.Context(), s.evidence)
			require.NoError(t, err, "%d bits, exponent %d", bits, e)
		}
	}
}

// One key has one identifier: evidence with another encoding of the key is rejected, although
// its signature and its issuer's verify.
//
// Faults: F91.
func TestEvidenceWithAnotherEncodingOfTheKey(t *testing.T) {
	null := []byte{0x05, 0x00}
	for name, p := range map[string]cardtest.KeyParts{
		"no parameters": {Parameters: []byte{}}, "parameters of another kind": {Parameters: []byte{0x30, 0x00}}, "parameters with a long length": {Parameters: []byte{0x05, 0x81, 0x00}},
		"after the exponent": {AfterE: null}, "after the key": {AfterRSA: null}, "after the parameters": {AfterParameters: null}, "after the algorithm and the key": {AfterKey: null},
		"unused bits": {UnusedBits: 2}, "filler": {AfterRSA: []byte{0xFF}}, "canonical": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSituation(t)
			s.key = cardtest.HolderKey()
			s.answer(t, cardtest.Unchanged)
			genuine, err := x509.ParseCertificate(s.evidence.Certificate)
			require.NoError(t, err)
			if p.Parameters == nil {
				p.Parameters = null
			}
			s.evidence.Certificate = cardtest.WithPublicKey(t, genuine, p.Encode(&cardtest.HolderKey().PublicKey), s.ca.Key)
			holder, err := s.Verify(t.Context(), s.evidence)
			if name == "canonical" {
				require.NoError(t, err)
				return
			}
			requireOnly(t, "trust.ErrMalformed", err)
			assert.Nil(t, holder)
		})
	}
}

// The same for the encodings of ECDSA keys: a compressed point, and a curve by its parameters.
//
// Faults: F91.
func TestEvidenceWithAnotherEncodingOfAPoint(t *testing.T) {
	s := newSituation(t)
	genuine, err := x509.ParseCertificate(s.evidence.Certificate)
	require.NoError(t, err)
	key := genuine.PublicKey.(*ecdsa.PublicKey)
	point, err := key.Bytes()
	require.NoError(t, err)
	compressed := append([]byte{2 + point[64]&1}, point[1:33]...)
	spki := genuine.RawSubjectPublicKeyInfo
	shorter := bytes.Replace(spki, append([]byte{0x03, 66, 0}, point...), append([]byte{0x03, 34, 0}, compressed...), 1)
	shorter[1] -= 32
	hybrid := bytes.Clone(spki)
	hybrid[len(hybrid)-65] = 6 + point[64]&1
	require.Contains(t, string(spki), string(point))
	for name, spki := range map[string][]byte{"compressed": shorter, "hybrid": hybrid} {
		s.evidence.Certificate = cardtest.WithPublicKey(t, genuine, spki, s.ca.Key)
		holder, err := s.Verify(t.Context(), s.evidence)
		require.True(t, errors.Is(err, trust.ErrMalformed), "%s: %v", name, err)
		assert.Nil(t, holder, name)
	}
	s.evidence.Certificate = cardtest.WithPublicKey(t, genuine, spki, s.ca.Key)
	_, err = s.Verify(t.Context(), s.evidence)
	require.NoError(t, err)
}
