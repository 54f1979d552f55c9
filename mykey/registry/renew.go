package registry

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
)

var (
	// ErrHolderReserved: the new card has a reservation of its own. It has to be
	// withdrawn before the card can take over another.
	ErrHolderReserved = errors.New("the new card has a reservation of its own")
	// ErrClerk: what can't be a clerk's code.
	ErrClerk = errors.New("a clerk's code is 1 to 32 letters, digits, dots, hyphens and underscores")
)

// Proof is why a new card may take over a reservation: [ByOldCard],
// [ByRecoveryCode], [ByClerk] or [MergeByClerk]. Nothing on the new card tells of the old one,
// and the registry never guesses.
type Proof struct {
	kind    kind
	oldCard hidden.Value[*jpki.Authentication]
	id      mykey.ID
	code    RecoveryCode
	clerk   string
}

// ByOldCard proves with the old card, PIN and key; its certificate may have
// expired.
func ByOldCard(old *jpki.Authentication) Proof {
	return Proof{kind: kindOldCard, oldCard: hidden.New(old)}
}

// ByRecoveryCode proves with the code that was given at the reservation, or at
// the last renewal. It ends with its use.
func ByRecoveryCode(id mykey.ID, code RecoveryCode) Proof {
	return Proof{kind: kindRecovery, id: id, code: code}
}

// ByClerk has a clerk confirm, who looked at the person and the papers. The code
// is what the operator knows the clerk by, 1 to 32 letters, digits, dots,
// hyphens and underscores, and no name: it is recorded for good.
func ByClerk(id mykey.ID, clerk string) Proof { return Proof{kind: kindClerk, id: id, clerk: clerk} }

// MergeByClerk is [ByClerk] for a holder who has taken a second identifier with the
// new card: that one is withdrawn. One with an application is not: [ErrApplied].
func MergeByClerk(id mykey.ID, clerk string) Proof {
	return Proof{kind: kindMerge, id: id, clerk: clerk}
}

var clerkCode = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// Renew moves a reservation to the holder of a new certificate, who keeps the
// identifier. The old card has nothing more to do with it: [ErrSuperseded]. A
// new recovery code takes the place of the old one, or none does.
//
// It fails with [ErrProof], [ErrRecovery] (also for an identifier that is
// nobody's), [ErrClerk], [ErrOperation], [ErrNotFound], [ErrWithdrawn],
// [ErrSuperseded], [ErrHolderReserved], [ErrApplied] (the new card's holder has, or
// withdrew, a reservation with an application), or [ErrUnavailable].
func (r *Registry) Renew(ctx context.Context, operation Operation, holder *jpki.Authentication, proof Proof, code RecoveryCode) (*Reservation, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return nil, err
	}
	if err := r.checkProof(proof); err != nil {
		return nil, err
	}
	c := change{operation, proof.kind, func(g Generation) [][]byte {
		parts := [][]byte{g.handle(holder.Certificate), []byte(proof.id), []byte(proof.code.text()), []byte(proof.clerk), []byte(code.text())}
		if old := proof.oldCard.Reveal(); old != nil {
			parts = append(parts, g.handle(old.Certificate))
		}
		return parts
	}}
	var result *reservationRow
	done, err := r.applyOnce(ctx, c, func(tx queryer) (*outcome, error) {
		target, images, err := r.proofTarget(ctx, tx, proof)
		if err != nil {
			return nil, err
		}
		state, withdrawn, err := r.checkNewCard(ctx, tx, holder, proof, target)
		if err != nil {
			return nil, err
		}
		after := *target
		after.Expiry, after.recoveryHash = mykey.MonthOf(holder.Certificate.NotAfter), r.current.recoveryHash(target.ID, code)
		result = &after
		changed, err := updateReservation(ctx, tx, target, result)
		if err != nil {
			return nil, err
		}
		held, err := r.insertHolding(ctx, tx, state, holder, result.ID)
		return &outcome{proof.kind, result.lineage, proof.clerk, append(append(images, withdrawn...), changed, held)}, err
	})
	return r.reservationAfter(ctx, operation, holder, result, done, err)
}

