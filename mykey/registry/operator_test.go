package registry_test

import (
	"bytes"
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

// What reads never makes a database or writes in one: a mistyped name is no clean
// audit.
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

// An application that was altered is told apart, and the others are exported; each
// export leaves its record before anything is handed out.
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
		var good []registry.Application
		var bad []registry.Application
		for a, err := range d.Export(ctx, operation) {
			if err != nil {
				require.ErrorIs(t, err, registry.ErrAudit)
				bad = append(bad, a)
				continue
			}
			assert.NotEqual(t, victim.ID, a.ID)
			_, err := a.Open(operator)
			require.NoError(t, err)
			good = append(good, a)
		}
		assert.Len(t, good, 4)
		require.Len(t, bad, 1)
		assert.Equal(t, victim.ID, bad[0].ID)
		assert.Empty(t, bad[0].Sealed, "the operator would open it")
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
		assert.Equal(t, 1, countExports(), "the same export")
		for range d.Export(ctx, registry.NewOperation()) {
			break
		}
		assert.Equal(t, 2, countExports(), "another, though the loop ended early")

		_, err = r.DB().Exec(`UPDATE audit SET made = made + 1 WHERE kind = 'apply' AND number = 4`)
		require.NoError(t, err)
		count := 0
		for a, err := range d.Export(ctx, registry.NewOperation()) {
			require.ErrorIs(t, err, registry.ErrAudit)
			assert.Zero(t, a)
			count++
		}
		assert.Equal(t, 1, count, "nothing is handed out of a registry whose records can't be believed")
		assert.Equal(t, 2, countExports())
		require.NoError(t, d.Close())
	})
}

// A holder's account is erased with nothing left of it, and the audit passes, before
// and after others go on.
//
// Faults: F110.
func TestErase(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		mine, err := r.Reserve(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
		require.NoError(t, err)
		apply(t, r, 1)
		sealed := rows(t, r, "applications")[0]["sealed"]
		require.NotEmpty(t, sealed)

		d := desk(t, r)
		defer d.Close()
		operation := registry.NewOperation()
		require.ErrorIs(t, d.Erase(ctx, operation, mine.ID, "a name"), registry.ErrClerk)
		require.ErrorIs(t, d.Erase(ctx, operation, "00000000", "c1"), registry.ErrNotFound)
		require.NoError(t, d.Erase(ctx, operation, mine.ID, "c1"))
		require.NoError(t, d.Erase(ctx, operation, mine.ID, "c1"), "the same once more")
		require.ErrorIs(t, d.Erase(ctx, operation, mine.ID, "c2"), registry.ErrOperation)
		row := rows(t, r, "applications")[0]
		assert.Empty(t, row["sealed"])
		_, err = verify(r)
		require.NoError(t, err)
		assert.Empty(t, applications(t, r))
		_, err = r.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)

		reserve(t, r, 2)
		preview, err := r.Preview(ctx, holder(2), account(1))
		require.NoError(t, err, "the account is nobody's now")
		_, err = r.Confirm(ctx, registry.NewOperation(), preview)
		require.NoError(t, err)
		reserve(t, r, 1)
		_, err = r.Preview(ctx, holder(1), account(3))
		require.ErrorIs(t, err, registry.ErrApplied, "the application was made")
		_, err = verify(r)
		require.NoError(t, err)

		require.NoError(t, d.Erase(ctx, registry.NewOperation(), mine.ID, "c1"), "there is nothing left to erase")
		_, err = verify(r)
		require.NoError(t, err)

		_, err = r.DB().Exec(`UPDATE applications SET sealed = account WHERE identifier = $1`, mine.ID.String())
		require.NoError(t, err)
		_, err = verify(r)
		require.ErrorIs(t, err, registry.ErrAudit, "an erased account that is back")
	})
}

// Nothing is left in the file of what was erased or purged.
//
// Faults: F110.
func TestErasedBytesAreOverwritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, "sqlite:"+file)
	mine := reserve(t, r, 1)
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
	require.NoError(t, d.Erase(ctx, registry.NewOperation(), mine.ID, "c1"))
	assert.False(t, inFile(sealed))
	handle := rows(t, r, "holders")[0]["handle"]
	require.True(t, inFile(handle))
	require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
	assert.False(t, inFile(handle))
}

// A registry in which nobody has an identifier yet is purged like any other.
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

// After a campaign everything about its holders is deleted, with a record; the audit
// passes, and whoever comes afterwards is new.
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
		require.NoError(t, d.Purge(ctx, operation, "c1"), "the same once more")
		for _, table := range []string{"reservations", "holders", "applications"} {
			for _, row := range rows(t, r, table) {
				assert.Equal(t, "library.example", row["namespace"], table)
			}
		}
		_, err = verify(r, before...)
		require.NoError(t, err)
		_, err = verify(library)
		require.NoError(t, err)

		mine := reserve(t, r, 1)
		assert.True(t, mine.New)
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

		// A purge that nobody made does not hide rows that are gone.
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

// An operation that an operator's desk has a record of is refused to a terminal.
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

// A day's events are counted at each terminal, in Japan's days.
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

func TestParseTerminalAndKeys(t *testing.T) {
	a, err := registry.GenerateTerminal("a")
	require.NoError(t, err)
	again, err := registry.ParseTerminal(a.RevealText())
	require.NoError(t, err)
	assert.Equal(t, a.Public(), again.Public())
	list, err := registry.ParseTerminalKeys([]byte("# terminals\r\n\r\n" + a.Public().String() + "\r\n" + terminal("b").Public().String()))
	require.NoError(t, err)
	assert.Equal(t, []registry.TerminalKey{a.Public(), terminal("b").Public()}, list)
	line := a.Public().String()
	for _, text := range []string{"a", "a 00", line + "00", "ä" + line[1:], line + "\n" + line, string(a.RevealText()[:40])} {
		_, err := registry.ParseTerminalKeys([]byte(text))
		require.ErrorIs(t, err, registry.ErrTerminal, text)
	}
	for _, text := range []string{"", "a", "a zz", "a 00", "b c " + line} {
		_, err := registry.ParseTerminal([]byte(text))
		require.ErrorIs(t, err, registry.ErrTerminal, text)
	}
}
