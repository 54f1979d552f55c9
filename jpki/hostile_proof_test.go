package jpki_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// signs has the card show a certificate and answer challenges with sign.
func signs(d *cardtest.Desk, certificate []byte, sign func(input []byte) []byte) {
	serve(d, certificate)
	d.SignWith(sign)
}

// padded is the signature of a block that PKCS #1 v1.5 may or may not allow.
func padded(t testing.TB, kind byte, filler int, content []byte) []byte {
	t.Helper()
	key := cardtest.AttackerKey()
	block := slices.Concat([]byte{0, kind}, bytes.Repeat([]byte{0xFF}, filler), []byte{0}, content)
	require.LessOrEqual(t, len(block), key.Size())
	block = append(block, make([]byte, key.Size()-len(block))...)
	return new(big.Int).Exp(new(big.Int).SetBytes(block), key.D, key.N).FillBytes(make([]byte, key.Size()))
}

// A signature of anything but the challenge, or with another scheme, is no proof, even with
// the certificate's key. With the right signature the same card is accepted.
//
// Faults: F57, F58, F60.
func TestOnlyTheChallengeIsAProof(t *testing.T) {
	key := cardtest.AttackerKey()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	pkcs := func(key *rsa.PrivateKey, input []byte) []byte {
		signature, err := rsa.SignPKCS1v15(nil, key, 0, input)
		require.NoError(t, err)
		return signature
	}
	digestInfo := func(input []byte) []byte { return input[:len(input)-32] }
	hash := func(input []byte) []byte { return input[len(input)-32:] }
	right := func(input []byte) []byte { return pkcs(key, input) }

	for name, sign := range map[string]func(input []byte) []byte{
		"nothing":        func([]byte) []byte { return nil },
		"zeros":          func([]byte) []byte { return make([]byte, 256) },
		"ones":           func([]byte) []byte { return bytes.Repeat([]byte{0xFF}, 256) },
		"one":            func([]byte) []byte { return big.NewInt(1).FillBytes(make([]byte, 256)) },
		"the modulus":    func([]byte) []byte { return key.N.FillBytes(make([]byte, 256)) },
		"what was sent":  func(input []byte) []byte { return input },
		"a byte short":   func(input []byte) []byte { return right(input)[:255] },
		"a bit wrong":    func(input []byte) []byte { s := right(input); s[255] ^= 1; return s },
		"backwards":      func(input []byte) []byte { s := right(input); slices.Reverse(s); return s },
		"by another key": func(input []byte) []byte { return pkcs(other, input) },
		"other data":     func(input []byte) []byte { return pkcs(key, append(digestInfo(input), make([]byte, 32)...)) },
		"the hash alone": func(input []byte) []byte { return pkcs(key, hash(input)) },
		"the hash of it": func(input []byte) []byte {
			h := sha256.Sum256(input)
			return pkcs(key, append(digestInfo(input), h[:]...))
		},
		"no parameters": func(input []byte) []byte {
			return pkcs(key, slices.Concat([]byte{0x30, 0x2F, 0x30, 0x0B}, input[4:15], input[17:]))
		},
		"more behind":       func(input []byte) []byte { return pkcs(key, append(bytes.Clone(input), 0)) },
		"little padding":    func(input []byte) []byte { return padded(t, 1, 8, input) }, // CVE-2006-4339
		"no padding":        func(input []byte) []byte { return padded(t, 1, 0, input) },
		"another padding":   func(input []byte) []byte { return padded(t, 2, 256-3-len(input), input) },
		"a byte of padding": func(input []byte) []byte { return padded(t, 1, 256-4-len(input), append(bytes.Clone(input), 0xFF)) },
		"SHA-1": func(input []byte) []byte {
			h := sha1.Sum(hash(input))
			s, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, h[:])
			require.NoError(t, err)
			return s
		},
		"PSS": func(input []byte) []byte {
			s, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, hash(input), nil)
			require.NoError(t, err)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			signs(d, forged(t, cardtest.Unchanged), sign)
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
			require.ErrorIs(t, err, jpki.ErrNoPossession)
			assert.Nil(t, got)
			assert.False(t, d.Card.State().AuthVerified)
		})
	}

	// The control, and that a block made here by hand is the right one.
	for _, sign := range []func([]byte) []byte{right, func(input []byte) []byte { return padded(t, 1, 256-3-len(input), input) }} {
		d := cardtest.Open(t, simulator.Contact)
		signs(d, forged(t, cardtest.Unchanged), sign)
		got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
		require.NoError(t, err)
		assert.True(t, got.Certificate() != nil)
	}
}

