package proof_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// situation is a verifier and evidence that it accepts, until a test changes them.
type situation struct {
	*proof.Verifier
	store     store
	ca        cardtest.CA
	key       crypto.Signer
	evidence  proof.Evidence
	challenge proof.Challenge
}

func newSituation(t testing.TB) *situation {
	t.Helper()
	s := &situation{ca: newCA(t, cardtest.CAKey(), cardtest.Unchanged), key: ecKey(t, elliptic.P256()), challenge: challenge(t, now)}
	s.Verifier = prooftest.Verifier(now)
	s.Trust, s.Once = trust.Policy{Anchors: []trust.Anchor{anchor(s.ca.Certificate)}}, s.store.once
	s.answer(t, cardtest.Unchanged)
	return s
}

// answer has a card with another certificate answer the challenge.
func (s *situation) answer(t testing.TB, change func(*x509.Certificate)) {
	t.Helper()
	s.evidence = issue(t, s.ca, s.key, change).answer(t, s.challenge)
}

// answerAt has the card answer a challenge of another time.
func (s *situation) answerAt(t testing.TB, at time.Time) {
	s.challenge.Time = at
	s.answer(t, cardtest.Unchanged)
}

// Each error that Verify returns has causes that nothing else reports. No evidence is
// recorded as used that was rejected for another reason.
//
// Faults: F55, F56, F57, F58, F59, F94.
func TestRejectedEvidence(t *testing.T) {
	namesake := func(t testing.TB) cardtest.CA { return newCA(t, cardtest.AttackerKey(), cardtest.Unchanged) }
	for _, tt := range []struct {
		name, want string
		change     func(t *testing.T, s *situation)
	}{
		{"a verifier without an audience", "ErrName", func(_ *testing.T, s *situation) { s.Audience, s.evidence.Challenge.Audience = "", "" }},
		{"a verifier without a purpose", "ErrName", func(_ *testing.T, s *situation) { s.Purpose, s.evidence.Challenge.Purpose = "", "" }},
		{"a verifier with an invalid audience", "ErrName", func(_ *testing.T, s *situation) { s.Audience = "a\n" }},

		{"another audience", "ErrAudience", func(t *testing.T, s *situation) { s.challenge.Audience += "/"; s.answer(t, cardtest.Unchanged) }},
		{"an audience in capitals", "ErrAudience", func(t *testing.T, s *situation) {
			s.challenge.Audience = "HTTPS://VERIFIER.EXAMPLE.JP"
			s.answer(t, cardtest.Unchanged)
		}},
		{"no audience", "ErrAudience", func(t *testing.T, s *situation) { s.challenge.Audience = ""; s.answer(t, cardtest.Unchanged) }},
		{"another audience was written into the evidence", "ErrAudience", func(_ *testing.T, s *situation) { s.evidence.Challenge.Audience = "https://bank.example.jp" }},
		{"another purpose", "ErrPurpose", func(t *testing.T, s *situation) { s.challenge.Purpose = "pay"; s.answer(t, cardtest.Unchanged) }},
		{"audience and purpose exchanged", "ErrAudience", func(t *testing.T, s *situation) {
			s.challenge.Audience, s.challenge.Purpose = s.challenge.Purpose, s.challenge.Audience
			s.answer(t, cardtest.Unchanged)
		}},

		{"old", "ErrAge", func(t *testing.T, s *situation) { s.answerAt(t, now.Add(-proof.DefaultMaxAge-time.Second)) }},
		{"older than a verifier's maximum", "ErrAge", func(t *testing.T, s *situation) { s.MaxAge = time.Second; s.answerAt(t, now.Add(-2*time.Second)) }},
		{"from the future", "ErrAge", func(t *testing.T, s *situation) { s.answerAt(t, now.Add(time.Minute+time.Second)) }},
		{"from the future, with a larger maximum", "ErrAge", func(t *testing.T, s *situation) {
			s.MaxAge = math.MaxInt64
			s.answerAt(t, now.Add(time.Minute+time.Second))
		}},
		{"from the beginning of time", "ErrAge", func(t *testing.T, s *situation) { s.answerAt(t, time.Time{}) }},
		{"from the end of time", "ErrAge", func(t *testing.T, s *situation) { s.answerAt(t, time.Unix(1<<60, 0)) }},
		{"from long before the clock", "ErrAge", func(t *testing.T, s *situation) { s.answerAt(t, time.Unix(-1<<60, 0)) }},

		{"no certificate", "trust.ErrMalformed", func(_ *testing.T, s *situation) { s.evidence.Certificate = nil }},
		{"half a certificate", "trust.ErrMalformed", func(_ *testing.T, s *situation) { s.evidence.Certificate = s.evidence.Certificate[:200] }},
		{"bytes after the certificate", "trust.ErrMalformed", func(_ *testing.T, s *situation) { s.evidence.Certificate = append(s.evidence.Certificate, 0) }},
		{"two certificates", "trust.ErrMalformed", func(_ *testing.T, s *situation) {
			s.evidence.Certificate = bytes.Repeat(s.evidence.Certificate, 2)
		}},
		{"a signature certificate", "trust.ErrWrongKind", func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageContentCommitment, nil })
		}},
		{"a certificate for signatures too", "trust.ErrWrongKind", func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageContentCommitment })
		}},
		{"a signature certificate by its policy", "trust.ErrWrongKind", func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.Policies = []x509.OID{cardtest.OID(t, "1.2.392.200149.8.5.1.1.20")} })
		}},
		{"a certificate for servers", "trust.ErrWrongKind", func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
		}},
		{"a certificate without key usage", "trust.ErrWrongKind", func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.KeyUsage = 0 })
		}},
		{"the CA's own certificate", "trust.ErrWrongKind", func(t *testing.T, s *situation) {
			s.evidence = card{s.ca.Key, s.ca.Certificate.Raw, s.ca.Certificate.Raw}.answer(t, s.challenge)
		}},
		{"expired", "trust.ErrExpired", func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
		}},
		{"not yet valid", "trust.ErrNotYetValid", func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })
		}},
		{"not yet valid, where expired certificates are allowed", "trust.ErrNotYetValid", func(t *testing.T, s *situation) {
			s.AllowExpired = true
			s.answer(t, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })
		}},
		{"a key on P-224", "trust.ErrUnsupportedKey", func(t *testing.T, s *situation) { s.key = ecKey(t, elliptic.P224()); s.answer(t, cardtest.Unchanged) }},

		{"the algorithm of RSA for an ECDSA key", "ErrAlgorithm", func(_ *testing.T, s *situation) { s.evidence.Algorithm = proof.RS256 }},
		{"the algorithm of another curve", "ErrAlgorithm", func(_ *testing.T, s *situation) { s.evidence.Algorithm = proof.ES384 }},
		{"the algorithm of ECDSA for an RSA key", "ErrAlgorithm", func(t *testing.T, s *situation) {
			s.key = cardtest.HolderKey()
			s.answer(t, cardtest.Unchanged)
			s.evidence.Algorithm = proof.ES256
		}},
		{"no algorithm", "ErrAlgorithm", func(_ *testing.T, s *situation) { s.evidence.Algorithm = "" }},
		{"an algorithm in small letters", "ErrAlgorithm", func(_ *testing.T, s *situation) { s.evidence.Algorithm = "es256" }},
		{"no signature by its algorithm", "ErrAlgorithm", func(_ *testing.T, s *situation) { s.evidence.Algorithm, s.evidence.Signature = "none", nil }},
		{"PSS", "ErrAlgorithm", func(t *testing.T, s *situation) {
			s.key = cardtest.HolderKey()
			s.answer(t, cardtest.Unchanged)
			s.evidence.Algorithm = "PS256"
		}},

		{"another nonce", "ErrSignature", func(_ *testing.T, s *situation) { s.evidence.Challenge.Nonce[31] ^= 1 }},
		{"another time", "ErrSignature", func(_ *testing.T, s *situation) { s.evidence.Challenge.Time = now.Add(time.Second) }},
		{"another card's certificate with this signature", "ErrSignature", func(t *testing.T, s *situation) {
			s.evidence.Certificate = issue(t, s.ca, ecKey(t, elliptic.P256()), cardtest.Unchanged).certificate
		}},
		{"this certificate with another card's signature", "ErrSignature", func(t *testing.T, s *situation) {
			s.evidence.Signature = issue(t, s.ca, ecKey(t, elliptic.P256()), cardtest.Unchanged).answer(t, s.challenge).Signature
		}},
		{"the CA's key signed", "ErrSignature", func(t *testing.T, s *situation) {
			s.key = cardtest.HolderKey()
			s.answer(t, cardtest.Unchanged)
			s.evidence.Signature = signature(t, s.ca.Key, crypto.SHA256, s.challenge.Message())
		}},
		{"no signature", "ErrSignature", func(_ *testing.T, s *situation) { s.evidence.Signature = nil }},
		{"a signature of zeros", "ErrSignature", func(_ *testing.T, s *situation) { s.evidence.Signature = make([]byte, 64) }},
		{"a signature of ones", "ErrSignature", func(_ *testing.T, s *situation) { s.evidence.Signature = bytes.Repeat([]byte{0xFF}, 64) }},
		{"a byte less", "ErrSignature", func(_ *testing.T, s *situation) { s.evidence.Signature = s.evidence.Signature[:63] }},
		{"a byte more", "ErrSignature", func(_ *testing.T, s *situation) { s.evidence.Signature = append(s.evidence.Signature, 0) }},
		{"r and s with a zero in front", "ErrSignature", func(_ *testing.T, s *situation) {
			old := s.evidence.Signature
			s.evidence.Signature = bytes.Join([][]byte{{0}, old[:32], {0}, old[32:]}, nil)
		}},
		{"s with a zero in front", "ErrSignature", func(_ *testing.T, s *situation) {
			old := s.evidence.Signature
			s.evidence.Signature = bytes.Join([][]byte{old[:32], {0}, old[32:]}, nil)
		}},
		{"s and r", "ErrSignature", func(_ *testing.T, s *situation) {
			s.evidence.Signature = append(bytes.Clone(s.evidence.Signature[32:]), s.evidence.Signature[:32]...)
		}},
		{"RSA, a byte of zero in front", "ErrSignature", func(t *testing.T, s *situation) {
			s.key = cardtest.HolderKey()
			s.answer(t, cardtest.Unchanged)
			s.evidence.Signature = append([]byte{0}, s.evidence.Signature...)
		}},
		{"RSA over another hash", "ErrSignature", func(t *testing.T, s *situation) {
			s.key = cardtest.HolderKey()
			s.answer(t, cardtest.Unchanged)
			s.evidence.Signature = signature(t, s.key, crypto.SHA512, s.challenge.Message())
		}},
		{"RSA with PSS", "ErrSignature", func(t *testing.T, s *situation) {
			s.key = cardtest.HolderKey()
			s.answer(t, cardtest.Unchanged)
			h := crypto.SHA256.New()
			h.Write(s.challenge.Message())
			signed, err := s.key.Sign(rand.Reader, h.Sum(nil), &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash})
			require.NoError(t, err)
			s.evidence.Signature = signed
		}},
		{"P-384 over SHA-256", "ErrSignature", func(t *testing.T, s *situation) {
			s.key = ecKey(t, elliptic.P384())
			s.answer(t, cardtest.Unchanged)
			s.evidence.Signature = signature(t, s.key, crypto.SHA256, s.challenge.Message())
		}},

		{"a verifier that trusts nobody", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) { s.Trust = trust.Policy{} }},
		{"a verifier that trusts J-LIS", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) { s.Trust = trust.Policy{Anchors: trust.JLIS()} }},
		{"a CA of the same name and key identifier", "trust.ErrUnknownIssuer", func(t *testing.T, s *situation) {
			s.ca = namesake(t)
			s.answer(t, cardtest.Unchanged)
		}},
		{"its certificate with the genuine CA certificate", "trust.ErrUnknownIssuer", func(t *testing.T, s *situation) {
			genuine := s.ca.Certificate.Raw
			s.ca = namesake(t)
			s.answer(t, cardtest.Unchanged)
			s.evidence.CACertificate = genuine
		}},
		{"the namesake's certificate as the CA certificate", "trust.ErrUnknownIssuer", func(t *testing.T, s *situation) {
			s.evidence.CACertificate = namesake(t).Certificate.Raw
		}},
		{"another CA certificate of the same key", "trust.ErrUnknownIssuer", func(t *testing.T, s *situation) {
			s.evidence.CACertificate = newCA(t, s.ca.Key, func(c *x509.Certificate) { c.NotAfter = now.AddDate(9, 0, 0) }).Certificate.Raw
		}},
		{"no CA certificate", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) { s.evidence.CACertificate = nil }},
		{"half a CA certificate", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) { s.evidence.CACertificate = s.evidence.CACertificate[:200] }},
		{"a CA certificate with a byte after it", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) { s.evidence.CACertificate = append(s.evidence.CACertificate, 0) }},
		{"the certificate as its own CA certificate", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) { s.evidence.CACertificate = s.evidence.Certificate }},
		{"an unknown issuer that is required, although unknown ones are allowed", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) {
			s.Trust, s.AllowUnknownIssuer = trust.Policy{Required: true}, true
		}},
		{"the simulator's CA where a known issuer is required", "trust.ErrUnknownIssuer", func(_ *testing.T, s *situation) {
			s.Trust = trust.Policy{SimulatorCAs: []*x509.Certificate{s.ca.Certificate}, Required: true}
		}},
		{"a pinned CA certificate that is no CA's", "trust.ErrUnknownIssuer", func(t *testing.T, s *situation) {
			s.ca = newCA(t, s.ca.Key, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature })
			s.Trust.Anchors = []trust.Anchor{anchor(s.ca.Certificate)}
			s.answer(t, cardtest.Unchanged)
		}},
		{"an expired CA certificate", "trust.ErrIssuerExpired", func(t *testing.T, s *situation) {
			s.ca = newCA(t, s.ca.Key, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
			s.Trust.Anchors = []trust.Anchor{anchor(s.ca.Certificate)}
			s.answer(t, cardtest.Unchanged)
		}},
		{"an expired CA certificate, where expired and unknown are allowed", "trust.ErrIssuerExpired", func(t *testing.T, s *situation) {
			s.AllowExpired, s.AllowUnknownIssuer = true, true
			s.ca = newCA(t, s.ca.Key, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
			s.Trust.Anchors = []trust.Anchor{anchor(s.ca.Certificate)}
			s.answer(t, cardtest.Unchanged)
		}},
		{"a CA certificate of the caller's that is not yet valid", "trust.ErrIssuerExpired", func(t *testing.T, s *situation) {
			s.ca = newCA(t, s.ca.Key, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })
			s.Trust = trust.Policy{CAs: []*x509.Certificate{s.ca.Certificate}}
			s.answer(t, cardtest.Unchanged)
		}},

		{"replayed", "ErrUsed", func(t *testing.T, s *situation) {
			_, err := s.Verify(t.Context(), s.evidence)
			require.NoError(t, err)
			s.store.calls = 0
		}},
		{"replayed, with its time in another zone", "ErrUsed", func(t *testing.T, s *situation) {
			_, err := s.Verify(t.Context(), s.evidence)
			require.NoError(t, err)
			s.evidence.Challenge.Time, s.store.calls = now.In(time.FixedZone("JST", 9*60*60)), 0
		}},
		{"replayed, with a part of a second", "ErrUsed", func(t *testing.T, s *situation) {
			_, err := s.Verify(t.Context(), s.evidence)
			require.NoError(t, err)
			s.evidence.Challenge.Time, s.store.calls = now.Add(1), 0
		}},
		{"the same challenge, answered by another card", "ErrUsed", func(t *testing.T, s *situation) {
			_, err := s.Verify(t.Context(), s.evidence)
			require.NoError(t, err)
			s.key, s.store.calls = ecKey(t, elliptic.P256()), 0
			s.answer(t, cardtest.Unchanged)
		}},
		{"a verifier without a record", "ErrUsed", func(_ *testing.T, s *situation) { s.Once = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSituation(t)
			tt.change(t, s)
			holder, err := s.Verify(t.Context(), s.evidence)
			requireOnly(t, tt.want, err)
			assert.Nil(t, holder)
			assert.Less(t, len(err.Error()), 200)
			recorded := 0
			if tt.want == "ErrUsed" && s.Once != nil {
				recorded = 1
			}
			assert.Equal(t, recorded, s.store.calls, "Once was called")
		})
	}
}

