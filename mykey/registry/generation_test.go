package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Holders of earlier generations are found and moved to the current one.
func TestKeyRotation(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		old, current := generation(t, "points.example", 1), generation(t, "points.example", 2)
		before := openAs(t, url, terminal("a"), old)
		operation := registry.NewOperation()
		first, err := before.Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		require.NoError(t, err)
		reserve(t, before, 2)
		apply(t, before, 2)
		reserve(t, before, 3)
		require.NoError(t, before.Close())

		_, err = registry.Open(ctx, url, terminal("a"), current)
		require.ErrorIs(t, err, mykey.ErrKey, "a missing generation's holders would get a second identifier")
		after := openAs(t, url, terminal("a"), current, registry.WithOtherGenerations(old))
		repeated, err := after.Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		require.NoError(t, err, "repeated after the keys were changed")
		assert.True(t, repeated.New)
		moved := reserve(t, after, 1)
		assert.Equal(t, first.ID, moved.ID)
		assert.Equal(t, uint32(1), moved.KeyNumber, "the key that derived the identifier")
		_, err = after.Preview(ctx, holder(1), account(2))
		require.ErrorIs(t, err, registry.ErrAccountUsed, "the account is known under the earlier key")
		assert.Equal(t, uint32(2), reserve(t, after, 4).KeyNumber)
		_, err = after.Renew(ctx, registry.NewOperation(), holder(30), registry.ByOldCard(holder(3)), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = verify(after)
		require.NoError(t, err, "verification needs no key")
		for _, g := range []registry.Generation{old, current} {
			_, err = registry.Open(ctx, url, terminal("b"), g)
			require.ErrorIs(t, err, mykey.ErrKey, "generation %d alone", g.Number)
		}
		openAs(t, url, terminal("b"), old, registry.WithOtherGenerations(current)) // during the change
	})
}

// A program that was started without the new generation works until that generation has
// holders. From then on it returns ErrKey for unknown holders, who may be known under the
// new generation.
//
// Faults: F135.
func TestMissingGenerationIsRejected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		old, current := generation(t, "points.example", 1), generation(t, "points.example", 2)
		outdated := openGeneration(t, url, old)
		reserve(t, outdated, 1)
		reserve(t, outdated, 2)
		transitional := openGeneration(t, url, old, registry.WithOtherGenerations(current))
		assert.True(t, reserve(t, outdated, 3).New, "the new generation is stored but has no holders")
		require.NoError(t, transitional.Close())

		updated := openGeneration(t, url, current, registry.WithOtherGenerations(old))
		reserve(t, updated, 4)
		reserve(t, updated, 1)
		for _, n := range []int{1, 4, 5} { // moved to the new generation, registered with it, and unknown
			_, err := outdated.Find(ctx, holder(n))
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Reserve(ctx, registry.NewOperation(), holder(n), registry.RecoveryCode{})
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Preview(ctx, holder(n), account(n))
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Withdraw(ctx, registry.NewOperation(), holder(n))
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Renew(ctx, registry.NewOperation(), holder(n), registry.ByOldCard(holder(2)), registry.RecoveryCode{})
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
		}
		_, err := outdated.Renew(ctx, registry.NewOperation(), holder(6), registry.ByOldCard(holder(4)), registry.RecoveryCode{})
		require.ErrorIs(t, err, mykey.ErrKey, "the old card is of the new generation")
		assert.False(t, reserve(t, outdated, 2).New, "a holder of the old generation")
		_, err = verify(outdated)
		require.NoError(t, err)
	})
}

// Open and Check reject keys with which the database was not created. Check writes nothing.
func TestOpenRejectsOtherKeys(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		check := func(g registry.Generation, earlier ...registry.Generation) error {
			err := registry.Check(ctx, url, g, earlier...)
			require.Len(t, rows(t, r, "generations"), 1, "Check must not write")
			return err
		}
		require.NoError(t, check(generation(t, "points.example", 1)))
		require.NoError(t, check(generation(t, "points.example", 2), generation(t, "points.example", 1)))
		require.ErrorIs(t, check(generation(t, "points.example", 2)), mykey.ErrKey)
		other := generation(t, "points.example", 1)
		other.Key = key(t, 99)
		_, err := registry.Open(ctx, url, terminal(nextName()), other)
		require.ErrorIs(t, err, mykey.ErrKey)
		require.ErrorIs(t, check(other), mykey.ErrKey)
		other = generation(t, "points.example", 1)
		other.Namespace, err = mykey.NewNamespace("points.example", key(t, 99))
		require.NoError(t, err)
		_, err = registry.Open(ctx, url, terminal(nextName()), other)
		require.ErrorIs(t, err, mykey.ErrKey)
	})
}