// Anybody can make a CA of the same name, and a card with a certificate of that CA. Such a
// card proves its own key, and its issuer is unknown.
//
// Faults: F54, F59.
func TestACAOfTheSameNameIsAnotherCA(t *testing.T) {
	genuine, err := open(t, cardtest.Open(t, simulator.Contact)).AuthCertificate(context.Background())
	require.NoError(t, err)
	ca, err := open(t, cardtest.Open(t, simulator.Contact)).AuthCACertificate(context.Background())
	require.NoError(t, err)

	own := *ca
	own.PublicKey = cardtest.AttackerKey().Public()
	victim := *genuine
	victim.AuthorityKeyId = ca.SubjectKeyId
	victim.RawSubject, victim.Subject.CommonName = nil, "\x1b[31m"+genuine.Subject.CommonName
	der, err := x509.CreateCertificate(rand.Reader, &victim, &own, cardtest.AttackerKey().Public(), cardtest.AttackerKey())
	require.NoError(t, err)

	d := cardtest.Open(t, simulator.Contact)
	signs(d, der, func(input []byte) []byte {
		s, err := rsa.SignPKCS1v15(nil, cardtest.AttackerKey(), 0, input)
		require.NoError(t, err)
		return s
	})
	got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
	require.NoError(t, err)
	assert.Equal(t, genuine.RawIssuer, got.Certificate().RawIssuer, "the same name")
	assert.Error(t, got.Certificate().CheckSignatureFrom(ca), "and not the same CA")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		printed := fmt.Sprintf(verb+" "+verb, got, *got)
		assert.Contains(t, printed, "issuer unknown, revocation not checked")
		assert.NotContains(t, printed, genuine.Subject.CommonName)
		onlyASCII(t, printed)
	}
}

// The card signs the hash of a challenge with 32 random bytes, new for every proof.
//
// Faults: F60.
func TestWhatIsSigned(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	random := slices.Concat(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32))
	now := time.Date(2026, 11, 28, 12, 0, 0, 999, time.UTC)
	options := []jpki.CardOption{jpki.WithRandom(iotest.OneByteReader(bytes.NewReader(random))), jpki.WithClock(func() time.Time { return now })}
	for range 2 {
		_, err := jpki.Authenticate(t.Context(), d.Connection, pin(t, simulator.PIN), options...)
		require.NoError(t, err)
	}
	before := d.Secrets()
	_, err := jpki.Authenticate(t.Context(), d.Connection, pin(t, simulator.PIN), options...)
	require.ErrorIs(t, err, io.EOF, "no challenge is used again")
	require.Equal(t, before, d.Secrets())

	var signed [][]byte
	for _, c := range d.Sent() {
		if isSign(c) {
			signed = append(signed, c.Data())
		}
	}
	require.Len(t, signed, 2)
	for i, input := range signed {
		message := []byte("mykeykit proof v1\x00")
		for _, part := range []string{"mykeykit jpki.Authenticate", "authenticate", string(random[32*i : 32*i+32]), "\x00\x00\x00\x00\x6b\x0a\xc2\x40"} {
			message = append(append(message, 0, byte(len(part))), part...)
		}
		hash := sha256.Sum256(message)
		assert.Equal(t, "3031300d060960864801650304020105000420"+fmt.Sprintf("%x", hash), fmt.Sprintf("%x", input))
	}
}

// Without random bytes nothing is signed, and the result is an error.
//
// Faults: F58, F60.
func TestASourceOfRandomnessThatFails(t *testing.T) {
	broken := errors.New("broken")
	for name, random := range map[string]io.Reader{
		"empty":      strings.NewReader(""),
		"31 bytes":   bytes.NewReader(make([]byte, 31)),
		"fails":      iotest.ErrReader(broken),
		"fails late": io.MultiReader(bytes.NewReader(make([]byte, 20)), iotest.ErrReader(broken)),
	} {
		d := cardtest.Open(t, simulator.Contact)
		got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.WithRandom(random))
		require.Error(t, err, name)
		require.NotErrorIs(t, err, jpki.ErrNoPossession, "the card is not to blame")
		assert.Nil(t, got, name)
		assert.False(t, slices.ContainsFunc(d.Sent(), isSign), name)
		assert.False(t, d.Card.State().AuthVerified, name)
		assert.Equal(t, 3, d.Card.State().AuthAttempts, name)
	}
}
