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
type row struct {
	Reservation
	lineage   []byte
	recovery  string // the recovery code's hash
	operation []byte // that made it
	version   uint64
}

func (r *row) image() image {
	// Keyed by its operation: from a digest of an identifier alone, the identifier
	// could be guessed after a purge.
	return imageOf(ofReservation, r.version, r.operation, []byte(r.ID), []byte(r.Namespace), number(r.KeyNumber), number(r.Attempt), r.lineage,
		[]byte(r.State), []byte(r.Expiry.String()), []byte(r.recovery))
}

// public returns the part for other packages, nil of nil.
func (r *row) public() *Reservation {
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
const columns = `r.identifier, r.namespace, r.generation, r.attempt, r.state, r.expiry, r.lineage, r.recovery, r.operation, r.version, a.service, a.applied`

// withApplication joins what a reservation's holder applied for.
const withApplication = ` LEFT JOIN applications a ON a.namespace = r.namespace AND a.lineage = r.lineage `

// load reads one reservation, or nil, and what else the query selects first.
func load(ctx context.Context, q queryer, first []any, query string, args ...any) (*row, error) {
	var r row
	var expiry string
	var service *string
	var applied *int64
	found, err := one(ctx, q, append(first, &r.ID, &r.Namespace, &r.KeyNumber, &r.Attempt, &r.State, &expiry,
		&r.lineage, &r.recovery, &r.operation, &r.version, &service, &applied), query, args...)
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
	return imageOf(ofHolder, 1, append(number(h.place), h.handle...), []byte(h.namespace), number(h.generation), []byte(h.id), number(h.turn))
}

// seat is what the registry knows of a holder: what is held, and the reservation.
type seat struct {
	*row
	holding
	superseded bool
}

// relied is what a change that goes by a seat depends on.
func (s *seat) relied() []image { return []image{rely(s.holding), rely(s.row)} }

// seatOf finds a holder by the handles of all generations; nil for a stranger. It
// is one statement, since another terminal may be moving the holder from one
// generation to the next. It fails with mykey.ErrKey where a generation is lacking
// under which the holder may be known.
func (r *Registry) seatOf(ctx context.Context, q queryer, holder *jpki.Authentication) (*seat, error) {
	in, args := r.ofEach([]any{r.namespace}, func(g Generation) []byte { return g.handle(holder.Certificate) })
	s := seat{holding: holding{namespace: r.namespace}}
	var err error
	s.row, err = load(ctx, q, []any{&s.handle, &s.place, &s.generation, &s.turn, &s.superseded}, `SELECT h.handle, h.place, h.generation, h.turn,
		h.turn < (SELECT max(l.turn) FROM holders l WHERE l.namespace = h.namespace AND l.identifier = h.identifier), `+columns+
		` FROM holders h JOIN reservations r ON r.namespace = h.namespace AND r.identifier = h.identifier`+withApplication+
		`WHERE h.namespace = $1 AND h.handle IN `+in+` ORDER BY h.place DESC LIMIT 1`, args...)
	if err != nil {
		return nil, err
	}
	if s.row == nil || s.superseded {
		if err := r.refuseLacking(ctx, q); err != nil {
			return nil, err
		}
	}
	if s.row == nil {
		return nil, nil
	}
	s.id = s.row.ID
	return &s, nil
}

// active is the reservation that a holder has, or why there is none.
func (s *seat) active() (*row, error) {
	switch {
	case s == nil:
		return nil, ErrNotFound
	case s.superseded:
		return nil, ErrSuperseded
	case s.State == Withdrawn:
		return nil, ErrWithdrawn
	}
	return s.row, nil
}

// Find returns a holder's reservation. It fails with [ErrProof], [ErrNotFound],
// [ErrWithdrawn], [ErrSuperseded] or [ErrUnavailable].
func (r *Registry) Find(ctx context.Context, holder *jpki.Authentication) (*Reservation, error) {
	if err := r.proved(holder, false); err != nil {
		return nil, err
	}
	var found *row
	err := r.again(ctx, func(ctx context.Context) error {
		s, err := r.seatOf(ctx, r.storage.db, holder)
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
	var found *row
	err := r.again(ctx, func(ctx context.Context) (err error) {
		found, err = r.byIdentifier(ctx, r.storage.db, id)
		return err
	})
	return found.public(), err
}

func (r *Registry) byIdentifier(ctx context.Context, q queryer, id mykey.ID) (*row, error) {
	if parsed, err := mykey.Parse(string(id)); err != nil || parsed != id {
		return nil, ErrNotFound // not text at all, perhaps
	}
	found, err := load(ctx, q, nil, `SELECT `+columns+` FROM reservations r`+withApplication+`WHERE r.namespace = $1 AND r.identifier = $2`,
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
	if err := r.proved(holder, false); err != nil {
		return nil, err
	}
	c := change{operation, kindReserve, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate), []byte(code.text())}
	}}
	var result *row
	done, err := r.once(ctx, c, func(tx queryer) (*made, error) {
		s, err := r.seatOf(ctx, tx, holder)
		switch {
		case err != nil:
			return nil, err
		case s != nil && s.superseded:
			return nil, ErrSuperseded
		case s != nil && s.State == Reserved:
			result = s.row
			if s.generation == r.current.Number {
				return nil, nil
			}
			held, err := r.hold(ctx, tx, s, holder, s.ID)
			return &made{kind: kindRekey, lineage: s.lineage, images: append(s.relied(), held)}, err
		}
		result = &row{Reservation: Reservation{
			Namespace: r.namespace, KeyNumber: r.current.Number, State: Reserved,
			Expiry: mykey.MonthOf(holder.Certificate.NotAfter), New: true,
		}, operation: operation[:], version: 1}
		var images []image
		if s != nil { // withdrawn before: what was applied for then stays applied for
			result.lineage, result.Application = s.lineage, s.Application
			images = s.relied()
		} else if result.lineage, err = r.newLineage(); err != nil {
			return nil, err
		}
		if err := r.take(ctx, tx, holder, code, result); err != nil {
			return nil, err
		}
		held, err := r.hold(ctx, tx, s, holder, result.ID)
		return &made{kind: kindReserve, lineage: result.lineage, images: append(images, add(result), held)}, err
	})
	return r.answer(ctx, operation, holder, result, done, err)
}

func (r *Registry) newLineage() ([]byte, error) {
	lineage := make([]byte, 16)
	if _, err := io.ReadFull(r.random, lineage); err != nil {
		return nil, fmt.Errorf("lineage: %w", err)
	}
	return lineage, nil
}

// take writes a reservation under the first identifier that is free.
func (r *Registry) take(ctx context.Context, tx queryer, holder *jpki.Authentication, code RecoveryCode, fresh *row) error {
	for attempt := range r.attempts {
		id, err := r.derive(r.current, attempt, holder)
		if err != nil {
			return err
		}
		fresh.ID, fresh.Attempt, fresh.recovery = id, attempt, r.current.recovery(id, code)
		n, err := exec(ctx, tx, `INSERT INTO reservations (namespace, identifier, generation, attempt, lineage, state, expiry, recovery, operation, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (namespace, identifier) DO NOTHING`, fresh.Namespace, id.String(),
			fresh.KeyNumber, attempt, fresh.lineage, string(fresh.State), fresh.Expiry.String(), fresh.recovery, fresh.operation, fresh.version)
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
func update(ctx context.Context, tx queryer, before, after *row) (image, error) {
	after.version = before.version + 1
	n, err := exec(ctx, tx, `UPDATE reservations SET state = $3, expiry = $4, recovery = $5, version = $6
		WHERE namespace = $1 AND identifier = $2 AND version = $7`,
		after.Namespace, after.ID.String(), string(after.State), after.Expiry.String(), after.recovery, after.version, before.version)
	if err == nil && n != 1 {
		err = &storageError{cause: errors.New("the reservation was changed meanwhile"), race: true}
	}
	return alter(before, after), err
}

// hold makes a holder, who had a seat before or none, the one of an identifier,
// under the current generation.
func (r *Registry) hold(ctx context.Context, tx queryer, before *seat, holder *jpki.Authentication, id mykey.ID) (image, error) {
	h := holding{namespace: r.namespace, handle: r.current.handle(holder.Certificate), place: 1, generation: r.current.Number, id: id}
	if before != nil {
		h.place = before.place + 1
	}
	if _, err := one(ctx, tx, []any{&h.turn}, `SELECT COALESCE(max(turn), 0) + 1 FROM holders WHERE namespace = $1 AND identifier = $2`,
		h.namespace, h.id.String()); err != nil {
		return image{}, err
	}
	_, err := exec(ctx, tx, `INSERT INTO holders (namespace, handle, place, generation, identifier, turn) VALUES ($1, $2, $3, $4, $5, $6)`,
		h.namespace, h.handle, h.place, h.generation, h.id.String(), h.turn)
	return add(h), err
}

// answer is what a change returns. One that was done before is answered with the
// holder's reservation as it is now.
func (r *Registry) answer(ctx context.Context, operation Operation, holder *jpki.Authentication, result *row, done bool, err error) (*Reservation, error) {
	if err != nil {
		return nil, err
	}
	if !done {
		return result.public(), nil
	}
	err = r.again(ctx, func(ctx context.Context) error {
		s, err := r.seatOf(ctx, r.storage.db, holder)
		switch {
		case err != nil:
			return err
		case s == nil:
			return ErrNotFound
		case s.superseded:
			return ErrSuperseded
		}
		result = s.row
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
	return r.changeOwn(ctx, change{operation, kindWithdraw, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate)}
	}}, holder, func(after *row) { after.State, after.recovery = Withdrawn, "" })
}

// changeOwn alters the reservation of a holder.
func (r *Registry) changeOwn(ctx context.Context, c change, holder *jpki.Authentication, edit func(after *row)) (*Reservation, error) {
	if err := r.proved(holder, false); err != nil {
		return nil, err
	}
	var result *row
	done, err := r.once(ctx, c, func(tx queryer) (*made, error) {
		s, err := r.seatOf(ctx, tx, holder)
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
		changed, err := update(ctx, tx, before, result)
		return &made{kind: c.kind, lineage: result.lineage, images: []image{rely(s.holding), changed}}, err
	})
	return r.answer(ctx, c.operation, holder, result, done, err)
}
