package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
)

// Reserve reserves an identifier for a holder. If the holder already has a
// reservation, Reserve returns that one. On a collision the next candidate is used;
// identifiers of withdrawn reservations count as taken.
//
// The code lets the holder move the reservation to a new card without the old one.
// It is stored only if this operation made the reservation ([Reservation.New]). Pass
// the zero RecoveryCode for a reservation without a code.
//
// It returns [ErrProof], [ErrOperation], [ErrSuperseded], [ErrNoIdentifier],
// [ErrTerminalTaken] or [ErrUnavailable].
func (r *Registry) Reserve(ctx context.Context, operation Operation, holder *proof.Holder, code RecoveryCode) (*Reservation, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return nil, err
	}
	c := change{operation, kindReserve, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate()), []byte(code.text())}
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
			return r.updateHolding(ctx, tx, s, holder)
		}
		var out *outcome
		result, out, err = r.insertReservation(ctx, tx, operation, s, holder, code)
		return out, err
	})
	return r.reservationAfter(ctx, operation, holder, result, done, err)
}

// updateHolding stores what is new about a holder who has a reservation: a renewed card, the
// current generation, or the subject.
func (r *Registry) updateHolding(ctx context.Context, tx queryer, s *holderState, holder *proof.Holder) (*outcome, error) {
	out := &outcome{lineage: s.lineage, images: s.reliedImages()}
	switch {
	case s.linked:
		out.kind = kindSubject
		before := *s.reservationRow
		s.Expiry = mykey.MonthOf(holder.Certificate().NotAfter)
		changed, err := updateReservation(ctx, tx, &before, s.reservationRow)
		if err != nil {
			return nil, err
		}
		out.images = []image{reliedImage(s.holding), changed}
	case s.generation != r.current.Number:
		out.kind = kindRekey
	case r.canLink(holder) && !bytes.Equal(s.subject, r.current.subject(holder.Revocation().Subject)):
		out.kind = kindLink
	default:
		return nil, nil
	}
	held, err := r.insertHolding(ctx, tx, s, holder, s.ID)
	out.images = append(out.images, held)
	return out, err
}

// insertReservation makes a reservation. before is the holder's state with a
// withdrawn reservation, or nil: the lineage and the application carry over.
func (r *Registry) insertReservation(ctx context.Context, tx queryer, operation Operation, before *holderState, holder *proof.Holder,
	code RecoveryCode) (result *reservationRow, out *outcome, err error) {
	result = &reservationRow{Reservation: Reservation{
		Namespace: r.namespace, KeyNumber: r.current.Number, State: Reserved,
		Expiry: mykey.MonthOf(holder.Certificate().NotAfter), New: true,
	}, operation: operation[:], version: 1}
	var images []image
	if before != nil {
		result.lineage, result.Application = before.lineage, before.Application
		images = before.reliedImages()
	} else if result.lineage, err = r.newLineage(); err != nil {
		return nil, nil, err
	}
	if err := r.insertFirstFree(ctx, tx, holder, code, result); err != nil {
		return nil, nil, err
	}
	held, err := r.insertHolding(ctx, tx, before, holder, result.ID)
	return result, &outcome{kind: kindReserve, lineage: result.lineage, images: append(images, addedImage(result), held)}, err
}

func (r *Registry) newLineage() ([]byte, error) {
	lineage := make([]byte, 16)
	if _, err := io.ReadFull(r.random, lineage); err != nil {
		return nil, fmt.Errorf("lineage: %w", err)
	}
	return lineage, nil
}

// insertFirstFree inserts a reservation under the first candidate that is free.
func (r *Registry) insertFirstFree(ctx context.Context, tx queryer, holder *proof.Holder, code RecoveryCode, reservation *reservationRow) error {
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

// Withdraw withdraws a holder's reservation permanently. The identifier is not assigned again
// until [Desk.Purge], and the recovery code becomes invalid. An application stays in force. The
// holder may reserve another identifier.
//
// It returns [ErrProof], [ErrOperation], [ErrNotFound], [ErrWithdrawn],
// [ErrSuperseded], [ErrTerminalTaken] or [ErrUnavailable].
func (r *Registry) Withdraw(ctx context.Context, operation Operation, holder *proof.Holder) (*Reservation, error) {
	return r.changeReservation(ctx, change{operation, kindWithdraw, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate())}
	}}, holder, func(after *reservationRow) { after.State, after.recoveryHash = Withdrawn, "" })
}

// ReplaceRecoveryCode replaces the recovery code of a holder's reservation. The previous code
// becomes invalid. It returns the errors of [Registry.Withdraw].
func (r *Registry) ReplaceRecoveryCode(ctx context.Context, operation Operation, holder *proof.Holder, code RecoveryCode) (*Reservation, error) {
	return r.changeReservation(ctx, change{operation, kindNewCode, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate()), []byte(code.text())}
	}}, holder, func(after *reservationRow) { after.recoveryHash = r.current.recoveryHash(after.ID, code) })
}

// changeReservation applies edit to a holder's active reservation.
func (r *Registry) changeReservation(ctx context.Context, c change, holder *proof.Holder, edit func(after *reservationRow)) (*Reservation, error) {
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

// updateReservation writes a changed reservation, unless another transaction has
// changed it since before was read.
func updateReservation(ctx context.Context, tx queryer, before, after *reservationRow) (image, error) {
	after.version = before.version + 1
	n, err := exec(ctx, tx, `UPDATE reservations SET state = $3, expiry = $4, recovery = $5, version = $6
		WHERE namespace = $1 AND identifier = $2 AND version = $7`,
		after.Namespace, after.ID.String(), string(after.State), after.Expiry.String(), after.recoveryHash, after.version, before.version)
	if err == nil && n != 1 {
		err = &storageError{cause: errors.New("another transaction changed the reservation"), retryable: true}
	}
	return changedImage(before, after), err
}

// reservationAfter returns the result of a change. If the operation was done before,
// it returns the holder's current reservation instead.
func (r *Registry) reservationAfter(ctx context.Context, operation Operation, holder *proof.Holder, result *reservationRow, done bool, err error) (*Reservation, error) {
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
