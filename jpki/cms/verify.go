package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/mykeykit/mykeykit/internal/ctxio"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Reasons why a signature is rejected. Others are [ErrMalformed] and the errors of packages trust and
// revocation.
var (
	ErrAlgorithm        = errors.New("unsupported algorithm")
	ErrContent          = errors.New("content was changed after it was signed")
	ErrSignature        = errors.New("wrong signature")
	ErrNoSigner         = errors.New("no signer in this message")
	ErrNoCertificate    = errors.New("signer's certificate is not in the message")
	ErrOtherCertificate = errors.New("signed with a certificate other than the one in the message")
	ErrSignerTwice      = errors.New("two signers with one certificate")
	ErrTimestamp        = errors.New("unusable time stamp")
)

// Verifier verifies signatures. It is safe for concurrent use if its fields are not changed.
type Verifier struct {
	// Trust says which CAs are trusted. The zero Policy trusts none: all signatures are then
	// rejected unless AllowUnknownIssuer is set. For J-LIS set
	// trust.Policy{Anchors: trust.JLISSignature()}.
	Trust trust.Policy
	// AllowUnknownIssuer accepts a certificate of an issuer that Trust does not include, as
	// [trust.IssuerUnknown], unless Trust.Required is set. Anybody can make such a certificate.
	AllowUnknownIssuer bool
	// TimestampCAs are the CAs whose time-stamping authorities are trusted. If it is nil, no time is proven.
	TimestampCAs *x509.CertPool
	// AllowAuthenticationKey accepts signatures with the key for user authentication.
	AllowAuthenticationKey bool
	// Revocation requires that the certificate is not revoked. If it is nil, revocation is not
	// checked. Only some verifiers may ask: see package revocation.
	Revocation *revocation.Policy
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

// Signature is a verified signature. Printing or encoding it shows nothing of the certificate, which is
// personal data.
type Signature struct {
	// Issuer says who issued the certificate. It is [trust.IssuerUnknown] only if the Verifier allows it.
	Issuer trust.Issuer
	// Hash is the hash algorithm of the content's digest.
	Hash crypto.Hash
	// ClaimedTime is the time according to the signer's clock, which proves nothing; zero if there is none.
	ClaimedTime time.Time
	// ProvenTime is the time of a trusted time stamp, at which the signature existed; zero if there is none.
	ProvenTime time.Time
	// HasTimestamp reports whether there is a time stamp, trusted or not.
	HasTimestamp bool
	// VerifiedAt is the time for which the certificate's validity was checked: ProvenTime or, if that is zero,
	// the time of the verification.
	VerifiedAt time.Time
	// Bound reports whether the signed attributes have the certificate's digest (ESS signing certificate v2).
	Bound bool
	// Authentication reports whether the key is the one for user authentication.
	Authentication bool
	// Revocation is the answer of the Verifier's policy; the zero Answer if there is none.
	Revocation revocation.Answer

	certificate hidden.Value[*x509.Certificate]
}

// Certificate returns the signer's certificate: personal data, to be kept no longer than needed.
func (s *Signature) Certificate() *x509.Certificate { return s.certificate.Reveal() }

// Verify verifies every signature of a message. content is the signed data, for a detached signature; it is read
// to its end. For a message with its data inside, content is nil: see [Content].
//
// It returns the signatures, at least one, only if all of them are good. It returns [ErrMalformed],
// [ErrAlgorithm], [ErrContent], [ErrSignature], [ErrNoSigner], [ErrNoCertificate], [ErrOtherCertificate],
// [ErrSignerTwice], [ErrTimestamp], [trust.ErrWrongKind], [trust.ErrUnsupportedKey],
// [trust.ErrUnknownIssuer], [trust.ErrIssuerExpired], [*trust.ValidityError], [revocation.ErrUnknown],
// [revocation.ErrRevoked], or an error of content.
func (v *Verifier) Verify(ctx context.Context, der []byte, content io.Reader) ([]*Signature, error) {
	m, err := parse(der)
	switch {
	case err != nil:
		return nil, err
	case !m.contentType.Equal(oidData):
		return nil, malformed("the content is not data")
	case m.attached && content != nil:
		return nil, malformed("a detached signature was expected, and the message has a content")
	case m.attached:
		content = bytes.NewReader(m.content)
	case content == nil:
		return nil, malformed("no content")
	}
	return v.verify(ctx, m, content)
}

// Content returns the data inside a message without verifying its signatures. It returns
// [ErrMalformed] if der is not a CMS message, or contains no data, as in a detached
// signature.
func Content(der []byte) ([]byte, error) {
	m, err := parse(der)
	if err == nil && !m.attached {
		err = malformed("no content")
	}
	if err != nil {
		return nil, err
	}
	return m.content, nil
}

func (v *Verifier) verify(ctx context.Context, m *message, content io.Reader) ([]*Signature, error) {
	if len(m.signers) == 0 {
		return nil, ErrNoSigner
	}
	digests, err := m.hash(ctx, content)
	if err != nil {
		return nil, err
	}
	now := v.now()
	var signatures []*Signature
	for _, s := range m.signers {
		certificate, err := m.verifySigner(s, digests)
		if err != nil {
			return nil, err
		}
		for _, other := range signatures {
			if other.Certificate().Equal(certificate) {
				return nil, ErrSignerTwice
			}
		}
		signature, err := v.check(ctx, m, s, certificate, now)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	return signatures, nil
}

// hash computes the digests of the content that the signers name, by their identifiers.
func (m *message) hash(ctx context.Context, content io.Reader) (map[string][]byte, error) {
	hashes := map[string]hash.Hash{}
	var writers []io.Writer
	for _, s := range m.signers {
		a, err := algorithmByDigest(s.digest)
		if err != nil {
			return nil, err
		}
		listed := false
		for _, d := range m.digests {
			listed = listed || d.Equal(s.digest)
		}
		if !listed {
			return nil, malformed("a signer's digest algorithm is not listed")
		}
		if hashes[s.digest.String()] == nil {
			h := a.hash.New()
			hashes[s.digest.String()] = h
			writers = append(writers, h)
		}
	}
	if _, err := io.Copy(io.MultiWriter(writers...), ctxio.Reader(ctx, content)); err != nil {
		return nil, err
	}
	digests := map[string][]byte{}
	for id, h := range hashes {
		digests[id] = h.Sum(nil)
	}
	return digests, nil
}

// verifySigner verifies a signer's signature and returns the certificate. It checks nothing else about
// the certificate.
func (m *message) verifySigner(s signerInfo, digests map[string][]byte) (*x509.Certificate, error) {
	certificate, err := m.find(s)
	if err != nil {
		return nil, err
	}
	a, err := algorithmByDigest(s.digest)
	if err != nil {
		return nil, err
	}
	if err := trust.CheckPublicKey(certificate.PublicKey); err != nil {
		return nil, err
	}
	if err := a.verify(certificate.PublicKey, s.algorithm, s.signed, s.signature); err != nil {
		return nil, err
	}
	switch {
	case !s.contentType.Equal(m.contentType):
		return nil, malformed("the signed content type is another one")
	case !bytes.Equal(s.contentHash, digests[s.digest.String()]):
		return nil, ErrContent
	}
	_, err = s.matches(certificate)
	return certificate, err
}

// check checks the certificate of a signature that is right: its kind, key, issuer, validity and
// revocation.
func (v *Verifier) check(ctx context.Context, m *message, s signerInfo, certificate *x509.Certificate, now time.Time) (*Signature, error) {
	a, err := algorithmByDigest(s.digest)
	if err != nil {
		return nil, err
	}
	result := &Signature{
		Hash: a.hash, ClaimedTime: s.signingTime, VerifiedAt: now, Bound: s.certificates != nil,
		HasTimestamp: len(s.timestamps) > 0, certificate: hidden.New(certificate),
	}
	parsed, err := trust.Parse(certificate.Raw)
	if err != nil {
		return nil, err
	}
	if err := trust.CheckKey(parsed); err != nil {
		return nil, err
	}
	if err := trust.CheckSignatureCertificate(parsed); err != nil {
		if !v.AllowAuthenticationKey || trust.CheckAuthenticationCertificate(parsed) != nil {
			return nil, err
		}
		result.Authentication = true
	}
	for _, token := range s.timestamps {
		if v.TimestampCAs == nil { // no time is proven, whatever it says; anybody can add one
			break
		}
		at, trusted, err := verifyTimestamp(ctx, token, s.signature, v.TimestampCAs)
		if errors.Is(err, ErrAlgorithm) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
		}
		if trusted && at.Before(now) && (result.ProvenTime.IsZero() || at.Before(result.ProvenTime)) {
			result.ProvenTime, result.VerifiedAt = at, at
		}
	}
	if err := trust.CheckValidity(parsed, result.VerifiedAt, false); err != nil {
		return nil, err
	}
	var ca *x509.Certificate
	result.Issuer, ca, err = v.Trust.IssuingCA(parsed, result.VerifiedAt, nil) // no card
	switch {
	case err != nil:
		return nil, err
	case result.Issuer == trust.IssuerUnknown && !v.AllowUnknownIssuer:
		return nil, trust.ErrUnknownIssuer
	case v.Revocation == nil:
		return result, nil
	}
	question := revocation.Question{Certificate: parsed, CACertificate: ca, Hash: a.hash, Digest: sum(a.hash, s.signed)}
	if question.Signature, err = signatureOf(parsed.PublicKey, s.signature); err != nil {
		return nil, err
	}
	if result.Revocation, err = v.Revocation.Check(ctx, question, v.now); err != nil {
		return nil, err
	}
	return result, nil
}
