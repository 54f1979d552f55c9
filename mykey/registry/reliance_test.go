package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Each change records the rows that it relied on: a row that was altered at that time is
// detected, even after the alteration was undone.
//
// Faults: F105.
func TestAlterationsThatAChangeReliedOnAreDetected(t *testing.T) {
	withdraw := func(t *testing.T, r *registry.Registry, n int) {
		_, err := r.Withdraw(ctx, registry.NewOperation(), holder(n))
		require.NoError(t, err)
	}
	renew := func(t *testing.T, r *registry.Registry, by registry.RenewalProof) {
		_, err := r.Renew(ctx, registry.NewOperation(), holder(2), by, registry.RecoveryCode{})
		require.NoError(t, err)
	}
	for name, test := range map[string]struct {
		before, change func(t *testing.T, r *registry.Registry, id mykey.ID)
	}{
		"moved to the current generation": {change: func(t *testing.T, r *registry.Registry, _ mykey.ID) { reserve(t, r, 1) }},
		"reserved again": {
			func(t *testing.T, r *registry.Registry, _ mykey.ID) { withdraw(t, r, 1) },
			func(t *testing.T, r *registry.Registry, _ mykey.ID) { reserve(t, r, 1) },
		},
		"applied":     {change: func(t *testing.T, r *registry.Registry, _ mykey.ID) { apply(t, r, 1) }},
		"withdrawn":   {change: func(t *testing.T, r *registry.Registry, _ mykey.ID) { withdraw(t, r, 1) }},
		"by old card": {change: func(t *testing.T, r *registry.Registry, _ mykey.ID) { renew(t, r, registry.ByOldCard(holder(1))) }},
		"merged": {
			func(t *testing.T, r *registry.Registry, _ mykey.ID) { reserve(t, r, 2) },
			func(t *testing.T, r *registry.Registry, id mykey.ID) { renew(t, r, registry.MergeByClerk(id, "c1")) },
		},
		"by a clerk, for a card that had withdrawn": {
			func(t *testing.T, r *registry.Registry, _ mykey.ID) { reserve(t, r, 2); withdraw(t, r, 2) },
			func(t *testing.T, r *registry.Registry, id mykey.ID) { renew(t, r, registry.ByClerk(id, "c1")) },
		},
	} {
		for table, statements := range map[string][2]string{
			"reservations": {`UPDATE reservations SET attempt = attempt + 50`, `UPDATE reservations SET attempt = attempt - 50 WHERE attempt >= 50`},
			"holders":      {`UPDATE holders SET generation = generation + 50`, `UPDATE holders SET generation = generation - 50 WHERE generation > 50`},
		} {
			t.Run(name+"/"+table, func(t *testing.T) {
				url := engines["sqlite"](t)
				first := openNamed(t, url, "a")
				id := reserve(t, first, 1).ID
				if test.before != nil {
					test.before(t, first, id)
				}
				r := openAs(t, url, terminal("b"), generation(t, "points.example", 2), registry.WithOtherGenerations(generation(t, "points.example", 1)))
				execute := func(statement string) {
					_, err := r.DB().Exec(statement)
					require.NoError(t, err)
				}
				execute(statements[0])
				test.change(t, r, id)
				execute(statements[1])
				_, err := verify(r)
				var broken *registry.AuditError
				require.ErrorAs(t, err, &broken)
				assert.Equal(t, "b", broken.Chain)
				assert.Equal(t, int64(1), broken.Number)
			})
		}
	}
}

// A row that was set back and changed again at another terminal is detected, because two
// records made the same version.
//
// Faults: F104.
func TestDuplicateVersionsAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		a, b := openNamed(t, url, "a"), openNamed(t, url, "b")
		reserve(t, a, 1)
		intrude(t, a, url, `CREATE TABLE before_ AS SELECT * FROM reservations`)
		for _, r := range []*registry.Registry{a, b} {
			_, err := r.ReplaceRecoveryCode(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
			require.NoError(t, err)
			if r == a {
				intrude(t, a, url, `DELETE FROM reservations`, `INSERT INTO reservations SELECT * FROM before_`)
			}
		}
		_, err := verify(a)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "b", broken.Chain)
	})
}

// A terminal that has relied on a version of a row can't make that version: it is detected
// that another chain's record was removed and its change repeated.
//
// Faults: F104.
func TestRepeatedVersionsAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		a, b := openNamed(t, url, "a"), openNamed(t, url, "b")
		reserve(t, a, 1)
		intrude(t, a, url, `CREATE TABLE before_ AS SELECT * FROM reservations`)
		code := registry.NewRecoveryCode()
		_, err := b.ReplaceRecoveryCode(ctx, registry.NewOperation(), holder(1), code)
		require.NoError(t, err)
		apply(t, a, 1)
		intrude(t, a, url, `DELETE FROM audit WHERE chain = 'b'`, `DELETE FROM reservations`, `INSERT INTO reservations SELECT * FROM before_`)
		_, err = a.ReplaceRecoveryCode(ctx, registry.NewOperation(), holder(1), code)
		require.NoError(t, err)
		_, err = verify(a)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "a", broken.Chain)
		assert.Equal(t, int64(3), broken.Number)
	})
}

// Export reports an application without an identifier, although it can't name it.
//
// Faults: F133.
func TestExportReportsUnnamedApplications(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		apply(t, r, 1)
		intrude(t, r, url, `UPDATE applications SET identifier = ''`)
		list, errs := export(t, r)
		assert.Empty(t, list)
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], registry.ErrAudit)
	})
}

// An alteration of any column of a row is detected.
//
// Faults: F104.
func TestEveryColumnIsAudited(t *testing.T) {
	url := engines["sqlite"](t)
	r := open(t, url)
	reserve(t, r, 1)
	apply(t, r, 1)
	for table, columns := range map[string]map[string]string{
		"reservations": {
			"identifier": `'00000000'`, "generation": `generation + 1`, "attempt": `attempt + 1`, "lineage": `operation`, "state": `'withdrawn'`,
			"expiry": `'2031-01'`, "recovery": `'another'`, "operation": `lineage`, "version": `version + 1`, "namespace": `'another'`,
		},
		"holders": {
			"handle": `(SELECT request FROM audit)`, "place": `place + 1`, "generation": `generation + 1`, "identifier": `'00000000'`,
			"turn": `turn + 1`, "subject": `(SELECT request FROM audit)`, "namespace": `'another'`,
		},
		"applications": {
			"lineage": `operation`, "identifier": `'00000000'`, "service": `'another'`, "account": `(SELECT request FROM audit)`, "sealed": `operation`,
			"applied": `applied + 1`, "operation": `lineage`, "version": `version + 1`, "namespace": `'another'`,
		},
	} {
		execute := func(statement string) {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err, statement)
		}
		execute(`CREATE TABLE saved AS SELECT * FROM ` + table)
		for column := range rows(t, r, table)[0] {
			require.Contains(t, columns, column, table)
			execute(`UPDATE ` + table + ` SET ` + column + ` = ` + columns[column])
			_, err := verify(r)
			assert.ErrorIs(t, err, registry.ErrAudit, "%s.%s", table, column)
			execute(`DELETE FROM ` + table)
			execute(`INSERT INTO ` + table + ` SELECT * FROM saved`)
			_, err = verify(r)
			require.NoError(t, err)
		}
		execute(`DROP TABLE saved`)
	}
}