// checkProof looks at a proof without the database.
func (r *Registry) checkProof(proof Proof) error {
	switch proof.kind {
	case kindOldCard:
		if err := r.checkHolder(proof.oldCard.Reveal(), true); err != nil {
			return fmt.Errorf("old card: %w", err)
		}
	case kindRecovery:
	case kindClerk, kindMerge:
		if !clerkCode.MatchString(proof.clerk) {
			return ErrClerk
		}
	default:
		return fmt.Errorf("%w: of the old reservation", ErrProof)
	}
	return nil
}

// CheckProof returns what Renew would return for a proof whatever the new card is, so
// that nobody is asked for its PIN in vain: [ErrProof], [ErrRecovery], [ErrClerk],
// [ErrNotFound], [ErrWithdrawn], [ErrSuperseded] or [ErrUnavailable].
func (r *Registry) CheckProof(ctx context.Context, proof Proof) error {
	if err := r.checkProof(proof); err != nil {
		return err
	}
	return r.retry(ctx, func(ctx context.Context) error {
		_, _, err := r.proofTarget(ctx, r.storage.db, proof)
		return err
	})
}

// target is the reservation that a proof speaks of, and what that depends on.
func (r *Registry) proofTarget(ctx context.Context, tx queryer, proof Proof) (*reservationRow, []image, error) {
	if proof.kind == kindOldCard {
		s, err := r.findHolder(ctx, tx, proof.oldCard.Reveal())
		if err != nil {
			return nil, nil, err
		}
		target, err := s.active()
		if err != nil {
			return nil, nil, err
		}
		return target, []image{reliedImage(s.holding)}, nil
	}
	target, err := r.byIdentifier(ctx, tx, proof.id)
	switch {
	case proof.kind == kindRecovery && (errors.Is(err, ErrNotFound) || err == nil && !r.matchesCode(target.ID, proof.code, target.recoveryHash)):
		return nil, nil, ErrRecovery // no telling what is whose
	case err != nil:
		return nil, nil, err
	case target.State == Withdrawn:
		return nil, nil, ErrWithdrawn
	}
	return target, nil, nil
}

// mayTakeOver refuses a new card that has something of its own, and returns the
// seat that it leaves, if any. A merge gives up the card's own reservation.
func (r *Registry) checkNewCard(ctx context.Context, tx queryer, holder *jpki.Authentication, proof Proof, target *reservationRow) (*holderState, []image, error) {
	state, err := r.findHolder(ctx, tx, holder)
	switch {
	case err != nil || state == nil:
		return nil, nil, err
	case state.superseded:
		return nil, nil, ErrSuperseded
	case state.State == Reserved && state.ID == target.ID:
		return nil, nil, fmt.Errorf("%w: the new card is the old one", ErrProof)
	case state.State == Reserved && proof.kind != kindMerge:
		return nil, nil, ErrHolderReserved
	case state.Application != nil:
		return nil, nil, ErrApplied
	case state.State == Reserved:
		after := *state.reservationRow
		after.State, after.recoveryHash = Withdrawn, ""
		withdrawn, err := updateReservation(ctx, tx, state.reservationRow, &after)
		return state, []image{reliedImage(state.holding), withdrawn}, err
	}
	return state, state.reliedImages(), nil
}

// NewCode gives a holder's reservation a new recovery code, in place of the one
// that it had. It returns what [Registry.Withdraw] returns.
func (r *Registry) NewCode(ctx context.Context, operation Operation, holder *jpki.Authentication, code RecoveryCode) (*Reservation, error) {
	return r.changeReservation(ctx, change{operation, kindNewCode, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate), []byte(code.text())}
	}}, holder, func(after *reservationRow) { after.recoveryHash = r.current.recoveryHash(after.ID, code) })
}
