package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
)

var (
	// ErrNotFound reports that there is no such reservation.
	ErrNotFound = errors.New("no reservation")
	// ErrWithdrawn reports that the reservation was withdrawn.
	ErrWithdrawn = errors.New("reservation is withdrawn")
	// ErrSuperseded reports that another card has taken over the reservation.
	ErrSuperseded = errors.New("another card has taken over the reservation")
	// ErrNoIdentifier reports that all candidates for a holder are taken. See
	// [WithAttempts].
	ErrNoIdentifier = errors.New("no identifier is free for this holder")
)

// State is the state of a reservation.
type State string

// The states of a reservation. A reservation whose [Reservation.Expiry] has passed
// is still reserved: nobody else gets its identifier.
const (
	Reserved  State = "reserved"
	Withdrawn State = "withdrawn"
)

// Reservation is an identifier that was reserved for a holder. Printing a
// Reservation does not show the identifier.
type Reservation struct {
	ID        mykey.ID
	Namespace string
	// KeyNumber is the number of the [Generation] that derived the identifier.
	KeyNumber uint32
	// Attempt is the attempt number with which the identifier was derived, 0 if
	// there was no collision.
	Attempt uint32
	State   State
	// Expiry is the month in which the holder's certificate expires, as of the
	// reservation or the last renewal. See [mykey.Month].
	Expiry mykey.Month
	// Application is the holder's application, or nil. It stays with the holder
	// after a withdrawal, including in a new reservation.
	Application *Link
	// New reports whether this operation made the reservation. [Registry.Reserve] stores the code
	// that was passed to it only then; otherwise an earlier code stays in force.
	New bool
}

// String returns the namespace and the state, without the identifier.
func (r Reservation) String() string {
	return fmt.Sprintf("[reservation in %s, %s]", r.Namespace, r.State)
}

// Format prints [Reservation.String] for every verb and flag.
func (r Reservation) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// LogValue implements slog.LogValuer with [Reservation.String].
func (r Reservation) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Link is the public part of an application. The account itself is sealed.
type Link struct {
	Service string
	Applied time.Time
}

// Find returns a holder's reservation. It returns [ErrProof], [ErrNotFound],
// [ErrWithdrawn], [ErrSuperseded] or [ErrUnavailable].
func (r *Registry) Find(ctx context.Context, holder *proof.Holder) (*Reservation, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return nil, err
	}
	var found *reservationRow
	err := r.retry(ctx, func(ctx context.Context) error {
		s, err := r.findHolder(ctx, r.storage.db, holder)
		if err == nil {
			found, err = s.active()
		}
		return err
	})
	return found.public(), err
}

// Lookup returns the reservation of an identifier, even if it was withdrawn. It
// needs no proof of a holder, so use it only for the operator. It returns
// [ErrNotFound] or [ErrUnavailable].
func (r *Registry) Lookup(ctx context.Context, id mykey.ID) (*Reservation, error) {
	var found *reservationRow
	err := r.retry(ctx, func(ctx context.Context) (err error) {
		found, err = r.byIdentifier(ctx, r.storage.db, id)
		return err
	})
	return found.public(), err
}

// reservationRow is a row of the table reservations, with the columns that this
// package keeps to itself.
type reservationRow struct {
	Reservation
	lineage      []byte
	recoveryHash string
	operation    []byte // that made the reservation
	version      uint64
}

func (r *reservationRow) image() image {
	// The key is the operation, which is random: an identifier could be guessed from
	// its digest after a purge.
	return newImage(reservationTable, r.version, r.operation, []byte(r.ID), []byte(r.Namespace), encodeNumber(r.KeyNumber), encodeNumber(r.Attempt), r.lineage,
		[]byte(r.State), []byte(r.Expiry.String()), []byte(r.recoveryHash))
}

// public returns the exported part of a row. It returns nil for nil.
func (r *reservationRow) public() *Reservation {
	if r == nil {
		return nil
	}
	return &r.Reservation
}

// reservationColumns lists the columns that queryReservation scans.
const reservationColumns = `r.identifier, r.namespace, r.generation, r.attempt, r.state, r.expiry, r.lineage, r.recovery, r.operation, r.version, a.service, a.applied`

// joinApplication joins a reservation with the application of its holder.
const joinApplication = ` LEFT JOIN applications a ON a.namespace = r.namespace AND a.lineage = r.lineage `

// queryReservation returns one reservation, or nil if there is none. The query
// selects reservationColumns, after the columns that are scanned into first.
func queryReservation(ctx context.Context, q queryer, first []any, query string, args ...any) (*reservationRow, error) {
	var r reservationRow
	var expiry string
	var service *string
	var applied *int64
	found, err := queryRow(ctx, q, append(first, &r.ID, &r.Namespace, &r.KeyNumber, &r.Attempt, &r.State, &expiry,
		&r.lineage, &r.recoveryHash, &r.operation, &r.version, &service, &applied), query, args...)
	if err != nil || !found {
		return nil, err
	}
	if r.Expiry, err = mykey.ParseMonth(expiry); err != nil {
		return nil, fmt.Errorf("%w: expiry: %w", ErrSchema, err)
	}
	if service != nil && applied != nil {
		r.Application = &Link{Service: *service, Applied: time.Unix(*applied, 0).UTC()}
	}
	return &r, nil
}

// byIdentifier returns the reservation of an identifier, or ErrNotFound.
func (r *Registry) byIdentifier(ctx context.Context, q queryer, id mykey.ID) (*reservationRow, error) {
	if parsed, err := mykey.Parse(string(id)); err != nil || parsed != id {
		return nil, ErrNotFound // it may not even be UTF-8
	}
	found, err := queryReservation(ctx, q, nil, `SELECT `+reservationColumns+` FROM reservations r`+joinApplication+`WHERE r.namespace = $1 AND r.identifier = $2`,
		r.namespace, id.String())
	if err == nil && found == nil {
		err = ErrNotFound
	}
	return found, err
}
