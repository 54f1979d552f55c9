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
}

// terminals are the terminals and clerks that are enrolled in a namespace of a registry.
type terminals interface {
	// Enroll returns errEnrolled if the name or the key is enrolled, also if it was revoked.
	Enroll(ctx context.Context, e enrollment) error
	// Revoke returns errUnknownTerminal. It is idempotent.
	Revoke(ctx context.Context, name string) error
	// Enrolled returns errUnknownTerminal.
	Enrolled(ctx context.Context, name string) (enrollment, error)
	List(ctx context.Context) ([]enrollment, error)
	Close() error
}

var (
	errEnrolled        = errors.New("the name is enrolled")
	errUnknownTerminal = errors.New("no such terminal is enrolled")
)
