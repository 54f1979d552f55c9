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
	kind kind
	old  hidden.Value[*jpki.Authentication]
	id   mykey.ID
	code RecoveryCode
	by   string
}

// ByOldCard proves with the old card, PIN and key; its certificate may have
// expired.
func ByOldCard(old *jpki.Authentication) Proof {
	return Proof{kind: kindOldCard, old: hidden.New(old)}
}

// ByRecoveryCode proves with the code that was given at the reservation, or at
// the last renewal. It ends with its use.
func ByRecoveryCode(id mykey.ID, code RecoveryCode) Proof {
	return Proof{kind: kindRecovery, id: id, code: code}
}

// ByClerk has a clerk confirm, who looked at the person and the papers. The code
// is what the operator knows the clerk by, 1 to 32 letters, digits, dots,
// hyphens and underscores, and no name: it is recorded for good.
func ByClerk(id mykey.ID, clerk string) Proof { return Proof{kind: kindClerk, id: id, by: clerk} }

// MergeByClerk is [ByClerk] for a holder who has taken a second identifier with the
// new card: that one is withdrawn. One with an application is not: [ErrApplied].
func MergeByClerk(id mykey.ID, clerk string) Proof { return Proof{kind: kindMerge, id: id, by: clerk} }

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
	if err := r.proved(holder, false); err != nil {
		return nil, err
	}
	if err := r.checkProof(proof); err != nil {
		return nil, err
	}
	c := change{operation, proof.kind, func(g Generation) [][]byte {
		parts := [][]byte{g.handle(holder.Certificate), []byte(proof.id), []byte(proof.code.text()), []byte(proof.by), []byte(code.text())}
		if old := proof.old.Reveal(); old != nil {
			parts = append(parts, g.handle(old.Certificate))
		}
		return parts
	}}
	var result *row
	done, err := r.once(ctx, c, func(tx queryer) (*made, error) {
		target, images, err := r.target(ctx, tx, proof)
		if err != nil {
			return nil, err
		}
		mine, given, err := r.mayTakeOver(ctx, tx, holder, proof, target)
		if err != nil {
			return nil, err
		}
		after := *target
		after.Expiry, after.recovery = mykey.MonthOf(holder.Certificate.NotAfter), r.current.recovery(target.ID, code)
		result = &after
		changed, err := update(ctx, tx, target, result)
		if err != nil {
			return nil, err
		}
		held, err := r.hold(ctx, tx, mine, holder, result.ID)
		return &made{proof.kind, result.lineage, proof.by, append(append(images, given...), changed, held)}, err
	})
	return r.answer(ctx, operation, holder, result, done, err)
}

// checkProof looks at a proof without the database.
func (r *Registry) checkProof(proof Proof) error {
	switch proof.kind {
	case kindOldCard:
		if err := r.proved(proof.old.Reveal(), true); err != nil {
			return fmt.Errorf("old card: %w", err)
		}
	case kindRecovery:
	case kindClerk, kindMerge:
		if !clerkCode.MatchString(proof.by) {
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
	return r.again(ctx, func(ctx context.Context) error {
		_, _, err := r.target(ctx, r.storage.db, proof)
		return err
	})
}

// target is the reservation that a proof speaks of, and what that depends on.
func (r *Registry) target(ctx context.Context, tx queryer, proof Proof) (*row, []image, error) {
	if proof.kind == kindOldCard {
		s, err := r.seatOf(ctx, tx, proof.old.Reveal())
		if err != nil {
			return nil, nil, err
		}
		target, err := s.active()
		if err != nil {
			return nil, nil, err
		}
		return target, []image{rely(s.holding)}, nil
	}
	target, err := r.byIdentifier(ctx, tx, proof.id)
	switch {
	case proof.kind == kindRecovery && (errors.Is(err, ErrNotFound) || err == nil && !r.matches(target.ID, proof.code, target.recovery)):
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
func (r *Registry) mayTakeOver(ctx context.Context, tx queryer, holder *jpki.Authentication, proof Proof, target *row) (*seat, []image, error) {
	mine, err := r.seatOf(ctx, tx, holder)
	switch {
	case err != nil || mine == nil:
		return nil, nil, err
	case mine.superseded:
		return nil, nil, ErrSuperseded
	case mine.State == Reserved && mine.ID == target.ID:
		return nil, nil, fmt.Errorf("%w: the new card is the old one", ErrProof)
	case mine.State == Reserved && proof.kind != kindMerge:
		return nil, nil, ErrHolderReserved
	case mine.Application != nil:
		return nil, nil, ErrApplied
	case mine.State == Reserved:
		after := *mine.row
		after.State, after.recovery = Withdrawn, ""
		given, err := update(ctx, tx, mine.row, &after)
		return mine, []image{rely(mine.holding), given}, err
	}
	return mine, mine.relied(), nil
}

// NewCode gives a holder's reservation a new recovery code, in place of the one
// that it had. It returns what [Registry.Withdraw] returns.
func (r *Registry) NewCode(ctx context.Context, operation Operation, holder *jpki.Authentication, code RecoveryCode) (*Reservation, error) {
	return r.changeOwn(ctx, change{operation, kindNewCode, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate), []byte(code.text())}
	}}, holder, func(after *row) { after.recovery = r.current.recovery(after.ID, code) })
}
