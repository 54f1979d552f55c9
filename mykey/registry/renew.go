package registry

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
)

var (
	// ErrHolderReserved reports that the new card already has a reservation. Withdraw it
	// first, or use [MergeByClerk].
	ErrHolderReserved = errors.New("the new card already has a reservation")
	// ErrClerk reports an invalid clerk's code.
	ErrClerk = errors.New("invalid clerk code: want 1 to 32 letters, digits, dots, hyphens and underscores")
)

// RenewalProof proves that the holder of a new card owns a reservation. Make it with
// [ByOldCard], [ByRecoveryCode], [ByClerk] or [MergeByClerk]. The zero RenewalProof is not
// valid.
type RenewalProof struct {
	kind    kind
	oldCard hidden.Value[*proof.Holder]
	id      mykey.ID
	code    RecoveryCode
	clerk   string
}

// ByOldCard returns a proof that uses the old card, which accepted its PIN and proved
// possession of its key. Its certificate may have expired.
func ByOldCard(old *proof.Holder) RenewalProof {
	return RenewalProof{kind: kindOldCard, oldCard: hidden.New(old)}
}

// ByRecoveryCode returns a proof that uses the recovery code that was set last. The code
// becomes invalid with the renewal.
func ByRecoveryCode(id mykey.ID, code RecoveryCode) RenewalProof {
	return RenewalProof{kind: kindRecovery, id: id, code: code}
}

// ByClerk returns a proof that uses the confirmation of a clerk, who has checked the
// holder's identity documents. clerk is the operator's code for the clerk: 1 to 32
// letters, digits, dots, hyphens and underscores. Do not use a name, because the audit
// log keeps the code permanently.
func ByClerk(id mykey.ID, clerk string) RenewalProof {
	return RenewalProof{kind: kindClerk, id: id, clerk: clerk}
}

// MergeByClerk is like [ByClerk] for a holder who has reserved a second identifier with
// the new card. The renewal withdraws that reservation, or returns [ErrApplied] if it
// has an application.
func MergeByClerk(id mykey.ID, clerk string) RenewalProof {
	return RenewalProof{kind: kindMerge, id: id, clerk: clerk}
}

var clerkCode = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// Renew moves a reservation to a new card. The proof says which one. The identifier stays the
// same. The old card is superseded: functions that are called with it return [ErrSuperseded]
// from then on. code replaces the recovery code; the zero RecoveryCode leaves the reservation
// without one.
//
// It returns [ErrProof], [ErrRecovery] (even if the identifier does not exist),
// [ErrClerk], [ErrNotClerk], [ErrOperation], [ErrNotFound], [ErrWithdrawn], [ErrSuperseded],
// [ErrHolderReserved], [ErrApplied] (the new card's holder has already applied),
// [ErrTerminalTaken] or [ErrUnavailable].
func (r *Registry) Renew(ctx context.Context, operation Operation, holder *proof.Holder, by RenewalProof, code RecoveryCode) (*Reservation, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return nil, err
	}
	by, err := r.authenticateClerk(by)
	if err != nil {
		return nil, err
	}
	if err := r.checkProof(by); err != nil {
		return nil, err
	}
	c := change{operation, by.kind, func(g Generation) [][]byte {
		parts := [][]byte{g.handle(holder.Certificate()), []byte(by.id), []byte(by.code.text()), []byte(by.clerk), []byte(code.text())}
		if old := by.oldCard.Reveal(); old != nil {
			parts = append(parts, g.handle(old.Certificate()))
		}
		return parts
	}}
	var result *reservationRow
	done, err := r.applyOnce(ctx, c, func(tx queryer) (*outcome, error) {
		target, images, err := r.proofTarget(ctx, tx, by)
		if err != nil {
			return nil, err
		}
		state, withdrawn, err := r.checkNewCard(ctx, tx, holder, by, target)
		if err != nil {
			return nil, err
		}
		after := *target
		after.Expiry, after.recoveryHash = mykey.MonthOf(holder.Certificate().NotAfter), r.current.recoveryHash(target.ID, code)
		result = &after
		changed, err := updateReservation(ctx, tx, target, result)
		if err != nil {
			return nil, err
		}
		held, err := r.insertHolding(ctx, tx, state, holder, result.ID)
		return &outcome{by.kind, result.lineage, by.clerk, append(append(images, withdrawn...), changed, held)}, err
	})
	return r.reservationAfter(ctx, operation, holder, result, done, err)
}

// checkProof checks a proof as far as possible without the database.
func (r *Registry) checkProof(by RenewalProof) error {
	switch by.kind {
	case kindOldCard:
		if err := r.checkHolder(by.oldCard.Reveal(), true); err != nil {
			return fmt.Errorf("old card: %w", err)
		}
	case kindRecovery:
	case kindClerk, kindMerge:
		if !clerkCode.MatchString(by.clerk) {
			return ErrClerk
		}
	default:
		return fmt.Errorf("%w: there is no proof for the reservation", ErrProof)
	}
	return nil
}

// CheckProof checks a proof before the new card is read, so that the holder does not
// enter a PIN needlessly. It returns the errors of [Registry.Renew] that do not depend on
// the new card: [ErrProof], [ErrRecovery], [ErrClerk], [ErrNotClerk], [ErrNotFound],
// [ErrWithdrawn], [ErrSuperseded] or [ErrUnavailable].
func (r *Registry) CheckProof(ctx context.Context, by RenewalProof) error {
	by, err := r.authenticateClerk(by)
	if err != nil {
		return err
	}
	if err := r.checkProof(by); err != nil {
		return err
	}
	return r.retry(ctx, func(ctx context.Context) error {
		_, _, err := r.proofTarget(ctx, r.storage.db, by)
		return err
	})
}

// proofTarget returns the reservation of a proof, and the images that it relied on.
func (r *Registry) proofTarget(ctx context.Context, tx queryer, by RenewalProof) (*reservationRow, []image, error) {
	if by.kind == kindOldCard {
		s, err := r.findHolder(ctx, tx, by.oldCard.Reveal())
		if err != nil {
			return nil, nil, err
		}
		target, err := s.active()
		if err != nil {
			return nil, nil, err
		}
		return target, []image{reliedImage(s.holding)}, nil
	}
	target, err := r.byIdentifier(ctx, tx, by.id)
	switch {
	case by.kind == kindRecovery && (errors.Is(err, ErrNotFound) || err == nil && !r.matchesCode(target.ID, by.code, target.recoveryHash)):
		return nil, nil, ErrRecovery // must not reveal which identifiers exist
	case err != nil:
		return nil, nil, err
	case target.State == Withdrawn:
		return nil, nil, ErrWithdrawn
	}
	return target, nil, nil
}

// checkNewCard checks that a new card can take over the reservation target. It returns the
// state of the card's holder, nil if unknown, and images of that state. For a merge it
// withdraws the card's own reservation.
func (r *Registry) checkNewCard(ctx context.Context, tx queryer, holder *proof.Holder, by RenewalProof, target *reservationRow) (*holderState, []image, error) {
	state, err := r.findHolder(ctx, tx, holder)
	switch {
	case err != nil || state == nil:
		return nil, nil, err
	case state.superseded:
		return nil, nil, ErrSuperseded
	case state.State == Reserved && state.ID == target.ID && state.linked:
		return state, []image{reliedImage(state.holding)}, nil
	case state.State == Reserved && state.ID == target.ID:
		return nil, nil, fmt.Errorf("%w: the new card already holds this reservation", ErrProof)
	case state.State == Reserved && by.kind != kindMerge:
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
