package proof

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	_ "crypto/sha512" // for ES384

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

var (
	// ErrAudience reports evidence for another audience.
	ErrAudience = errors.New("evidence is for another audience")
	// ErrPurpose reports evidence for another purpose.
	ErrPurpose = errors.New("evidence is for another purpose")
	// ErrAge reports a challenge that is older than the verifier allows, or from the future.
	ErrAge = errors.New("challenge is too old or from the future")
	// ErrUsed reports a challenge that was answered before or was never issued.
	ErrUsed = errors.New("challenge was used or is unknown")
	// ErrAlgorithm reports an algorithm that is unknown or does not fit the certificate's
	// key.
	ErrAlgorithm = errors.New("algorithm does not fit the key")
	// ErrSignature reports that the certificate's key did not sign the challenge.
	ErrSignature = errors.New("signature does not match the challenge")
)

const (
	// DefaultMaxAge is the maximum age of a challenge if Verifier.MaxAge is 0.
	DefaultMaxAge = 5 * time.Minute
	// maxSkew is by how much the clock of the program that made the challenge may be ahead.
	maxSkew = time.Minute
)

// Verifier verifies evidence. Audience, Purpose and Once must be set. A Verifier is
// safe for concurrent use if its fields are not changed, and if Once and CheckUnused
// are safe.
//
// It checks revocation only if Revocation is set. Only some verifiers may ask J-LIS
// about it: see package revocation.
type Verifier struct {
	// Audience and Purpose must equal those of the challenge.
	Audience, Purpose string
	// Trust says which CAs are trusted. The zero Policy trusts none: all evidence is then
	// rejected unless AllowUnknownIssuer is set. For J-LIS set trust.Policy{Anchors: trust.JLIS()}.
	Trust trust.Policy
	// Once is called with a challenge after everything else was verified. It has to record
	// that the challenge was answered, and to return an error that matches [ErrUsed] if it
	// was answered before or was never issued. Programs that share an audience have to share
	// the record. A record can be deleted MaxAge plus one minute after the call. The minute
	// allows for clocks that differ.
	Once func(ctx context.Context, challenge Challenge) error
	// MaxAge is the maximum age of a challenge; 0 is [DefaultMaxAge].
	MaxAge time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// AllowExpired accepts a certificate that has expired.
	AllowExpired bool
	// AllowUnknownIssuer accepts a certificate of an issuer that Trust does not include, as
	// [trust.IssuerUnknown], unless Trust.Required is set. Anybody can make such a certificate.
	AllowUnknownIssuer bool
	// Revocation requires that the certificate is not revoked. If it is nil, revocation is not
	// checked. With it, certificates that expired or whose issuer is unknown are rejected even
	// if they are allowed, because no source knows about them.
	Revocation *revocation.Policy
	// CheckUnused has to be set if Revocation is. It is called before Revocation is consulted,
	// so that a replay causes no query. It records nothing and returns the error that Once
	// would return.
	CheckUnused func(ctx context.Context, challenge Challenge) error
}

// Verify verifies evidence and returns its holder. It checks the audience, the purpose and the
// age of the challenge, the kind, validity and key of the certificate, the signature, and the
// issuer, then revocation if the verifier has a policy for it, and then calls Once. If
// Verify fails before it calls Once, the challenge is not used up: the same evidence can be
// verified again, for example after the source of revocation information was unavailable,
// without another PIN entry.
//
// It returns [ErrAudience], [ErrPurpose], [ErrAge], [trust.ErrMalformed], [trust.ErrWrongKind],
// [*trust.ValidityError], [trust.ErrUnsupportedKey], [ErrAlgorithm], [ErrSignature],
// [trust.ErrUnknownIssuer], [trust.ErrIssuerExpired], [revocation.ErrUnknown],
// [*revocation.RevokedError], or the error of CheckUnused or Once. It returns [ErrName] if the
// verifier has no audience or purpose, and [ErrUsed] if Once is nil, or if Revocation is set and
// CheckUnused is nil.
func (v *Verifier) Verify(ctx context.Context, e Evidence) (*Holder, error) {
	now := v.now()
	if err := v.checkChallenge(e.Challenge, now); err != nil {
		return nil, err
	}
	certificate, err := v.checkCertificate(e.Certificate, now)
	if err != nil {
		return nil, err
	}
	question := revocation.Question{Certificate: certificate, Signature: bytes.Clone(e.Signature)}
	if question.Hash, question.Digest, err = checkSignature(certificate.PublicKey, e); err != nil {
		return nil, err
	}
	var issuer trust.Issuer
	issuer, question.CACertificate, err = v.Trust.IssuingCA(certificate, now, func() (*x509.Certificate, error) { return caCertificate(e.CACertificate) })
	switch {
	case err != nil:
		return nil, err
	case issuer == trust.IssuerUnknown && !v.AllowUnknownIssuer:
		return nil, trust.ErrUnknownIssuer
	}
	if v.Once == nil {
		return nil, fmt.Errorf("%w: the verifier does not record challenges", ErrUsed)
	}
	// The card signed whole seconds: the same message must not count as two challenges.
	challenge := e.Challenge
	challenge.Time = challenge.Time.UTC().Truncate(time.Second)
	answer, err := v.checkRevocation(ctx, challenge, question)
	if err != nil {
		return nil, err
	}
	if err := v.Once(ctx, challenge); err != nil {
		return nil, err
	}
	return &Holder{hidden.New(&verified{challenge, certificate, trust.ValidityAt(certificate, now), issuer, answer})}, nil
}

