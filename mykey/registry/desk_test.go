package registry_test

import (
	"cmp"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// An export returns the applications that its record lists. Repeated after another
// application was made, it returns ErrOperation and no application.
//
// Faults: F133.
func TestExportMatchesItsRecord(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		apply(t, r, 1)
		d := desk(t, r)
		defer d.Close()
		operation := registry.NewOperation()
		run := func(operation registry.Operation) (list []registry.Application, err error) {
			for a, e := range d.Export(ctx, operation) {
				if err = e; e == nil {
					list = append(list, a)
				}
			}
			return list, err
		}
		for range 2 {
			list, err := run(operation)
			require.NoError(t, err)
			require.Len(t, list, 1)
		}
		reserve(t, r, 2)
		apply(t, r, 2)
		list, err := run(operation)
		require.ErrorIs(t, err, registry.ErrOperation)
		assert.Empty(t, list)

		_, err = r.DB().Exec(`DELETE FROM applications WHERE operation = (SELECT operation FROM audit WHERE kind = 'apply' ORDER BY number LIMIT 1)`)
		require.NoError(t, err)
		list, err = run(registry.NewOperation())
		require.ErrorIs(t, err, registry.ErrAudit, "one is missing")
		assert.Len(t, list, 1)
		if strings.HasPrefix(url, "sqlite") { // an application that can't be read
			reserve(t, r, 3)
			apply(t, r, 3)
			_, err = r.DB().Exec(`UPDATE applications SET identifier = CAST(identifier AS BLOB) WHERE operation = (SELECT operation FROM audit WHERE kind = 'apply' ORDER BY number DESC LIMIT 1)`)
			require.NoError(t, err)
			list, err = run(registry.NewOperation())
			require.ErrorIs(t, err, registry.ErrAudit)
			assert.Len(t, list, 1)
		}
	})
}

// Erase returns ErrUnavailable while the file still contains the account.
//
// Faults: F110.
func TestEraseFailsWhileAnotherProgramReads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, "sqlite:"+file)
	id := reserve(t, r, 1).ID
	apply(t, r, 1)
	sealed := rows(t, r, "applications")[0]["sealed"]
	d := desk(t, r)
	defer d.Close()
	d.LimitRetries()
	reader, err := r.DB().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	var n int
	require.NoError(t, reader.QueryRow(`SELECT count(*) FROM audit`).Scan(&n))
	operation := registry.NewOperation()
	require.ErrorIs(t, d.Erase(ctx, operation, id, "c1"), registry.ErrUnavailable)
	require.NoError(t, reader.Rollback())
	require.NoError(t, d.Erase(ctx, operation, id, "c1"))
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(file + suffix)
		require.NoError(t, err)
		assert.NotContains(t, string(b), sealed[:32])
	}
}

// An application that is made during an export is left to the next export.
//
// Faults: F133.
func TestExportExcludesNewApplications(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		people := []int{1, 2, 3}
		ids := map[int]mykey.ID{}
		for _, n := range people {
			ids[n] = reserve(t, r, n).ID
		}
		slices.SortFunc(people, func(a, b int) int { return cmp.Compare(ids[a], ids[b]) })
		apply(t, r, people[0])
		apply(t, r, people[1])
		list, err := keys(r)
		require.NoError(t, err)
		d, err := registry.OpenDesk(ctx, url, r.Namespace(), list, terminal(nextName()), registry.WithPageSize(1))
		require.NoError(t, err)
		defer d.Close()
		var exported []mykey.ID
		for a, err := range d.Export(ctx, registry.NewOperation()) {
			require.NoError(t, err)
			if exported = append(exported, a.ID); len(exported) == 1 {
				apply(t, r, people[2])
			}
		}
		assert.Equal(t, []mykey.ID{ids[people[0]], ids[people[1]]}, exported)
	})
}

// A purge does not affect a chain of the same name in another namespace.
//
// Faults: F110.
func TestPurgeIsLimitedToItsNamespace(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		library := openAs(t, url, terminal("a"), generation(t, "library.example", 1))
		reserve(t, library, 1)
		reserve(t, library, 2)
		r := openNamed(t, url, "a")
		reserve(t, r, 1)
		d := desk(t, r)
		defer d.Close()
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		for _, each := range []*registry.Registry{library, r} {
			_, err := verify(each)
			require.NoError(t, err)
		}
	})
}
