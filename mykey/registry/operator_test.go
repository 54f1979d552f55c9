package registry_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// OpenOperator and OpenDesk create no database, and an Operator writes nothing. A mistyped
// name must not give a clean audit.
//
// Faults: F99.
func TestOperatorsDoNotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mistyped.db")
	_, err := registry.OpenOperator(ctx, "sqlite:"+file, "points.example", nil)
	require.ErrorIs(t, err, registry.ErrUnavailable)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = registry.OpenDesk(ctx, "sqlite:"+file, "points.example", nil, terminal("desk"))
	require.ErrorIs(t, err, registry.ErrUnavailable)
	assert.NoFileExists(t, file)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = registry.OpenOperator(ctx, "sqlite:"+file, "points.example", nil)
	require.ErrorIs(t, err, registry.ErrUnavailable)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Zero(t, info.Size())

	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		before := map[string]int{}
		tables := []string{"generations", "reservations", "holders", "applications", "terminals", "audit", "tallies"}
		for _, table := range tables {
			before[table] = len(rows(t, r, table))
		}
		o, err := registry.OpenOperator(ctx, url, "another.example", nil)
		require.NoError(t, err)
		report, err := o.Verify(ctx)
		require.NoError(t, err)
		assert.Zero(t, report, "an empty registry")
		_, err = o.Statistics(ctx)
		require.NoError(t, err)
		require.NoError(t, o.Close())
		for _, table := range tables {
			assert.Len(t, rows(t, r, table), before[table], table)
		}
	})
}

func TestReportCountsRows(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		list, err := keys(r)
		require.NoError(t, err)
		o, err := registry.OpenOperator(ctx, url, "points.example", list)
		require.NoError(t, err)
		defer o.Close()
		report, err := o.Verify(ctx)
		require.NoError(t, err)
		assert.Equal(t, []int64{13, 10, 1, 2}, []int64{report.Records, report.Reservations, report.Applications, int64(len(report.Heads))})
	})
}

// An altered application is reported without its content, and the others are exported. Each
// export appends its record before it returns an application.
//
// Faults: F112.
func TestExport(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		for n := range 5 {
			reserve(t, r, n)
			apply(t, r, n)
		}
		victim := reserve(t, r, 3)
		attacker := registry.NewAccount("Example Pay", "attacker", "0000")
		sealed, err := registry.Seal(operator.PublicKey(), "points.example", victim.ID, attacker)
		require.NoError(t, err)
		_, err = r.DB().Exec(`UPDATE applications SET sealed = $1 WHERE identifier = $2`, sealed, victim.ID.String())
		require.NoError(t, err)

		d := desk(t, r)
		operation := registry.NewOperation()
		var intact []registry.Application
		var altered []registry.Application
		for a, err := range d.Export(ctx, operation) {
			if err != nil {
				require.ErrorIs(t, err, registry.ErrAudit)
				altered = append(altered, a)
				continue
			}
			assert.NotEqual(t, victim.ID, a.ID)
			_, err := a.Open(operator)
			require.NoError(t, err)
			intact = append(intact, a)
		}
		assert.Len(t, intact, 4)
		require.Len(t, altered, 1)
		assert.Equal(t, victim.ID, altered[0].ID)
		assert.Empty(t, altered[0].Sealed, "the operator must not open it")
		countExports := func() (n int) {
			for _, row := range rows(t, r, "audit") {
				if row["kind"] == "export" {
					n++
				}
			}
			return n
		}
		assert.Equal(t, 1, countExports())
		for range d.Export(ctx, operation) {
			break
		}
		assert.Equal(t, 1, countExports(), "the same operation")
		for range d.Export(ctx, registry.NewOperation()) {
			break
		}
		assert.Equal(t, 2, countExports(), "another operation, although the loop ended early")

		_, err = r.DB().Exec(`UPDATE audit SET made = made + 1 WHERE kind = 'apply' AND number = 4`)
		require.NoError(t, err)
		count := 0
		for a, err := range d.Export(ctx, registry.NewOperation()) {
			require.ErrorIs(t, err, registry.ErrAudit)
			assert.Zero(t, a)
			count++
		}
		assert.Equal(t, 1, count, "nothing must be exported with a broken chain")
		assert.Equal(t, 2, countExports())
		require.NoError(t, d.Close())
	})
}

// An operation that a desk has used is rejected at a terminal, and the other way round.
//
// Faults: F132.
func TestOperationsAreUniqueAcrossDesksAndTerminals(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		id := reserve(t, r, 1).ID
		d := desk(t, r)
		defer d.Close()
		erased, own := registry.NewOperation(), registry.NewOperation()
		require.NoError(t, d.Erase(ctx, erased, id, "c1"))
		_, err := r.Reserve(ctx, erased, holder(2), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrOperation)
		_, err = r.Reserve(ctx, own, holder(2), registry.RecoveryCode{})
		require.NoError(t, err)
		require.ErrorIs(t, d.Erase(ctx, own, id, "c1"), registry.ErrOperation)
	})
}

// Events are counted per terminal and day in Japan's time zone.
func TestStatistics(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := time.Date(2026, 4, 1, 14, 59, 59, 0, time.UTC) // 23:59:59 in Japan
		clock := registry.WithClock(func() time.Time { return now })
		a, b := openNamed(t, url, "a", clock), openNamed(t, url, "b", clock)
		for range 3 {
			require.NoError(t, a.Tally(ctx, "visit"))
		}
		require.NoError(t, b.Tally(ctx, "visit"))
		reserve(t, a, 1)
		now = now.Add(time.Second)
		require.NoError(t, a.Tally(ctx, "PIN_WRONG"))
		reserve(t, a, 2)
		reserve(t, a, 3)
		for _, event := range []string{"", "a name", fmt.Sprintf("%065d", 0)} {
			require.ErrorIs(t, a.Tally(ctx, event), registry.ErrEvent)
		}
		o, err := registry.OpenOperator(ctx, url, "points.example", nil)
		require.NoError(t, err)
		defer o.Close()
		counts, err := o.Statistics(ctx)
		require.NoError(t, err)
		assert.Equal(t, []registry.Count{
			{"2026-04-01", "a", "record:reserve", 1}, {"2026-04-01", "a", "visit", 3}, {"2026-04-01", "b", "visit", 1},
			{"2026-04-02", "a", "PIN_WRONG", 1}, {"2026-04-02", "a", "record:reserve", 2},
		}, counts)
	})
}
