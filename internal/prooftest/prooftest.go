// Package prooftest makes evidence and holders without a card, for tests of what takes them.
// Everything in it is synthetic, and the same in every run.
package prooftest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Audience and Purpose are those of this package's challenges.
const (
	Audience = "https://verifier.example.jp"
	Purpose  = "test"
)

// Card is a card as a verifier sees it: a key and its certificate.
type Card struct {
	// Kind and Number choose the key. The same ones have the same key.
	Kind   string
	Number int
	// NotAfter is the end of the certificate's validity; NotBefore is five years before.
	NotAfter time.Time
	// Name is the certificate's common name.
	Name string
}

// Key returns the card's private key.
func (c Card) Key() *ecdsa.PrivateKey {
	return must(ecdsa.ParseRawPrivateKey(elliptic.P256(), c.seed()))
}

// seed is below the order of the curve.
func (c Card) seed() []byte {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(c.Kind), uint64(c.Number)))
	seed[0] &= 0x7F
	return seed[:]
}

// Certificate returns the card's certificate. [CA] issued it.
func (c Card) Certificate() *x509.Certificate {
	return issue(&x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(c.seed()[:8]), Subject: pkix.Name{CommonName: c.Name},
		NotBefore: c.NotAfter.AddDate(-5, 0, 0), NotAfter: c.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, CA(), c.Key().Public())
}

// Answer returns the card's evidence for a challenge.
func (c Card) Answer(challenge proof.Challenge) proof.Evidence {
	digest := sha256.Sum256(challenge.Message())
	der := must(c.Key().Sign(nil, digest[:], crypto.SHA256)) // without randomness: the same in every run (RFC 6979)
	var rs struct{ R, S *big.Int }
	must(asn1.Unmarshal(der, &rs))
	signature := append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
	return proof.Evidence{Challenge: challenge, Certificate: c.Certificate().Raw, CACertificate: CA().Raw, Algorithm: proof.ES256, Signature: signature}
}

// Verifier returns a verifier that trusts [CA] at a time. Challenges are not recorded.
func Verifier(now time.Time) *proof.Verifier {
	return &proof.Verifier{
		Audience: Audience, Purpose: Purpose, Trust: trust.Policy{CAs: []*x509.Certificate{CA()}}, Now: func() time.Time { return now },
		Once: func(context.Context, proof.Challenge) error { return nil },
	}
}

// Holder returns the holder of the card at a time. It panics if the card is not valid then.
func (c Card) Holder(now time.Time) *proof.Holder { return c.HolderOf(Verifier(now)) }

// HolderOf is like [Card.Holder] for a verifier that a test made.
func (c Card) HolderOf(verifier *proof.Verifier) *proof.Holder {
	challenge, err := proof.NewChallenge(verifier.Audience, verifier.Purpose, verifier.Now(), bytes.NewReader(make([]byte, proof.NonceLength)))
	return must(verifier.Verify(context.Background(), c.Answer(must(challenge, err))))
}

// caKey is the CA's key.
func caKey() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("CA"))
	return ed25519.NewKeyFromSeed(seed[:])
}

// CA returns the CA certificate that issues all certificates of this package. It is always
// valid.
var CA = sync.OnceValue(func() *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Synthetic CA"},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	return issue(template, template, caKey().Public())
})

func issue(template, parent *x509.Certificate, key any) *x509.Certificate {
	return must(x509.ParseCertificate(must(x509.CreateCertificate(nil, template, parent, key, caKey()))))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprint("prooftest: ", err))
	}
	return value
}
