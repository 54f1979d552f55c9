package registry_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// What an export hands out is what its record says: repeated after another application
// it hands out nothing.
//
// Faults: F133.
func TestAnExportIsWhatItsRecordSays(t *testing.T) {
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
		if strings.HasPrefix(url, "sqlite") { // and one can't be read
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

// Erasing does not report success while the bytes are in the file.
//
// Faults: F110.
func TestErasingBesideAReader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, "sqlite:"+file)
	id := reserve(t, r, 1).ID
	apply(t, r, 1)
	sealed := rows(t, r, "applications")[0]["sealed"]
	d := desk(t, r)
	defer d.Close()
	d.Hasten()
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
