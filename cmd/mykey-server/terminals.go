package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"github.com/mykeykit/mykeykit/internal/fleettls"
)

// enrollment is an enrolled terminal or clerk.
type enrollment struct {
	Name     string
	Role     fleettls.Role
	Key      ed25519.PublicKey
	Serial   string // of the certificate, in hexadecimal
	NotAfter time.Time
	Enrolled time.Time
	Revoked  time.Time // zero unless it was revoked
	Seen     time.Time // zero if it was never seen
	Version  string    // of its program
	Visits   int64     // on the day when it was last seen
}

// desk enrolls and revokes terminals and clerks.
type desk interface {
	// Enroll enrolls a name. It returns nil if the name is enrolled with this role and key,
	// errEnrolled if it has another or if the key has another name, or errRevoked.
	Enroll(ctx context.Context, e enrollment) error
	// Revoke returns errUnknownTerminal. It is idempotent.
	Revoke(ctx context.Context, name string) error
	Close() error
}

// lister lists terminals and clerks.
type lister interface {
	List(ctx context.Context) ([]enrollment, error)
	Close() error
}

// finder finds the terminal or clerk of a name, for each request.
type finder interface {
	// Find returns errUnknownTerminal or errRevoked.
	Find(ctx context.Context, name string) (enrollment, error)
}

var (
	errEnrolled        = errors.New("the name or the key is enrolled otherwise")
	errRevoked         = errors.New("the name was revoked")
	errUnknownTerminal = errors.New("no terminal or clerk with this name is enrolled")
)
