package registry_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var ctx = context.Background()

func TestReserve(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		first := reserve(t, r, 1)
		want, err := generation(t, "points.example", 1).Namespace.Derive(holder(1))
		require.NoError(t, err)
		assert.Equal(t, want, first.ID)
		assert.Equal(t, "points.example", first.Namespace)
		assert.Equal(t, uint32(1), first.KeyNumber)
		assert.Zero(t, first.Attempt)
		assert.Equal(t, registry.Reserved, first.State)
		assert.Equal(t, mykey.MonthOf(holder(1).Certificate().NotAfter), first.Expiry)
		assert.Nil(t, first.Application)
		assert.True(t, first.New)

		repeated := reserve(t, openNamed(t, url, "another"), 1)
		assert.Equal(t, first.ID, repeated.ID, "a holder always gets the same identifier")
		assert.False(t, repeated.New)
		assert.NotEqual(t, first.ID, reserve(t, r, 2).ID)

		found, err := r.Find(ctx, holder(1))
		require.NoError(t, err)
		assert.Equal(t, repeated, found)
		byID, err := r.Lookup(ctx, first.ID)
		require.NoError(t, err)
		assert.Equal(t, repeated, byID)

		_, err = r.Find(ctx, holder(3))
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = r.Lookup(ctx, "00000000")
		require.ErrorIs(t, err, registry.ErrNotFound)
	})
}

// Namespaces that share a database do not see each other's rows.
func TestNamespacesAreIndependent(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		points, library := open(t, url), openGeneration(t, url, generation(t, "library.example", 1))
		inPoints := reserve(t, points, 1)
		_, err := library.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = library.Lookup(ctx, inPoints.ID)
		require.ErrorIs(t, err, registry.ErrNotFound)
		inLibrary := reserve(t, library, 1)
		assert.NotEqual(t, inPoints.ID, inLibrary.ID)
		apply(t, points, 1)
		apply(t, library, 1)
		var handles int
		require.NoError(t, points.DB().QueryRow(`SELECT count(DISTINCT handle) FROM holders`).Scan(&handles))
		assert.Equal(t, 2, handles)
	})
}

// All functions that take a holder return ErrProof unless every part of the proof is given.
//
// Faults: F91.
func TestHoldersNeedProof(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	reserve(t, r, 1)
	verified := func(change func(*proof.Verifier)) *proof.Holder {
		v := prooftest.Verifier(today)
		change(v)
		return card(1, today.AddDate(0, 0, -1)).HolderOf(v)
	}
	for name, changed := range map[string]*proof.Holder{
		"nobody":         nil,
		"zero":           {},
		"expired":        verified(func(v *proof.Verifier) { v.AllowExpired = true }),
		"simulated":      simulated(1),
		"issuer unknown": verified(func(v *proof.Verifier) { v.Trust, v.AllowUnknownIssuer, v.AllowExpired = trust.Policy{}, true, true }),
	} {
		t.Run(name, func(t *testing.T) {
			op := registry.NewOperation()
			calls := map[string]func(*proof.Holder) error{
				"Reserve": func(a *proof.Holder) error {
					_, err := r.Reserve(ctx, op, a, registry.RecoveryCode{})
					return err
				},
				"Find":     func(a *proof.Holder) error { _, err := r.Find(ctx, a); return err },
				"Withdraw": func(a *proof.Holder) error { _, err := r.Withdraw(ctx, op, a); return err },
				"Preview":  func(a *proof.Holder) error { _, err := r.Preview(ctx, a, account(1)); return err },
				"Renew": func(a *proof.Holder) error {
					_, err := r.Renew(ctx, op, a, registry.ByOldCard(holder(1)), registry.RecoveryCode{})
					return err
				},
			}
			if name != "expired" {
				calls["ByOldCard"] = func(a *proof.Holder) error {
					_, err := r.Renew(ctx, op, holder(2), registry.ByOldCard(a), registry.RecoveryCode{})
					return err
				}
			}
			for call, do := range calls {
				require.ErrorIs(t, do(changed), registry.ErrProof, call)
			}
		})
	}
	_, err := r.Reserve(ctx, registry.NewOperation(), holderUntil(2, today.AddDate(0, 2, 0)), registry.RecoveryCode{})
	require.NoError(t, err, "expiring")
	demo := openGeneration(t, engines["sqlite"](t), generation(t, "points.example", 1), registry.AcceptIssuers(trust.IssuerSimulator))
	_, err = demo.Reserve(ctx, registry.NewOperation(), simulated(3), registry.RecoveryCode{})
	require.NoError(t, err)
	_, err = demo.Reserve(ctx, registry.NewOperation(), holder(1), registry.RecoveryCode{})
	require.ErrorIs(t, err, registry.ErrProof)
}

