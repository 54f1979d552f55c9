// Package signtest has test helpers for signed documents: a signer with a key of its own in place of a
// card, and a time-stamp authority.
//
//	signer := signtest.New(t, nil)
//	signature, err := cms.Sign(ctx, signer, content, cms.Options{})
//
// CA is the CA that the signers' certificates come from.
package signtest

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/mykeykit/mykeykit/internal/cardtest"
)

// Signer signs with a key in memory. It counts its signatures.
type Signer struct {
	Key   *rsa.PrivateKey
	Count int

	certificate *x509.Certificate
}

var otherKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(nil, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// New returns a signer with a signature certificate like those that J-LIS issues, but for what
// change changes. change may be nil.
func New(t testing.TB, change func(*x509.Certificate)) *Signer {
	t.Helper()
	return &Signer{Key: cardtest.HolderKey(), certificate: issue(t, cardtest.HolderKey(), change)}
}

// Another returns a signer with another key and certificate.
func Another(t testing.TB) *Signer {
	t.Helper()
	return &Signer{Key: otherKey(), certificate: issue(t, otherKey(), func(c *x509.Certificate) { c.SerialNumber = big.NewInt(3) })}
}

// WithCertificate returns a signer that claims a certificate.
func (s *Signer) WithCertificate(c *x509.Certificate) *Signer {
	return &Signer{Key: s.Key, certificate: c}
}

func issue(t testing.TB, key *rsa.PrivateKey, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	return CA(t).Issue(t, key, func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
		c.Policies = []x509.OID{cardtest.OID(t, "1.2.392.200149.8.5.1.1.20")}
		c.SubjectKeyId = []byte("holder's key")
		if change != nil {
			change(c)
		}
	})
}

// CA returns the CA of every signer.
func CA(t testing.TB) cardtest.CA { return cardtest.NewCA(t, cardtest.CAKey(), cardtest.Unchanged) }

// Public implements cms.Signer.
func (s *Signer) Public() crypto.PublicKey { return s.certificate.PublicKey }

// Certificate implements cms.Signer.
func (s *Signer) Certificate() *x509.Certificate { return s.certificate }

// SignContext implements cms.Signer.
func (s *Signer) SignContext(ctx context.Context, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.Count++
	return s.Key.Sign(nil, digest, options)
}

// Authority is a time-stamp authority.
type Authority struct {
	Root        *x509.Certificate
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

// NewAuthority makes an authority. change may be nil; it changes the certificate that signs time stamps.
func NewAuthority(t testing.TB, change func(*x509.Certificate)) *Authority {
	t.Helper()
	root := cardtest.NewCA(t, cardtest.CAKey(), func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "Time stamps, valid nowhere"} })
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Time-stamp authority"},
		NotBefore: time.Now().AddDate(-10, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	if change != nil {
		change(template)
	}
	key := otherKey()
	return &Authority{root.Certificate, cardtest.Certify(t, template, root.Certificate, key.Public(), root.Key), key}
}

// Pool returns the authority's root as trust anchor.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Root)
	return pool
}
