package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
)

var (
	// ErrNotFound: there is no such reservation.
	ErrNotFound = errors.New("no reservation")
	// ErrWithdrawn: the reservation was withdrawn.
	ErrWithdrawn = errors.New("reservation is withdrawn")
	// ErrSuperseded: another card has taken over this one's reservation.
	ErrSuperseded = errors.New("another card has taken over the reservation")
	// ErrNoIdentifier: every identifier that may be tried is another holder's.
	ErrNoIdentifier = errors.New("no identifier is free for this holder")
)

// State is a reservation's.
type State string

// The states of a reservation. One whose [Reservation.Expiry] has passed is
// still reserved: its identifier is nobody else's.
const (
	Reserved  State = "reserved"
	Withdrawn State = "withdrawn"
)

// Reservation is an identifier that a holder has taken.
type Reservation struct {
	ID        mykey.ID
	Namespace string
	// KeyNumber is the number of the [Generation] that derived the identifier,
	// and Attempt the attempt at which it was free.
	KeyNumber uint32
	Attempt   uint32
	State     State
	// Expiry is the month in which the certificate expires with which it was
	// reserved or renewed last. The day is not kept: see [mykey.Month].
	Expiry mykey.Month
	// Application is what was applied for, nil before. It stays with the holder
	// if the reservation is withdrawn and another is made.
	Application *Link
	// New: this operation made the reservation. Only then does its recovery
	// code hold.
	New bool
}

// row is a reservation as the database has it, with what does not leave this
// package.
type reservationRow struct {
	Reservation
	lineage      []byte
	recoveryHash string // the recovery code's hash
	operation    []byte // that made it
	version      uint64
}

func (r *reservationRow) image() image {
	// Keyed by its operation: from a digest of an identifier alone, the identifier
	// could be guessed after a purge.
	return newImage(reservationTable, r.version, r.operation, []byte(r.ID), []byte(r.Namespace), encodeNumber(r.KeyNumber), encodeNumber(r.Attempt), r.lineage,
		[]byte(r.State), []byte(r.Expiry.String()), []byte(r.recoveryHash))
}

// public returns the part for other packages, nil of nil.
func (r *reservationRow) public() *Reservation {
	if r == nil {
		return nil
	}
	return &r.Reservation
}

// String tells nothing by which the holder is known.
func (r Reservation) String() string {
	return fmt.Sprintf("[reservation in %s, %s]", r.Namespace, r.State)
}

// Format prints [Reservation.String] for every verb and flag.
func (r Reservation) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// LogValue implements slog.LogValuer with [Reservation.String].
func (r Reservation) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Link is what an application linked, without the account: that is sealed.
type Link struct {
	Service string
	Applied time.Time
}

// columns of a reservation, for scan.
const reservationColumns = `r.identifier, r.namespace, r.generation, r.attempt, r.state, r.expiry, r.lineage, r.recovery, r.operation, r.version, a.service, a.applied`

// withApplication joins what a reservation's holder applied for.
const joinApplication = ` LEFT JOIN applications a ON a.namespace = r.namespace AND a.lineage = r.lineage `

