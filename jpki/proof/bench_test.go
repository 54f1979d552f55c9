package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// bare is the work that no verifier can do without: it parses the certificate and the CA
// certificate, and verifies the issuer's signature and the card's.
func bare(e proof.Evidence, hash crypto.Hash) bool {
	certificate, err := x509.ParseCertificate(e.Certificate)
	if err != nil {
		return false
	}
	ca, err := x509.ParseCertificate(e.CACertificate)
	if err != nil || ca.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature) != nil {
		return false
	}
	digest := digest(hash, e.Challenge.Message())
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, hash, digest, e.Signature) == nil
	case *ecdsa.PublicKey:
		half := len(e.Signature) / 2
		return ecdsa.Verify(key, digest, new(big.Int).SetBytes(e.Signature[:half]), new(big.Int).SetBytes(e.Signature[half:]))
	}
	return false
}

// What Verify takes, and as a multiple of the parsing and the signatures alone. Both are
// measured in turns, so that what else the machine does counts for both.
func BenchmarkVerify(b *testing.B) {
	ca := newCA(b, cardtest.CAKey(), cardtest.Unchanged)
	for _, k := range []struct {
		name string
		key  crypto.Signer
	}{{"RSA-2048", cardtest.HolderKey()}, {"P-256", ecKey(b, elliptic.P256())}, {"P-384", ecKey(b, elliptic.P384())}} {
		b.Run("key="+k.name, func(b *testing.B) {
			e := issue(b, ca, k.key, cardtest.Unchanged).answer(b, challenge(b, now))
			_, hash, err := proof.AlgorithmOf(k.key.Public())
			if err != nil {
				b.Fatal(err)
			}
			v := prooftest.Verifier(now)
			v.Trust = trust.Policy{Anchors: []trust.Anchor{anchor(ca.Certificate)}}
			var verify, alone time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if _, err := v.Verify(b.Context(), e); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if !bare(e, hash) {
					b.Fatal("not verified")
				}
				verify, alone = verify+middle.Sub(start), alone+time.Since(middle)
			}
			b.ReportMetric(float64(verify.Nanoseconds())/float64(b.N), "verify-ns/op")
			b.ReportMetric(float64(alone.Nanoseconds())/float64(b.N), "bare-ns/op")
			b.ReportMetric(float64(verify)/float64(alone), "times-bare")
		})
	}
}

// Reading evidence comes before it is verified.
func BenchmarkParseEvidence(b *testing.B) {
	ca := newCA(b, cardtest.CAKey(), cardtest.Unchanged)
	text, err := issue(b, ca, cardtest.HolderKey(), cardtest.Unchanged).answer(b, challenge(b, now)).MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := proof.ParseEvidence(text); err != nil {
			b.Fatal(err)
		}
	}
}