// On a collision the next candidate is used, up to the bound.
func TestCollisionsUseTheNextCandidate(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url, registry.WithIdentifierCount(100), registry.WithAttempts(20))
		holders := map[mykey.ID]int{}
		attempts := map[uint32]int{}
		for n := range 80 {
			reservation := reserve(t, r, n)
			require.NotContains(t, holders, reservation.ID)
			holders[reservation.ID] = n
			attempts[reservation.Attempt]++
		}
		assert.Greater(t, len(attempts), 3, "there were collisions: %v", attempts)
		for id, n := range holders {
			assert.Equal(t, id, reserve(t, r, n).ID)
		}

		full := open(t, url, registry.WithIdentifierCount(1), registry.WithAttempts(2))
		_, _ = full.Reserve(ctx, registry.NewOperation(), holder(1000), registry.RecoveryCode{}) // takes the only identifier, if it is free
		_, err := full.Reserve(ctx, registry.NewOperation(), holder(1001), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrNoIdentifier)
		_, err = full.Find(ctx, holder(1001))
		require.ErrorIs(t, err, registry.ErrNotFound, "nothing must be written")
		_, err = verify(r)
		require.NoError(t, err)
	})
}

func TestWithdraw(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		_, err := r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.ErrorIs(t, err, registry.ErrNotFound)

		first, err := r.Reserve(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
		require.NoError(t, err)
		apply(t, r, 1)
		operation := registry.NewOperation()
		withdrawn, err := r.Withdraw(ctx, operation, holder(1))
		require.NoError(t, err)
		assert.Equal(t, registry.Withdrawn, withdrawn.State)
		assert.Equal(t, first.ID, withdrawn.ID)
		repeated, err := r.Withdraw(ctx, operation, holder(1))
		require.NoError(t, err, "a double tap")
		assert.Equal(t, registry.Withdrawn, repeated.State)
		_, err = r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)
		_, err = r.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)
		_, err = r.Preview(ctx, holder(1), account(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)

		var codes int
		require.NoError(t, r.DB().QueryRow(`SELECT count(*) FROM reservations WHERE recovery <> ''`).Scan(&codes))
		assert.Zero(t, codes, "the recovery code must be deleted")

		second := reserve(t, r, 1)
		assert.NotEqual(t, first.ID, second.ID, "an identifier must not be assigned again")
		assert.Equal(t, uint32(1), second.Attempt)
		found, err := r.Lookup(ctx, first.ID)
		require.NoError(t, err)
		assert.Equal(t, registry.Withdrawn, found.State)

		require.NotNil(t, second.Application, "the application stays in force")
		_, err = r.Preview(ctx, holder(1), account(2))
		require.ErrorIs(t, err, registry.ErrApplied)
		_, err = verify(r)
		require.NoError(t, err)
	})
}

func TestOperationsAreAppliedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		operation := registry.NewOperation()
		code := registry.NewRecoveryCode()
		first, err := r.Reserve(ctx, operation, holder(1), code)
		require.NoError(t, err)
		repeated, err := r.Reserve(ctx, operation, holder(1), code)
		require.NoError(t, err)
		assert.Equal(t, first.ID, repeated.ID)
		assert.True(t, repeated.New, "New must not change, so that the recovery code is shown")

		for name, other := range map[string]func() error{
			"another holder": func() error { _, err := r.Reserve(ctx, operation, holder(2), code); return err },
			"another code": func() error {
				_, err := r.Reserve(ctx, operation, holder(1), registry.NewRecoveryCode())
				return err
			},
			"another kind": func() error { _, err := r.Withdraw(ctx, operation, holder(1)); return err },
			"zero":         func() error { _, err := r.Reserve(ctx, registry.Operation{}, holder(2), code); return err },
		} {
			require.ErrorIs(t, other(), registry.ErrOperation, name)
		}
		heads, err := verify(r)
		require.NoError(t, err)
		require.Len(t, heads, 1)
		assert.Equal(t, int64(1), heads[0].Number, "one change")
	})
}

// If a candidate can't be derived, at any attempt, Reserve returns the error and writes
// nothing.
func TestFailedDerivationWritesNothing(t *testing.T) {
	broken := errors.New("derivation is broken")
	for _, at := range []uint32{0, 1} {
		url := engines["sqlite"](t)
		reserve(t, open(t, url, registry.WithDerivation(func(uint32) (mykey.ID, error) { return "7K2M9QXR", nil })), 1)
		r := open(t, url, registry.WithDerivation(func(attempt uint32) (mykey.ID, error) {
			if attempt == at {
				return "", broken
			}
			return "7K2M9QXR", nil // already taken
		}))
		got, err := r.Reserve(ctx, registry.NewOperation(), holder(2), registry.RecoveryCode{})
		require.ErrorIs(t, err, broken)
		assert.Nil(t, got)
		_, err = r.Find(ctx, holder(2))
		require.ErrorIs(t, err, registry.ErrNotFound)
		for table, want := range map[string]int{"reservations": 1, "holders": 1, "audit": 1} {
			assert.Len(t, rows(t, r, table), want, table)
		}
	}
}
