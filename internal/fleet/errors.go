package fleet

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// kind is a kind of error on the wire.
type kind struct {
	err    error
	code   string // stable
	status int
}

// CodeNotEnrolled is the code of a caller that the server does not accept.
const CodeNotEnrolled = "not-enrolled"

// kinds lists the errors that a server tells its terminals. An error matches the first entry
// that it wraps, and a code stands for the first error that has it. Every other
// error is "unavailable" to the terminal, and in the server's log.
func kinds() []kind {
	return []kind{
		{revocation.ErrUnknown, "revocation-unknown", http.StatusServiceUnavailable}, // first: its cause can be any error
		{revocation.ErrRevoked, "certificate-revoked", http.StatusForbidden},
		{ErrNotEnrolled, CodeNotEnrolled, http.StatusForbidden},
		{registry.ErrNotEnrolled, CodeNotEnrolled, http.StatusForbidden},
		{registry.ErrRevoked, CodeNotEnrolled, http.StatusForbidden},
		{registry.ErrEnrollmentExpired, CodeNotEnrolled, http.StatusForbidden},
		{ErrBusy, "busy", http.StatusTooManyRequests},

		{proof.ErrFormat, "proof-format", http.StatusBadRequest},
		{proof.ErrAudience, "proof-audience", http.StatusForbidden},
		{proof.ErrPurpose, "proof-purpose", http.StatusForbidden},
		{proof.ErrAge, "proof-age", http.StatusForbidden},
		{proof.ErrUsed, "proof-used", http.StatusForbidden},
		{proof.ErrAlgorithm, "proof-algorithm", http.StatusForbidden},
		{proof.ErrSignature, "proof-signature", http.StatusForbidden},
		{trust.ErrMalformed, "certificate-malformed", http.StatusForbidden},
		{trust.ErrWrongKind, "certificate-kind", http.StatusForbidden},
		{trust.ErrUnsupportedKey, "certificate-key", http.StatusForbidden},
		{trust.ErrExpired, "certificate-expired", http.StatusForbidden},
		{trust.ErrNotYetValid, "certificate-not-yet-valid", http.StatusForbidden},
		{trust.ErrIssuerExpired, "issuer-expired", http.StatusForbidden},
		{trust.ErrUnknownIssuer, "issuer-unknown", http.StatusForbidden},

		{registry.ErrProof, "holder", http.StatusForbidden},
		{registry.ErrOperation, "operation", http.StatusConflict},
		{registry.ErrNotFound, "not-found", http.StatusNotFound},
		{registry.ErrWithdrawn, "withdrawn", http.StatusConflict},
		{registry.ErrSuperseded, "superseded", http.StatusConflict},
		{registry.ErrNoIdentifier, "no-identifier", http.StatusConflict},
		{registry.ErrHolderReserved, "holder-reserved", http.StatusConflict},
		{registry.ErrRecovery, "recovery-code", http.StatusForbidden},
		{registry.ErrAccount, "account", http.StatusBadRequest},
		{registry.ErrAccountUsed, "account-used", http.StatusConflict},
		{registry.ErrApplied, "applied", http.StatusConflict},
		{registry.ErrNoOperator, "no-operator", http.StatusConflict},
		{registry.ErrClerk, "clerk", http.StatusForbidden},
		{registry.ErrNotClerk, "not-clerk", http.StatusForbidden},
		{registry.ErrTerminal, "signature", http.StatusForbidden},
		{registry.ErrTerminalTaken, "taken", http.StatusServiceUnavailable},
		{registry.ErrReplaced, "replaced", http.StatusServiceUnavailable},
		{registry.ErrSchema, "schema", http.StatusServiceUnavailable},
		{mykey.ErrKey, "key", http.StatusServiceUnavailable},
		{mykey.ErrFormat, "identifier", http.StatusBadRequest},
		{mykey.ErrCheckSymbol, "identifier-check", http.StatusBadRequest},
		{ErrRequest, "request", http.StatusBadRequest},
		{registry.ErrHeartbeat, "request", http.StatusBadRequest},
		{registry.ErrUnavailable, "unavailable", http.StatusServiceUnavailable},
	}
}

// problem is an error on the wire (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
}

// problemOf returns what a terminal is told about an error: its kind and never its text.
func problemOf(err error) problem {
	for _, k := range kinds() {
		if errors.Is(err, k.err) {
			return problem{"about:blank", k.err.Error(), k.status, k.code}
		}
	}
	return problem{"about:blank", registry.ErrUnavailable.Error(), http.StatusInternalServerError, "unavailable"}
}

// WriteProblem writes what a terminal is told about an error, and returns its code. It tells the
// kind of the error and never its text.
func WriteProblem(w http.ResponseWriter, err error) (code string) {
	p := problemOf(err)
	write(w, "application/problem+json", p.Status, p)
	return p.Code
}

// err returns the error of a problem that a server reported.
func (p problem) err() error {
	for _, k := range kinds() {
		if k.code == p.Code {
			if k.err == trust.ErrExpired || k.err == trust.ErrNotYetValid {
				return &trust.ValidityError{Reason: k.err}
			}
			return fmt.Errorf("server: %w", k.err)
		}
	}
	return fmt.Errorf("%w: the server answered with status %d", registry.ErrUnavailable, p.Status)
}