// Evidence of every kind of key is accepted, and of every kind of issuer that the verifier
// trusts.
func TestAcceptedEvidence(t *testing.T) {
	for _, tt := range []struct {
		name     string
		issuer   trust.Issuer
		validity trust.Validity
		change   func(t *testing.T, s *situation)
	}{
		{"P-256", trust.IssuerPinned, trust.Valid, func(*testing.T, *situation) {}},
		{"P-384", trust.IssuerPinned, trust.Valid, func(t *testing.T, s *situation) { s.key = ecKey(t, elliptic.P384()); s.answer(t, cardtest.Unchanged) }},
		{"RSA", trust.IssuerPinned, trust.Valid, func(t *testing.T, s *situation) { s.key = cardtest.HolderKey(); s.answer(t, cardtest.Unchanged) }},
		{"a certificate without extended key usage", trust.IssuerPinned, trust.Valid, func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.ExtKeyUsage = nil })
		}},
		{"the caller's CA, without a CA certificate in the evidence", trust.IssuerCaller, trust.Valid, func(_ *testing.T, s *situation) {
			s.Trust, s.evidence.CACertificate = trust.Policy{CAs: []*x509.Certificate{s.ca.Certificate}, Required: true}, nil
		}},
		{"the simulator's CA", trust.IssuerSimulator, trust.Valid, func(_ *testing.T, s *situation) {
			s.Trust = trust.Policy{SimulatorCAs: []*x509.Certificate{s.ca.Certificate}}
		}},
		{"an unknown issuer that is allowed", trust.IssuerUnknown, trust.Valid, func(_ *testing.T, s *situation) {
			s.Trust, s.AllowUnknownIssuer = trust.Policy{}, true
		}},
		{"an unknown issuer that is allowed, and no CA certificate", trust.IssuerUnknown, trust.Valid, func(_ *testing.T, s *situation) {
			s.AllowUnknownIssuer, s.evidence.CACertificate = true, nil
		}},
		{"a known issuer where unknown ones are allowed", trust.IssuerPinned, trust.Valid, func(_ *testing.T, s *situation) { s.AllowUnknownIssuer = true }},
		{"expiring", trust.IssuerPinned, trust.Expiring, func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 1, 0) })
		}},
		{"expired, which is allowed", trust.IssuerPinned, trust.Expired, func(t *testing.T, s *situation) {
			s.AllowExpired = true
			s.answer(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
		}},
		{"the last second of the certificate", trust.IssuerPinned, trust.Expiring, func(t *testing.T, s *situation) {
			s.answer(t, func(c *x509.Certificate) { c.NotAfter = now })
		}},
		{"the oldest challenge", trust.IssuerPinned, trust.Valid, func(t *testing.T, s *situation) { s.answerAt(t, now.Add(-proof.DefaultMaxAge)) }},
		{"a clock that is ahead", trust.IssuerPinned, trust.Valid, func(t *testing.T, s *situation) { s.answerAt(t, now.Add(time.Minute)) }},
		{"an old challenge that is allowed", trust.IssuerPinned, trust.Valid, func(t *testing.T, s *situation) { s.MaxAge = time.Hour; s.answerAt(t, now.Add(-time.Hour)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSituation(t)
			tt.change(t, s)
			holder, err := s.Verify(t.Context(), s.evidence)
			require.NoError(t, err)
			assert.Equal(t, tt.issuer, holder.Issuer())
			assert.Equal(t, tt.validity, holder.Validity())
			assert.Equal(t, s.challenge, holder.Challenge())
			assert.Equal(t, s.evidence.Certificate, holder.Certificate().Raw)
			assert.Equal(t, fmt.Sprintf("[holder: certificate %s, issuer %s, revocation not checked]", tt.validity, tt.issuer), holder.String())
			assert.Equal(t, 1, s.store.calls, "Once was called")
			require.NotContains(t, s.store.used, proof.Challenge{})
			require.Contains(t, s.store.used, s.challenge)
		})
	}
}

// The error for an expired certificate has its dates.
func TestExpiredCertificatesDates(t *testing.T) {
	s := newSituation(t)
	end := now.Add(-time.Second)
	s.answer(t, func(c *x509.Certificate) { c.NotAfter = end })
	_, err := s.Verify(t.Context(), s.evidence)
	var invalid *trust.ValidityError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, end, invalid.NotAfter)
	assert.False(t, invalid.SignatureCertificate)
}