// load reads one reservation, or nil, and what else the query selects first.
func queryReservation(ctx context.Context, q queryer, columns []any, query string, args ...any) (*reservationRow, error) {
	var r reservationRow
	var expiry string
	var service *string
	var applied *int64
	found, err := queryRow(ctx, q, append(columns, &r.ID, &r.Namespace, &r.KeyNumber, &r.Attempt, &r.State, &expiry,
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

// holding is a row of holders: that a handle holds an identifier. A handle's last
// place counts, and an identifier's last turn.
type holding struct {
	namespace  string
	handle     []byte
	place      uint64
	generation uint32 // that made the handle
	id         mykey.ID
	turn       uint64
}

func (h holding) image() image {
	return newImage(holderTable, 1, append(encodeNumber(h.place), h.handle...), []byte(h.namespace), encodeNumber(h.generation), []byte(h.id), encodeNumber(h.turn))
}

// seat is what the registry knows of a holder: what is held, and the reservation.
type holderState struct {
	*reservationRow
	holding
	superseded bool
}

// relied is what a change that goes by a seat depends on.
func (s *holderState) reliedImages() []image {
	return []image{reliedImage(s.holding), reliedImage(s.reservationRow)}
}

// seatOf finds a holder by the handles of all generations; nil for a stranger. It
// is one statement, since another terminal may be moving the holder from one
// generation to the next. It fails with mykey.ErrKey where a generation is lacking
// under which the holder may be known.
func (r *Registry) findHolder(ctx context.Context, q queryer, holder *jpki.Authentication) (*holderState, error) {
	list, args := r.perGeneration([]any{r.namespace}, func(g Generation) []byte { return g.handle(holder.Certificate) })
	s := holderState{holding: holding{namespace: r.namespace}}
	var err error
	s.reservationRow, err = queryReservation(ctx, q, []any{&s.handle, &s.place, &s.generation, &s.turn, &s.superseded}, `SELECT h.handle, h.place, h.generation, h.turn,
		h.turn < (SELECT max(l.turn) FROM holders l WHERE l.namespace = h.namespace AND l.identifier = h.identifier), `+reservationColumns+
		` FROM holders h JOIN reservations r ON r.namespace = h.namespace AND r.identifier = h.identifier`+joinApplication+
		`WHERE h.namespace = $1 AND h.handle IN `+list+` ORDER BY h.place DESC LIMIT 1`, args...)
	if err != nil {
		return nil, err
	}
	if s.reservationRow == nil || s.superseded {
		if err := r.checkMissingGenerations(ctx, q); err != nil {
			return nil, err
		}
	}
	if s.reservationRow == nil {
		return nil, nil
	}
	s.id = s.reservationRow.ID
	return &s, nil
}

// active is the reservation that a holder has, or why there is none.
func (s *holderState) active() (*reservationRow, error) {
	switch {
	case s == nil:
		return nil, ErrNotFound
	case s.superseded:
		return nil, ErrSuperseded
	case s.State == Withdrawn:
		return nil, ErrWithdrawn
	}
	return s.reservationRow, nil
}

// Find returns a holder's reservation. It fails with [ErrProof], [ErrNotFound],
// [ErrWithdrawn], [ErrSuperseded] or [ErrUnavailable].
func (r *Registry) Find(ctx context.Context, holder *jpki.Authentication) (*Reservation, error) {
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

// Lookup returns the reservation of an identifier, withdrawn ones too: for the
// operator's own use, since nobody proved anything. It fails with [ErrNotFound]
// or [ErrUnavailable].
func (r *Registry) Lookup(ctx context.Context, id mykey.ID) (*Reservation, error) {
	var found *reservationRow
	err := r.retry(ctx, func(ctx context.Context) (err error) {
		found, err = r.byIdentifier(ctx, r.storage.db, id)
		return err
	})
	return found.public(), err
}

func (r *Registry) byIdentifier(ctx context.Context, q queryer, id mykey.ID) (*reservationRow, error) {
	if parsed, err := mykey.Parse(string(id)); err != nil || parsed != id {
		return nil, ErrNotFound // not text at all, perhaps
	}
	found, err := queryReservation(ctx, q, nil, `SELECT `+reservationColumns+` FROM reservations r`+joinApplication+`WHERE r.namespace = $1 AND r.identifier = $2`,
		r.namespace, id.String())
	if err == nil && found == nil {
		err = ErrNotFound
	}
	return found, err
}

// Reserve takes an identifier for a holder, or returns the one that the holder
// has. Identifiers of others, and all that were ever withdrawn, are passed over
// for the next attempt number. With a code the reservation can be moved to a new
// card that has lost the old one; the code holds if the reservation is
// [Reservation.New].
//
// It fails with [ErrProof], [ErrOperation], [ErrSuperseded], [ErrNoIdentifier] or
// [ErrUnavailable].
func (r *Registry) Reserve(ctx context.Context, operation Operation, holder *jpki.Authentication, code RecoveryCode) (*Reservation, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return nil, err
	}
	c := change{operation, kindReserve, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate), []byte(code.text())}
	}}
	var result *reservationRow
	done, err := r.applyOnce(ctx, c, func(tx queryer) (*outcome, error) {
		s, err := r.findHolder(ctx, tx, holder)
		switch {
		case err != nil:
			return nil, err
		case s != nil && s.superseded:
			return nil, ErrSuperseded
		case s != nil && s.State == Reserved:
			result = s.reservationRow
			if s.generation == r.current.Number {
				return nil, nil
			}
			held, err := r.insertHolding(ctx, tx, s, holder, s.ID)
			return &outcome{kind: kindRekey, lineage: s.lineage, images: append(s.reliedImages(), held)}, err
		}
		result = &reservationRow{Reservation: Reservation{
			Namespace: r.namespace, KeyNumber: r.current.Number, State: Reserved,
			Expiry: mykey.MonthOf(holder.Certificate.NotAfter), New: true,
		}, operation: operation[:], version: 1}
		var images []image
		if s != nil { // withdrawn before: what was applied for then stays applied for
			result.lineage, result.Application = s.lineage, s.Application
			images = s.reliedImages()
		} else if result.lineage, err = r.newLineage(); err != nil {
			return nil, err
		}
		if err := r.insertFirstFree(ctx, tx, holder, code, result); err != nil {
			return nil, err
		}
		held, err := r.insertHolding(ctx, tx, s, holder, result.ID)
		return &outcome{kind: kindReserve, lineage: result.lineage, images: append(images, addedImage(result), held)}, err
	})
	return r.reservationAfter(ctx, operation, holder, result, done, err)
}

func (r *Registry) newLineage() ([]byte, error) {
	lineage := make([]byte, 16)
	if _, err := io.ReadFull(r.random, lineage); err != nil {
		return nil, fmt.Errorf("lineage: %w", err)
	}
	return lineage, nil
}

