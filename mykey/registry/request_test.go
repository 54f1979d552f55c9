package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// The operation of a renewal can't be used with another card, identifier, clerk, code or old
// card.
//
// Faults: F116.
func TestRenewalOperationCanNotBeReused(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	code, next, other := registry.NewRecoveryCode(), registry.NewRecoveryCode(), registry.NewRecoveryCode()
	ids := map[int]mykey.ID{}
	for n := 1; n <= 4; n++ {
		reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(n), code)
		require.NoError(t, err)
		ids[n] = reservation.ID
	}
	type request struct {
		n    int
		by   registry.RenewalProof
		code registry.RecoveryCode
	}
	for name, test := range map[string]struct {
		first  request
		others map[string]request
	}{
		"clerk": {request{11, registry.ByClerk(ids[1], "c1"), next}, map[string]request{
			"card":       {12, registry.ByClerk(ids[1], "c1"), next},
			"identifier": {11, registry.ByClerk(ids[4], "c1"), next},
			"clerk":      {11, registry.ByClerk(ids[1], "c2"), next},
			"code":       {11, registry.ByClerk(ids[1], "c1"), other},
			"merge":      {11, registry.MergeByClerk(ids[1], "c1"), next},
		}},
		"recovery code": {request{13, registry.ByRecoveryCode(ids[2], code), next}, map[string]request{
			"proof": {13, registry.ByRecoveryCode(ids[2], other), next},
		}},
		"old card": {request{14, registry.ByOldCard(holder(3)), next}, map[string]request{
			"old card": {14, registry.ByOldCard(holder(4)), next},
		}},
	} {
		operation := registry.NewOperation()
		renew := func(q request) error {
			_, err := r.Renew(ctx, operation, holder(q.n), q.by, q.code)
			return err
		}
		require.NoError(t, renew(test.first), name)
		require.NoError(t, renew(test.first), "%s, repeated", name)
		for part, another := range test.others {
			assert.ErrorIs(t, renew(another), registry.ErrOperation, "%s: another %s", name, part)
		}
	}
}

// A withdrawn reservation has no recovery code, however it was withdrawn.
//
// Faults: F110.
func TestWithdrawalDeletesRecoveryCode(t *testing.T) {
	for name, withdraw := range map[string]func(r *registry.Registry, d *registry.Desk, reservation, other mykey.ID) error{
		"by the holder": func(r *registry.Registry, _ *registry.Desk, _, _ mykey.ID) error {
			_, err := r.Withdraw(ctx, registry.NewOperation(), holder(1))
			return err
		},
		"erased": func(_ *registry.Registry, d *registry.Desk, reservation, _ mykey.ID) error {
			return d.Erase(ctx, registry.NewOperation(), reservation, "c1")
		},
		"merged": func(r *registry.Registry, _ *registry.Desk, _, other mykey.ID) error {
			_, err := r.Renew(ctx, registry.NewOperation(), holder(1), registry.MergeByClerk(other, "c1"), registry.RecoveryCode{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, engines["sqlite"](t))
			d := desk(t, r)
			defer d.Close()
			reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
			require.NoError(t, err)
			require.NoError(t, withdraw(r, d, reservation.ID, reserve(t, r, 2).ID))
			var recovery, state string
			require.NoError(t, r.DB().QueryRow(`SELECT state, recovery FROM reservations WHERE identifier = $1`, reservation.ID.String()).Scan(&state, &recovery))
			assert.Equal(t, string(registry.Withdrawn), state)
			assert.Empty(t, recovery)
		})
	}
}

// A withdrawn reservation can't be renewed. A repeated operation returns ErrSuperseded if
// another card has taken over the reservation in the meantime.
//
// Faults: F116.
func TestWithdrawnReservationsCanNotBeRenewed(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reservation := reserve(t, r, 1)
		_, err := r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.NoError(t, err)
		for _, proof := range []registry.RenewalProof{registry.ByClerk(reservation.ID, "c1"), registry.MergeByClerk(reservation.ID, "c1")} {
			require.ErrorIs(t, r.CheckProof(ctx, proof), registry.ErrWithdrawn)
			_, err = r.Renew(ctx, registry.NewOperation(), holder(2), proof, registry.RecoveryCode{})
			require.ErrorIs(t, err, registry.ErrWithdrawn)
		}

		operation := registry.NewOperation()
		_, err = r.Reserve(ctx, operation, holder(3), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(4), registry.ByOldCard(holder(3)), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = r.Reserve(ctx, operation, holder(3), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrSuperseded)
	})
}
