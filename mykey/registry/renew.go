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
// [ByRecoveryCode] or [ByClerk]. Nothing on the new card tells of the old one,
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

var clerkCode = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// Renew moves a reservation to the holder of a new certificate, who keeps the
// identifier. The old card has nothing more to do with it: [ErrSuperseded]. A
// new recovery code takes the place of the old one, or none does.
//
// It fails with [ErrProof], [ErrRecovery] (also for an identifier that is
// nobody's), [ErrClerk], [ErrOperation], [ErrNotFound], [ErrWithdrawn],
// [ErrSuperseded], [ErrHolderReserved], [ErrApplied] (the new card's holder
// withdrew a reservation that had an application), or [ErrUnavailable].
func (r *Registry) Renew(ctx context.Context, operation Operation, holder *jpki.Authentication, proof Proof, code RecoveryCode) (*Reservation, error) {
	if err := r.proved(holder, false); err != nil {
		return nil, err
	}
	switch proof.kind {
	case kindOldCard:
		if err := r.proved(proof.old.Reveal(), true); err != nil {
			return nil, fmt.Errorf("old card: %w", err)
		}
	case kindRecovery:
	case kindClerk:
		if !clerkCode.MatchString(proof.by) {
			return nil, ErrClerk
		}
	default:
		return nil, fmt.Errorf("%w: of the old reservation", ErrProof)
	}
	c := change{operation, proof.kind, func(g Generation) [][]byte {
		parts := [][]byte{g.handle(holder.Certificate), []byte(proof.id), []byte(proof.code.text()), []byte(proof.by), []byte(code.text())}
		if old := proof.old.Reveal(); old != nil {
			parts = append(parts, g.handle(old.Certificate))
		}
		return parts
	}}
	// Codes are hashed before the transaction, which then holds for the hash
	// that was compared only.
	compared, err := r.compared(ctx, c, proof)
	if err != nil {
		return nil, err
	}
	recovery, err := r.hashCode(ctx, code)
	if err != nil {
		return nil, err
	}
	var result *row
	done, err := r.once(ctx, c, func(tx queryer) (*made, error) {
		target, err := r.target(ctx, tx, proof, compared)
		if err != nil {
			return nil, err
		}
		mine, err := r.mayTakeOver(ctx, tx, holder, target)
		if err != nil {
			return nil, err
		}
		result = target
		result.Expiry, result.recovery = mykey.MonthOf(holder.Certificate.NotAfter), recovery
		if _, err := exec(ctx, tx, `UPDATE holders SET state = 'superseded' WHERE namespace = $1 AND identifier = $2 AND state = 'current'`,
			result.Namespace, result.ID.String()); err != nil {
			return nil, err
		}
		if _, err := exec(ctx, tx, `UPDATE reservations SET expiry = $3, recovery = $4 WHERE namespace = $1 AND identifier = $2`,
			result.Namespace, result.ID.String(), result.Expiry.String(), recovery); err != nil {
			return nil, err
		}
		return &made{proof.kind, result.lineage, proof.by}, r.sit(ctx, tx, mine, holder, result.ID)
	})
	return r.answer(ctx, operation, holder, result, done, err)
}

// target is the reservation that a proof speaks of.
func (r *Registry) target(ctx context.Context, tx queryer, proof Proof, compared string) (*row, error) {
	if proof.kind == kindOldCard {
		s, err := r.seatOf(ctx, tx, proof.old.Reveal())
		if err != nil {
			return nil, err
		}
		return s.active()
	}
	target, err := r.byIdentifier(ctx, tx, proof.id)
	switch {
	case proof.kind == kindRecovery && (errors.Is(err, ErrNotFound) || err == nil && target.recovery != compared):
		return nil, ErrRecovery // no telling what is whose
	case err != nil:
		return nil, err
	case target.State == Withdrawn:
		return nil, ErrWithdrawn
	}
	return target, nil
}

// mayTakeOver refuses a new card that has something of its own, and returns the
// seat that it leaves, if any.
func (r *Registry) mayTakeOver(ctx context.Context, tx queryer, holder *jpki.Authentication, target *row) (*seat, error) {
	mine, err := r.seatOf(ctx, tx, holder)
	switch {
	case err != nil || mine == nil:
		return nil, err
	case mine.superseded:
		return nil, ErrSuperseded
	case mine.State == Reserved && mine.ID == target.ID:
		return nil, fmt.Errorf("%w: the new card is the old one", ErrProof)
	case mine.State == Reserved:
		return nil, ErrHolderReserved
	case mine.Application != nil:
		return nil, ErrApplied
	}
	return mine, nil
}

// compared returns the stored hash that a recovery code fits. One that was used
// for this operation before is no mistake.
func (r *Registry) compared(ctx context.Context, c change, proof Proof) (string, error) {
	if proof.kind != kindRecovery {
		return "", nil
	}
	var stored string
	var done bool
	err := r.again(ctx, func(ctx context.Context) error {
		var err error
		if done, err = r.wasDone(ctx, r.storage.db, c); err != nil || done {
			return err
		}
		target, err := r.byIdentifier(ctx, r.storage.db, proof.id)
		if err == nil {
			stored = target.recovery
		}
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) || done {
		return "", err
	}
	ok, err := r.matches(ctx, proof.code, stored)
	if err == nil && !ok {
		err = ErrRecovery
	}
	return stored, err
}