// checkRevocation returns the zero Answer if the verifier does not check revocation.
func (v *Verifier) checkRevocation(ctx context.Context, c Challenge, q revocation.Question) (revocation.Answer, error) {
	if v.Revocation == nil {
		return revocation.Answer{}, nil
	}
	if v.CheckUnused == nil {
		return revocation.Answer{}, fmt.Errorf("%w: the verifier can't tell before it asks about revocation", ErrUsed)
	}
	if err := v.CheckUnused(ctx, c); err != nil {
		return revocation.Answer{}, err
	}
	answer, err := v.Revocation.Check(ctx, q, v.now)
	if err != nil {
		return revocation.Answer{}, err
	}
	// The record of a use in the meantime may already be forgotten.
	return answer, v.checkChallenge(c, v.now())
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

func (v *Verifier) checkChallenge(c Challenge, now time.Time) error {
	if err := (Challenge{Audience: v.Audience, Purpose: v.Purpose}).Check(); err != nil {
		return fmt.Errorf("verifier: %w", err)
	}
	maxAge := v.MaxAge
	if maxAge == 0 {
		maxAge = DefaultMaxAge
	}
	switch {
	case c.Audience != v.Audience:
		return ErrAudience
	case c.Purpose != v.Purpose:
		return ErrPurpose
	case now.Sub(c.Time) > maxAge || c.Time.Sub(now) > maxSkew:
		return ErrAge
	}
	return nil
}

func (v *Verifier) checkCertificate(der []byte, now time.Time) (*x509.Certificate, error) {
	certificate, err := trust.Parse(der)
	if err != nil {
		return nil, err
	}
	if err := trust.CheckAuthenticationCertificate(certificate); err != nil {
		return nil, err
	}
	if err := trust.CheckValidity(certificate, now, v.AllowExpired); err != nil {
		return nil, err
	}
	return certificate, trust.CheckKey(certificate)
}

func caCertificate(der []byte) (*x509.Certificate, error) {
	certificate, err := trust.Parse(der)
	if err != nil {
		return nil, fmt.Errorf("%w: CA certificate in the evidence: %v", trust.ErrUnknownIssuer, err)
	}
	return certificate, nil
}

// AlgorithmOf returns the algorithm with which a key signs challenges, and its hash. It
// returns [trust.ErrUnsupportedKey] unless the key is RSA, or ECDSA on P-256 or P-384.
func AlgorithmOf(key crypto.PublicKey) (Algorithm, crypto.Hash, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return RS256, crypto.SHA256, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return ES256, crypto.SHA256, nil
		case elliptic.P384():
			return ES384, crypto.SHA384, nil
		}
	}
	return "", 0, trust.ErrUnsupportedKey
}

// checkSignature verifies the evidence's signature with a key that [trust.CheckKey] accepts. It
// returns what was signed.
func checkSignature(key crypto.PublicKey, e Evidence) (crypto.Hash, []byte, error) {
	algorithm, hash, err := AlgorithmOf(key)
	if err != nil {
		return 0, nil, err
	}
	if e.Algorithm != algorithm {
		return 0, nil, fmt.Errorf("%w, which signs with %s", ErrAlgorithm, algorithm)
	}
	h := hash.New()
	h.Write(e.Challenge.Message())
	digest := h.Sum(nil)
	switch key := key.(type) {
	case *rsa.PublicKey:
		if rsa.VerifyPKCS1v15(key, hash, digest, e.Signature) == nil {
			return hash, digest, nil
		}
	case *ecdsa.PublicKey:
		half := (key.Curve.Params().BitSize + 7) / 8
		if len(e.Signature) == 2*half && ecdsa.Verify(key, digest, new(big.Int).SetBytes(e.Signature[:half]), new(big.Int).SetBytes(e.Signature[half:])) {
			return hash, digest, nil
		}
	}
	return 0, nil, ErrSignature
}
