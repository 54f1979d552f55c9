// Package fleet connects terminals with the registry that keeps their reservations.
//
// A terminal uses a [Service]. [Local] is the service of a terminal that works alone: it has
// a registry and its keys. [Client] is the service of a terminal of a fleet: it asks a server,
// whose [Handler] does the same with its own registry. openapi.yaml describes the requests.
//
// A terminal of a fleet has no key but its own, with which it connects and signs what it
// asks for. The server verifies the card's evidence again with every request of a visit and
// stores nothing personal in between, so any server of a fleet can answer.
//
// A new request needs its path and body in wire.go, openapi.yaml, handler.go and client.go, and its
// errors in errors.go. A step of a visit is also a method of [Visit], for which local.go and
// cmd/kiosk/pending.go need one too. A signed change is of a kind in mykey/registry/operation.go.
// Package cmd/mykey-server authenticates the callers and limits their requests.
package fleet

import (
	"context"
	"errors"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Service is what a terminal needs for its visits. Errors are those of packages registry and
// proof, and those of this package. It is safe for concurrent use.
type Service interface {
	// Challenge makes a challenge for a card. It fails if no change could be stored: with
	// [registry.ErrUnavailable] or [registry.ErrTerminalTaken]. Call it before you ask for a
	// PIN.
	Challenge(ctx context.Context) (proof.Challenge, error)
	// Identify verifies the evidence for a challenge and starts a visit. The same evidence
	// starts no other visit.
	Identify(ctx context.Context, evidence proof.Evidence) (Visit, error)
	// Ping checks that changes could be stored, like Challenge.
	Ping(ctx context.Context) error
}

// Visit is the visit of an identified holder. It holds personal data: drop it when the visit
// ends.
type Visit interface {
	// Validity returns the state of the holder's certificate.
	Validity() trust.Validity
	// Find returns the holder's reservation.
	Find(ctx context.Context) (*registry.Reservation, error)
	// Reserve finds or makes the holder's reservation.
	Reserve(ctx context.Context, operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error)
	// Renew moves the reservation of an earlier card to this one. code is the recovery code
	// that proves it, and next the one that replaces it.
	Renew(ctx context.Context, operation registry.Operation, id mykey.ID, code, next registry.RecoveryCode) (*registry.Reservation, error)
	// ReplaceRecoveryCode replaces the recovery code of the holder's reservation.
	ReplaceRecoveryCode(ctx context.Context, operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error)
	// Withdraw withdraws the holder's reservation.
	Withdraw(ctx context.Context, operation registry.Operation) (*registry.Reservation, error)
	// Preview checks whether the holder can apply with an account, and returns the
	// identifier to show with it.
	Preview(ctx context.Context, account registry.Account) (mykey.ID, error)
	// Apply makes the application that was shown.
	Apply(ctx context.Context, operation registry.Operation, id mykey.ID, account registry.Account) (*registry.Reservation, error)
}

// DeskVisit is a visit at a desk of a fleet, where the holder has no recovery code.
type DeskVisit interface {
	Visit
	// RenewByOldCard moves the reservation of an earlier card to this one. old is the earlier
	// card's evidence for another challenge; its certificate may have expired.
	RenewByOldCard(ctx context.Context, operation registry.Operation, old proof.Evidence, code registry.RecoveryCode) (*registry.Reservation, error)
	// RenewByClerk moves a reservation to this card. The client's clerk, who is the only one
	// who may ask for it, has checked the holder's identity: see [registry.ByClerk]. It returns
	// [registry.ErrNotClerk] to a terminal.
	RenewByClerk(ctx context.Context, operation registry.Operation, id mykey.ID, code registry.RecoveryCode) (*registry.Reservation, error)
	// MergeByClerk is like RenewByClerk for a holder who has reserved a second identifier with
	// this card: see [registry.MergeByClerk].
	MergeByClerk(ctx context.Context, operation registry.Operation, id mykey.ID, code registry.RecoveryCode) (*registry.Reservation, error)
}

// Purpose is the purpose of the challenges of this package.
const Purpose = "reserve"

var (
	// ErrNotEnrolled reports that the server does not accept the terminal: it was never
	// enrolled or was revoked, its certificate has expired, or its role does not allow the
	// request.
	ErrNotEnrolled = errors.New("the server does not accept this terminal")
	// ErrRequest reports a request that the server can't understand. It is a bug in one of
	// the two programs, or their versions differ.
	ErrRequest = errors.New("the server does not understand the request")
	// ErrBusy reports that the terminal has sent too many requests. Nothing was done.
	ErrBusy = errors.New("the terminal sent too many requests")
)