// take writes a reservation under the first identifier that is free.
func (r *Registry) insertFirstFree(ctx context.Context, tx queryer, holder *jpki.Authentication, code RecoveryCode, reservation *reservationRow) error {
	for attempt := range r.maxAttempts {
		id, err := r.derive(r.current, attempt, holder)
		if err != nil {
			return err
		}
		reservation.ID, reservation.Attempt, reservation.recoveryHash = id, attempt, r.current.recoveryHash(id, code)
		n, err := exec(ctx, tx, `INSERT INTO reservations (namespace, identifier, generation, attempt, lineage, state, expiry, recovery, operation, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (namespace, identifier) DO NOTHING`, reservation.Namespace, id.String(),
			reservation.KeyNumber, attempt, reservation.lineage, string(reservation.State), reservation.Expiry.String(), reservation.recoveryHash, reservation.operation, reservation.version)
		if err != nil {
			return err
		}
		if n == 1 {
			return nil
		}
	}
	return ErrNoIdentifier
}

// update writes the state of a reservation that is in the state before.
func updateReservation(ctx context.Context, tx queryer, before, after *reservationRow) (image, error) {
	after.version = before.version + 1
	n, err := exec(ctx, tx, `UPDATE reservations SET state = $3, expiry = $4, recovery = $5, version = $6
		WHERE namespace = $1 AND identifier = $2 AND version = $7`,
		after.Namespace, after.ID.String(), string(after.State), after.Expiry.String(), after.recoveryHash, after.version, before.version)
	if err == nil && n != 1 {
		err = &storageError{cause: errors.New("the reservation was changed meanwhile"), retryable: true}
	}
	return changedImage(before, after), err
}

// hold makes a holder, who had a seat before or none, the one of an identifier,
// under the current generation.
func (r *Registry) insertHolding(ctx context.Context, tx queryer, before *holderState, holder *jpki.Authentication, id mykey.ID) (image, error) {
	h := holding{namespace: r.namespace, handle: r.current.handle(holder.Certificate), place: 1, generation: r.current.Number, id: id}
	if before != nil {
		h.place = before.place + 1
	}
	if _, err := queryRow(ctx, tx, []any{&h.turn}, `SELECT COALESCE(max(turn), 0) + 1 FROM holders WHERE namespace = $1 AND identifier = $2`,
		h.namespace, h.id.String()); err != nil {
		return image{}, err
	}
	_, err := exec(ctx, tx, `INSERT INTO holders (namespace, handle, place, generation, identifier, turn) VALUES ($1, $2, $3, $4, $5, $6)`,
		h.namespace, h.handle, h.place, h.generation, h.id.String(), h.turn)
	return addedImage(h), err
}

// answer is what a change returns. One that was done before is answered with the
// holder's reservation as it is now.
func (r *Registry) reservationAfter(ctx context.Context, operation Operation, holder *jpki.Authentication, result *reservationRow, done bool, err error) (*Reservation, error) {
	if err != nil {
		return nil, err
	}
	if !done {
		return result.public(), nil
	}
	err = r.retry(ctx, func(ctx context.Context) error {
		s, err := r.findHolder(ctx, r.storage.db, holder)
		switch {
		case err != nil:
			return err
		case s == nil:
			return ErrNotFound
		case s.superseded:
			return ErrSuperseded
		}
		result = s.reservationRow
		result.New = bytes.Equal(result.operation, operation[:])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return result.public(), nil
}

// Withdraw gives up a holder's reservation, for good: the identifier is not
// given again, and its recovery code ends. What was applied for stays applied
// for. The holder may reserve another identifier.
//
// It fails with [ErrProof], [ErrOperation], [ErrNotFound], [ErrWithdrawn],
// [ErrSuperseded] or [ErrUnavailable].
func (r *Registry) Withdraw(ctx context.Context, operation Operation, holder *jpki.Authentication) (*Reservation, error) {
	return r.changeReservation(ctx, change{operation, kindWithdraw, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate)}
	}}, holder, func(after *reservationRow) { after.State, after.recoveryHash = Withdrawn, "" })
}

// changeOwn alters the reservation of a holder.
func (r *Registry) changeReservation(ctx context.Context, c change, holder *jpki.Authentication, edit func(after *reservationRow)) (*Reservation, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return nil, err
	}
	var result *reservationRow
	done, err := r.applyOnce(ctx, c, func(tx queryer) (*outcome, error) {
		s, err := r.findHolder(ctx, tx, holder)
		if err != nil {
			return nil, err
		}
		before, err := s.active()
		if err != nil {
			return nil, err
		}
		after := *before
		edit(&after)
		result = &after
		changed, err := updateReservation(ctx, tx, before, result)
		return &outcome{kind: c.kind, lineage: result.lineage, images: []image{reliedImage(s.holding), changed}}, err
	})
	return r.reservationAfter(ctx, c.operation, holder, result, done, err)
}
