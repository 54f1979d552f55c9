package registry_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Erase removes the account completely. The audit log stays valid, and others can continue.
//
// Faults: F110.
func TestErase(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
		require.NoError(t, err)
		apply(t, r, 1)
		sealed := rows(t, r, "applications")[0]["sealed"]
		require.NotEmpty(t, sealed)

		d := desk(t, r)
		defer d.Close()
		operation := registry.NewOperation()
		require.ErrorIs(t, d.Erase(ctx, operation, reservation.ID, "a name"), registry.ErrClerk)
		require.ErrorIs(t, d.Erase(ctx, operation, "00000000", "c1"), registry.ErrNotFound)
		require.NoError(t, d.Erase(ctx, operation, reservation.ID, "c1"))
		require.NoError(t, d.Erase(ctx, operation, reservation.ID, "c1"), "repeated with the same operation")
		require.ErrorIs(t, d.Erase(ctx, operation, reservation.ID, "c2"), registry.ErrOperation)
		row := rows(t, r, "applications")[0]
		assert.Empty(t, row["sealed"])
		_, err = verify(r)
		require.NoError(t, err)
		assert.Empty(t, applications(t, r))
		_, err = r.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)

		reserve(t, r, 2)
		preview, err := r.Preview(ctx, holder(2), account(1))
		require.NoError(t, err, "the account can be used again")
		_, err = r.Confirm(ctx, registry.NewOperation(), preview)
		require.NoError(t, err)
		reserve(t, r, 1)
		_, err = r.Preview(ctx, holder(1), account(3))
		require.ErrorIs(t, err, registry.ErrApplied, "the holder can't apply again")
		_, err = verify(r)
		require.NoError(t, err)

		require.NoError(t, d.Erase(ctx, registry.NewOperation(), reservation.ID, "c1"), "an account that is already erased")
		_, err = verify(r)
		require.NoError(t, err)

		_, err = r.DB().Exec(`UPDATE applications SET sealed = account WHERE identifier = $1`, reservation.ID.String())
		require.NoError(t, err)
		_, err = verify(r)
		require.ErrorIs(t, err, registry.ErrAudit, "an erased account was restored")
	})
}

// Erased and purged data is overwritten in the file.
//
// Faults: F110.
func TestErasedBytesAreOverwritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, "sqlite:"+file)
	reservation := reserve(t, r, 1)
	apply(t, r, 1)
	sealed := rows(t, r, "applications")[0]["sealed"]
	inFile := func(text string) bool {
		found := false
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(file + suffix)
			require.NoError(t, err)
			found = found || len(text) > 0 && bytes.Contains(b, []byte(text[:32]))
		}
		return found
	}
	require.True(t, inFile(sealed))
	d := desk(t, r)
	defer d.Close()
	require.NoError(t, d.Erase(ctx, registry.NewOperation(), reservation.ID, "c1"))
	assert.False(t, inFile(sealed))
	handle := rows(t, r, "holders")[0]["handle"]
	require.True(t, inFile(handle))
	require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
	assert.False(t, inFile(handle))
}

// A registry without reservations can be purged.
//
// Faults: F110.
func TestPurgeOfAnEmptyRegistry(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		d := desk(t, r)
		defer d.Close()
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		_, err := verify(r)
		require.NoError(t, err)
	})
}

// A purge deletes all holders' data with a record. The audit log stays valid, and returning
// holders are new.
//
// Faults: F110.
func TestPurge(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		library := openGeneration(t, url, func() registry.Generation {
			g := generation(t, "library.example", 2)
			g.Number = 1
			return g
		}())
		reserve(t, library, 1)
		r := filled(t, url)
		before, err := verify(r)
		require.NoError(t, err)
		d := desk(t, r)
		defer d.Close()
		operation := registry.NewOperation()
		require.NoError(t, d.Purge(ctx, operation, "c1"))
		require.NoError(t, d.Purge(ctx, operation, "c1"), "repeated with the same operation")
		for _, table := range []string{"reservations", "holders", "applications"} {
			for _, row := range rows(t, r, table) {
				assert.Equal(t, "library.example", row["namespace"], table)
			}
		}
		_, err = verify(r, before...)
		require.NoError(t, err)
		_, err = verify(library)
		require.NoError(t, err)

		reservation := reserve(t, r, 1)
		assert.True(t, reservation.New)
		apply(t, r, 1)
		_, err = verify(r, before...)
		require.NoError(t, err)
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		list, err := keys(r)
		require.NoError(t, err)
		o, err := registry.OpenOperator(ctx, url, "points.example", list)
		require.NoError(t, err)
		report, err := o.Verify(ctx, before...)
		require.NoError(t, err)
		assert.Equal(t, int64(2), report.Purges)
		require.NoError(t, o.Close())

		// A forged purge does not hide deleted rows.
		reserve(t, r, 2)
		_, err = r.DB().Exec(`DELETE FROM reservations WHERE namespace = 'points.example'`)
		require.NoError(t, err)
		_, err = verify(r)
		require.ErrorIs(t, err, registry.ErrAudit)
		_, err = r.DB().Exec(`UPDATE audit SET images = (SELECT images FROM audit WHERE kind = 'purge' ORDER BY number LIMIT 1) WHERE kind = 'purge'`)
		require.NoError(t, err)
		_, err = verify(r)
		require.ErrorIs(t, err, registry.ErrAudit)
	})
}
