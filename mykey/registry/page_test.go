package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Exports and verification read more rows than a page holds.
func TestRowsAreReadInPages(t *testing.T) {
	r := open(t, engines["sqlite"](t), registry.WithPageSize(5))
	const holders = 11
	for n := range holders {
		reserve(t, r, n)
		apply(t, r, n)
	}
	exported := map[mykey.ID]bool{}
	for _, a := range applications(t, r) {
		exported[a.ID] = true
	}
	assert.Len(t, exported, holders)
	heads, err := verify(r)
	require.NoError(t, err)
	assert.Equal(t, int64(2*holders), heads[0].Number)
	d := desk(t, r)
	for range d.Export(ctx, registry.NewOperation()) {
		break // a loop may end early
	}
	require.NoError(t, d.Close())
	for _, number := range []int{5, 6, 15, 22} {
		_, err := r.DB().Exec(`UPDATE audit SET made = made + 1 WHERE number = $1`, number)
		require.NoError(t, err)
		_, err = verify(r)
		require.Error(t, err, "record %d", number)
		_, err = r.DB().Exec(`UPDATE audit SET made = made - 1 WHERE number = $1`, number)
		require.NoError(t, err)
	}
}
