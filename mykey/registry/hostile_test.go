package registry_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// intrude runs statements like an attacker with all privileges, without the tables'
// constraints.
func intrude(t *testing.T, r *registry.Registry, url string, statements ...string) {
	t.Helper()
	conn, err := r.DB().Conn(ctx)
	require.NoError(t, err)
	defer conn.Close()
	run := func(statement string) {
		_, err := conn.ExecContext(ctx, statement)
		require.NoError(t, err, statement)
	}
	if strings.HasPrefix(url, "sqlite") {
		run(`PRAGMA ignore_check_constraints = on`)
		defer run(`PRAGMA ignore_check_constraints = off`)
	} else {
		for _, table := range []string{"reservations", "holders", "applications", "audit"} {
			dropConstraints(t, conn, table)
		}
	}
	for _, statement := range statements {
		run(statement)
	}
}

func dropConstraints(t *testing.T, conn *sql.Conn, table string) {
	var names []string
	rows, err := conn.QueryContext(ctx, `SELECT conname FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype IN ('c', 'u')`, table)
	require.NoError(t, err)
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	for _, name := range names {
		_, err := conn.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE %s DROP CONSTRAINT %s`, table, name))
		require.NoError(t, err)
	}
}

// Verification returns an AuditError for any value in any column, including values of other
// types that scan as the same value: the terminals' statements do not find those.
//
// Faults: F104.
func TestHostileRowsAreDetected(t *testing.T) {
	both := []string{
		`UPDATE reservations SET version = -1`,
		`UPDATE reservations SET version = 9223372036854775807`,
		`UPDATE reservations SET generation = 4294967297`,
		`UPDATE reservations SET generation = -1`,
		`UPDATE reservations SET attempt = 1099511627776`,
		`UPDATE reservations SET identifier = identifier || '0'`,
		`UPDATE reservations SET expiry = ''`,
		`UPDATE reservations SET state = ''`,
		`UPDATE holders SET place = 0`,
		`UPDATE holders SET turn = -turn`,
		`UPDATE holders SET generation = 4294967297`,
		`UPDATE holders SET identifier = '' WHERE turn = 2`,
		`UPDATE applications SET version = -9223372036854775808`,
		`UPDATE applications SET applied = 9223372036854775807`,
		`UPDATE audit SET generation = 4294967297 WHERE number = 1`,
		`UPDATE audit SET generation = -1 WHERE number = 1`,
		`UPDATE audit SET number = -9223372036854775808 WHERE number = 1`,
		`UPDATE audit SET number = 9223372036854775807 WHERE number = 8`,
		`UPDATE audit SET chain = '' WHERE chain = 'b'`,
		`UPDATE audit SET kind = 'purge' WHERE number = 1`,
	}
	sqlite := []string{
		`UPDATE reservations SET identifier = CAST(identifier AS BLOB)`,
		`UPDATE reservations SET state = CAST(state AS BLOB)`,
		`UPDATE reservations SET recovery = CAST(recovery AS BLOB)`,
		`UPDATE reservations SET version = x'31' WHERE version = 1`,
		`UPDATE reservations SET lineage = CAST(lineage AS TEXT)`,
		`UPDATE reservations SET lineage = 5`,
		`UPDATE reservations SET version = 'x'`,
		`UPDATE reservations SET version = 1.5`,
		`UPDATE holders SET identifier = CAST(identifier AS BLOB)`,
		`UPDATE holders SET place = x'31'`,
		`UPDATE holders SET turn = x'31' WHERE turn = 1`,
		`UPDATE holders SET generation = x'31'`,
		`UPDATE applications SET service = CAST(service AS BLOB)`,
		`UPDATE applications SET identifier = CAST(identifier AS BLOB)`,
		`UPDATE applications SET applied = CAST(CAST(applied AS TEXT) AS BLOB)`,
		`UPDATE audit SET chain = CAST(chain AS BLOB) WHERE chain = 'b' AND number = 5`,
		`UPDATE audit SET kind = CAST(kind AS BLOB) WHERE number = 1`,
		`UPDATE audit SET number = x'35' WHERE chain = 'b' AND number = 5`,
		`UPDATE audit SET images = 7 WHERE number = 1`,
		`UPDATE audit SET operation = operation || x'00' WHERE number = 1`,
		`UPDATE audit SET made = x'00' WHERE number = 1`,
	}
	postgres := []string{
		`UPDATE audit SET operation = operation || '\x00' WHERE number = 1`,
		`UPDATE audit SET hash = '' WHERE number = 1`,
		`UPDATE audit SET signature = ''`,
		`UPDATE applications SET account = ''`,
		`ALTER TABLE reservations ALTER COLUMN lineage DROP NOT NULL; UPDATE reservations SET lineage = NULL`,
		`ALTER TABLE audit ALTER COLUMN images DROP NOT NULL; UPDATE audit SET images = NULL`,
		`ALTER TABLE audit ALTER COLUMN made DROP NOT NULL; UPDATE audit SET made = NULL`,
		`ALTER TABLE applications ALTER COLUMN applied TYPE text`,
	}
	for engine, statements := range map[string][]string{"sqlite": append(both, sqlite...), "postgres": append(both, postgres...)} {
		t.Run(engine, func(t *testing.T) {
			for _, statement := range statements {
				t.Run(statement, func(t *testing.T) {
					url := engines[engine](t)
					r := filled(t, url)
					list, err := keys(r)
					require.NoError(t, err)
					intrude(t, r, url, statement)
					_, err = verifyWith(r, list)
					require.ErrorIs(t, err, registry.ErrAudit)
				})
			}
		})
	}
}

// A row that was temporarily set back to an earlier version is detected if a terminal relied
// on it.
//
// Faults: F105.
func TestTemporarilyRestoredRowsAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		_, err := r.DB().Exec(`CREATE TABLE before_ AS SELECT * FROM reservations`)
		require.NoError(t, err)
		_, err = r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.NoError(t, err)
		_, err = verify(r)
		require.NoError(t, err)
		intrude(t, r, url, `CREATE TABLE after_ AS SELECT * FROM reservations`,
			`DELETE FROM reservations`, `INSERT INTO reservations SELECT * FROM before_`)
		apply(t, r, 1) // relies on the withdrawn reservation
		intrude(t, r, url, `DELETE FROM reservations`, `INSERT INTO reservations SELECT * FROM after_`)
		_, err = verify(r)
		require.ErrorIs(t, err, registry.ErrAudit)
	})
}

// Two applications with the same account are detected, although the first one was hidden
// from the terminal.
//
// Faults: F104.
func TestDuplicateAccountsAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		reserve(t, r, 2)
		apply(t, r, 1)
		intrude(t, r, url, `CREATE TABLE hidden AS SELECT * FROM applications`, `DELETE FROM applications`)
		if strings.HasPrefix(url, "sqlite") { // SQLite can't drop a constraint
			intrude(t, r, url, `ALTER TABLE applications RENAME TO strict`, `CREATE TABLE applications AS SELECT * FROM strict`)
		}
		preview, err := r.Preview(ctx, holder(2), account(1))
		require.NoError(t, err)
		_, err = r.Confirm(ctx, registry.NewOperation(), preview)
		require.NoError(t, err)
		intrude(t, r, url, `INSERT INTO applications SELECT * FROM hidden`)
		_, err = verify(r)
		require.ErrorIs(t, err, registry.ErrAudit)
		list, errs := export(t, r)
		assert.Empty(t, list, "neither application can be trusted")
		assert.Len(t, errs, 2)
	})
}

// OpenOperator returns ErrTerminal for invalid keys, instead of a later panic.
//
// Faults: F132.
func TestInvalidTerminalKeysAreRejected(t *testing.T) {
	url := engines["sqlite"](t)
	r := open(t, url)
	reserve(t, r, 1)
	list, err := keys(r)
	require.NoError(t, err)
	for _, k := range []registry.TerminalKey{{Name: list[0].Name}, {Name: list[0].Name, Key: list[0].Key[:31]}, {Name: "", Key: list[0].Key}} {
		_, err := verifyWith(r, []registry.TerminalKey{k})
		require.ErrorIs(t, err, registry.ErrTerminal)
	}
}

// AuditError quotes a chain's name that contains control characters.
func TestAuditErrorsPrintNoControlCharacters(t *testing.T) {
	url := engines["sqlite"](t)
	r := filled(t, url)
	list, err := keys(r)
	require.NoError(t, err)
	intrude(t, r, url, `UPDATE audit SET chain = 'a' || char(27) || '[2J' WHERE chain = 'a'`)
	_, err = verifyWith(r, list)
	require.ErrorIs(t, err, registry.ErrAudit)
	assert.NotContains(t, err.Error(), "\x1b")
}

// After a purge it is detected that a chain or its last record was removed. A head with
// number 0 is rejected.
func TestChainsRemovedAfterAPurgeAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		heads, err := verify(r)
		require.NoError(t, err)
		_, err = verify(r, registry.Head{Chain: heads[0].Chain})
		require.ErrorIs(t, err, registry.ErrAudit)
		d := desk(t, r)
		defer d.Close()
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		for _, statement := range []string{
			`DELETE FROM audit WHERE chain = 'b' AND number = (SELECT max(number) FROM audit WHERE chain = 'b')`,
			`DELETE FROM audit WHERE chain = 'b'`,
		} {
			_, err = r.DB().Exec(statement)
			require.NoError(t, err)
			_, err = verify(r)
			require.ErrorIs(t, err, registry.ErrAudit)
		}
	})
}

// The record of a purge names the last record of each chain, so that a genuine record of
// another history is detected.
//
// Faults: F110.
func TestChainsReplacedAfterAPurgeAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		d := desk(t, open(t, url))
		defer d.Close()
		at := func(n int) {
			r := openNamed(t, url, "a")
			defer func() { require.NoError(t, r.Close()) }()
			reserve(t, r, n)
		}
		at(1)
		r := open(t, url)
		intrude(t, r, url, `CREATE TABLE copied AS SELECT * FROM audit WHERE chain = 'a'`,
			`DELETE FROM audit WHERE chain = 'a'`, `DELETE FROM reservations`, `DELETE FROM holders`)
		at(2)
		_, err := verify(r)
		require.NoError(t, err)
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		intrude(t, r, url, `DELETE FROM audit WHERE chain = 'a'`, `INSERT INTO audit SELECT * FROM copied`)
		_, err = verify(r)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "a", broken.Chain)
		assert.Equal(t, int64(1), broken.Number)
	})
}

// If a terminal relied on rows that no record describes, its own record shows it, even after
// the rows were deleted.
//
// Faults: F105.
func TestRelianceOnUnrecordedRowsIsDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		reserve(t, openNamed(t, url, "a"), 1)
		r := openNamed(t, url, "b")
		intrude(t, r, url, `DELETE FROM audit WHERE chain = 'a'`)
		_, err := r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.NoError(t, err)
		intrude(t, r, url, `DELETE FROM reservations`, `DELETE FROM holders`)
		_, err = verify(r)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "b", broken.Chain)
		assert.Equal(t, int64(1), broken.Number)
	})
}
