package revocation

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mykeykit/mykeykit/internal/hidden"
)

var (
	// ErrUnknown reports that it is not known whether the certificate is revoked. Its cause may be any
	// error of a [Checker]. Test for ErrUnknown before other errors.
	ErrUnknown = errors.New("revocation status is unknown")
	// ErrRevoked reports that the certificate is revoked: see [RevokedError].
	ErrRevoked = errors.New("certificate is revoked")
)

// RevokedError matches [ErrRevoked]. Its text has neither the time nor the reason.
type RevokedError struct {
	Time   time.Time // zero if the source doesn't say
	Reason Reason
}

// Error returns the text of [ErrRevoked].
func (e *RevokedError) Error() string { return ErrRevoked.Error() }

// Unwrap returns [ErrRevoked].
func (e *RevokedError) Unwrap() error { return ErrRevoked }

// Checker asks a source about revocation. It must be safe for concurrent use, and stop when
// ctx ends. Check must make sure that the source's answer is about the question, and return
// an error if it can't tell what the answer means. Its errors appear in logs: they must not
// contain personal data.
type Checker interface {
	Check(ctx context.Context, q Question) (Answer, error)
}

// CheckerFunc adapts a function to a [Checker].
type CheckerFunc func(ctx context.Context, q Question) (Answer, error)

// Check calls f.
func (f CheckerFunc) Check(ctx context.Context, q Question) (Answer, error) { return f(ctx, q) }

// Question has what a [Checker] may need for its query about a certificate. All fields come from
// the same verified evidence or signature. It is personal data: do not keep it. Printing or
// encoding a Question shows no part of it. Do not change the certificates.
type Question struct {
	Certificate   *x509.Certificate
	CACertificate *x509.Certificate // of the CA that issued it, as verified
	Hash          crypto.Hash
	Digest        []byte // what the card signed
	Signature     []byte // RSA PKCS #1 v1.5, or ECDSA as r and s, both as long as the curve's order
}

const questionText = "[question about a certificate]"

// String returns a text without personal data.
func (q Question) String() string { return questionText }

// Format prints [Question.String] for every verb and flag.
func (q Question) Format(f fmt.State, _ rune) { fmt.Fprint(f, questionText) }

// LogValue implements [slog.LogValuer] with [Question.String].
func (q Question) LogValue() slog.Value { return slog.StringValue(questionText) }

// MarshalJSON writes [Question.String].
func (q Question) MarshalJSON() ([]byte, error) { return json.Marshal(questionText) }

// Status is what a source says about a certificate.
type Status uint8

// The states. Values that are not listed here mean Unknown.
const (
	Unknown Status = iota
	Good           // the source has no record of a revocation
	Revoked
)

// String returns the name of the status.
func (s Status) String() string {
	switch s {
	case Good:
		return "good"
	case Revoked:
		return "revoked"
	}
	return "unknown"
}

// Method is how the source found the answer. It has 1 to 32 lowercase letters, digits and hyphens.
type Method string

// Usual methods.
const (
	CRL  Method = "crl"  // a certificate revocation list
	OCSP Method = "ocsp" // the CA's OCSP responder
)

// Reason is why a certificate was revoked: a reason of RFC 5280 §5.3.1, in lowercase letters and
// hyphens. It is empty if the source doesn't say.
type Reason string

// The reasons, with what they mean in J-LIS's practice.
const (
	Unspecified          Reason = "unspecified" // the card was destroyed before it was handed over
	KeyCompromise        Reason = "key-compromise"
	CACompromise         Reason = "ca-compromise"
	AffiliationChanged   Reason = "affiliation-changed"    // what the certificate says has changed
	Superseded           Reason = "superseded"             // renewed
	CessationOfOperation Reason = "cessation-of-operation" // no longer needed
	CertificateHold      Reason = "certificate-hold"       // suspended; J-LIS doesn't reinstate it
)

// Answer is what a source says about a certificate. Printing or encoding an Answer shows its
// Status, Method and AsOf.
type Answer struct {
	Status Status
	Method Method
	// AsOf is the time of the source's information: that of the CRL or of the OCSP response, not
	// that of the query. A Good answer with a zero AsOf is rejected.
	AsOf time.Time
	// RevokedAt and Reason are set only if the certificate is revoked.
	RevokedAt time.Time
	Reason    Reason
	// Subject is the platform's identifier of the holder, if the checker asked for one.
	Subject Subject
	// Reference is the platform's identifier of the query, to quote in inquiries. It has at most
	// 255 bytes.
	Reference string
	// Digest is the question's digest as the source repeated it, so that the answer to another
	// question is rejected. If the source doesn't repeat it, the checker sets Digest to that of
	// the question. In the answer of [Policy.Check] it is nil.
	Digest []byte
}

// String describes the answer. The holder's identifier and the times of a revocation are not
// shown.
func (a Answer) String() string {
	switch a.Status {
	case Good, Revoked:
		return fmt.Sprintf("%s by %s of %s", a.Status, a.Method, a.AsOf.UTC().Format(time.RFC3339))
	}
	return Unknown.String()
}

// Format prints [Answer.String] for every verb and flag.
func (a Answer) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// LogValue implements [slog.LogValuer] with [Answer.String].
func (a Answer) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalJSON writes [Answer.String].
func (a Answer) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// Subject is a platform's identifier for a holder. It stays the same when the holder's certificate is
// renewed. It is personal data and is never printed: store at most a keyed digest of it. The zero
// Subject identifies nobody.
type Subject struct{ identifier hidden.Value[[2]string] }

// NewSubject returns a Subject. platform names the operator and the contract under which it
// assigns identifiers, because different operators may assign the same identifier to different
// holders. NewSubject returns the zero Subject if one of the two is empty.
func NewSubject(platform, identifier string) Subject {
	if platform == "" || identifier == "" {
		return Subject{}
	}
	return Subject{hidden.New([2]string{platform, identifier})}
}

// Known reports whether the Subject identifies a holder. Two Subjects that are not known must not
// be taken for the same holder.
func (s Subject) Known() bool { return s.identifier.Reveal()[1] != "" }

// Reveal returns the name of the platform and its identifier of the holder. Both are empty
// for the zero Subject.
func (s Subject) Reveal() (platform, identifier string) {
	parts := s.identifier.Reveal()
	return parts[0], parts[1]
}

// String returns "[hidden]" and no part of the subject.
func (s Subject) String() string { return s.identifier.String() }

// Format prints [Subject.String] for every verb and flag.
func (s Subject) Format(f fmt.State, verb rune) { s.identifier.Format(f, verb) }

// LogValue implements [slog.LogValuer] with [Subject.String].
func (s Subject) LogValue() slog.Value { return s.identifier.LogValue() }

// MarshalText returns [Subject.String]. JSON uses it too.
func (s Subject) MarshalText() ([]byte, error) { return s.identifier.MarshalText() }
