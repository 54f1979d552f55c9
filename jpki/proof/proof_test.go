package proof_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// now is the time of these tests.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// sentinels are the errors of this package and those of package trust that Verify returns,
// with the names that the test vectors use.
var sentinels = map[string]error{
	"ErrName": proof.ErrName, "ErrFormat": proof.ErrFormat, "ErrAudience": proof.ErrAudience, "ErrPurpose": proof.ErrPurpose, "ErrAge": proof.ErrAge,
	"ErrUsed": proof.ErrUsed, "ErrAlgorithm": proof.ErrAlgorithm, "ErrSignature": proof.ErrSignature,
	"trust.ErrMalformed": trust.ErrMalformed, "trust.ErrWrongKind": trust.ErrWrongKind, "trust.ErrUnsupportedKey": trust.ErrUnsupportedKey,
	"trust.ErrExpired": trust.ErrExpired, "trust.ErrNotYetValid": trust.ErrNotYetValid,
	"trust.ErrUnknownIssuer": trust.ErrUnknownIssuer, "trust.ErrIssuerExpired": trust.ErrIssuerExpired,
}

// requireOnly requires an error that matches one of the sentinels and no other one.
func requireOnly(t testing.TB, name string, err error) {
	t.Helper()
	require.Contains(t, sentinels, name)
	for other, sentinel := range sentinels {
		require.Equal(t, other == name, errors.Is(err, sentinel), "%s: %v", other, err)
	}
}

// store records answered challenges, as a verifier has to. It is safe for concurrent use.
type store struct {
	mu    sync.Mutex
	used  map[proof.Challenge]bool
	calls int
}

func (s *store) once(_ context.Context, challenge proof.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.used[challenge] {
		return proof.ErrUsed
	}
	if s.used == nil {
		s.used = map[proof.Challenge]bool{}
	}
	s.used[challenge] = true
	return nil
}

// challenge is one of package prooftest's verifier, made at a time.
func challenge(t testing.TB, at time.Time) proof.Challenge {
	t.Helper()
	c, err := proof.NewChallenge(prooftest.Audience, prooftest.Purpose, at, bytes.NewReader(bytes.Repeat([]byte{0xA5}, proof.NonceLength)))
	require.NoError(t, err)
	return c
}

// evidence is genuine: [verifier] accepts it.
func evidence(t testing.TB) proof.Evidence {
	t.Helper()
	return prooftest.Card{Kind: "genuine", NotAfter: now.AddDate(2, 0, 0), Name: "SYNTHETIC HOLDER"}.Answer(challenge(t, now))
}

// verifier trusts the CA certificate in [evidence] by its fingerprint.
func verifier(s *store) *proof.Verifier {
	v := prooftest.Verifier(now)
	v.Trust, v.Once = trust.Policy{Anchors: []trust.Anchor{anchor(prooftest.CA())}}, s.once
	return v
}

func anchor(ca *x509.Certificate) trust.Anchor {
	return trust.Anchor{Fingerprint: sha256.Sum256(ca.Raw), KeyID: ca.SubjectKeyId}
}

// newCA makes a CA that is valid at the time of these tests. All have the same name and the
// same key identifier.
func newCA(t testing.TB, key *rsa.PrivateKey, change func(*x509.Certificate)) cardtest.CA {
	t.Helper()
	return cardtest.NewCA(t, key, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = now.AddDate(-5, 0, 0), now.AddDate(5, 0, 0)
		change(c)
	})
}

// card is a key with a certificate.
type card struct {
	key         crypto.Signer
	certificate []byte
	ca          []byte
}

// issue makes a card of a CA, whose certificate is valid at the time of these tests.
func issue(t testing.TB, ca cardtest.CA, key crypto.Signer, change func(*x509.Certificate)) card {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(3, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	change(template)
	return card{key, cardtest.Certify(t, template, ca.Certificate, key.Public(), ca.Key).Raw, ca.Certificate.Raw}
}

// answer returns the card's evidence for a challenge.
func (c card) answer(t testing.TB, challenge proof.Challenge) proof.Evidence {
	t.Helper()
	e := proof.Evidence{Challenge: challenge, Certificate: c.certificate, CACertificate: c.ca}
	algorithm, hash, err := proof.AlgorithmOf(c.key.Public())
	if err != nil {
		return e // nothing could be signed
	}
	e.Algorithm, e.Signature = algorithm, signature(t, c.key, hash, challenge.Message())
	return e
}

// signature signs as a card does.
func signature(t testing.TB, key crypto.Signer, hash crypto.Hash, message []byte) []byte {
	t.Helper()
	h := hash.New()
	h.Write(message)
	if key, ok := key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, key, h.Sum(nil))
		require.NoError(t, err)
		half := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, half)), s.FillBytes(make([]byte, half))...)
	}
	signed, err := key.Sign(nil, h.Sum(nil), hash)
	require.NoError(t, err)
	return signed
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return key
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// nowIs returns a clock that shows the time of a challenge.
func nowIs(c proof.Challenge) func() time.Time { return func() time.Time { return c.Time } }
