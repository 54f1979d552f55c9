package registry_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// auditor signs the checkpoints of tests.
var auditor = terminal("auditor")

// verifyFrom verifies r from a checkpoint, which may be nil.
func verifyFrom(t testing.TB, r *registry.Registry, checkpoint []byte) (registry.Report, error) {
	t.Helper()
	return verifyAs(t, r, registry.Verification{Auditor: auditor, Checkpoint: checkpoint})
}

func verifyAs(t testing.TB, r *registry.Registry, v registry.Verification) (registry.Report, error) {
	t.Helper()
	o := auditing(t, r)
	defer func() { require.NoError(t, o.Close()) }()
	return o.VerifyWith(ctx, v)
}

// auditing returns an operator that reads small pages.
func auditing(t testing.TB, r *registry.Registry) *registry.Operator {
	t.Helper()
	list, err := keys(r)
	require.NoError(t, err)
	url, _ := urls.Load(r)
	o, err := registry.OpenOperator(ctx, url.(string), r.Namespace(), list)
	require.NoError(t, err)
	o.SetPageSize(1)
	return o
}

// later makes changes after a checkpoint: of new rows, and of rows of the checkpoint.
func later(t *testing.T, r *registry.Registry) {
	t.Helper()
	reserve(t, r, 40)
	apply(t, r, 40)
	apply(t, r, 4)
	_, err := r.Withdraw(ctx, registry.NewOperation(), holder(1))
	require.NoError(t, err)
	_, err = r.Renew(ctx, registry.NewOperation(), holder(41), registry.ByOldCard(holder(0)), registry.RecoveryCode{})
	require.NoError(t, err)
	_, err = r.ReplaceRecoveryCode(ctx, registry.NewOperation(), holder(4), registry.NewRecoveryCode())
	require.NoError(t, err)
	_, err = r.ReplaceRecoveryCode(ctx, registry.NewOperation(), holder(4), registry.NewRecoveryCode())
	require.NoError(t, err)
}

// A verification from a checkpoint gives the report of a full one, again and again.
func TestCheckpoint(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		first, err := verifyFrom(t, r, nil)
		require.NoError(t, err)
		for range 2 {
			again, err := verifyFrom(t, r, first.Checkpoint)
			require.NoError(t, err)
			assert.Equal(t, first.Heads, again.Heads)
			assert.NotEqual(t, first.Checkpoint, again.Checkpoint, "each sum has its own key")
		}
		later(t, r)
		third := openNamed(t, url, "c") // a chain that the checkpoint does not contain
		apply(t, third, 11)
		full, err := verifyFrom(t, r, nil)
		require.NoError(t, err)
		second, err := verifyFrom(t, r, first.Checkpoint)
		require.NoError(t, err)
		last, err := verifyFrom(t, r, second.Checkpoint)
		require.NoError(t, err)
		for _, report := range []*registry.Report{&full, &second, &last} {
			assert.NotEmpty(t, report.Checkpoint)
			report.Checkpoint = nil
		}
		assert.Equal(t, full, second)
		assert.Equal(t, full, last)
		assert.Len(t, full.Heads, 3)
	})
}

// A verification from a checkpoint detects what was altered before or after the checkpoint,
// except for records before it.
//
// Faults: F104, F105, F111.
func TestTamperingSinceACheckpointIsDetected(t *testing.T) {
	const old, recent = `operation = (SELECT operation FROM audit WHERE chain = 'b' AND number = 1)`, `operation = (SELECT operation FROM audit WHERE chain = 'a' AND number = 9)`
	tampering := map[string]struct {
		statements []string
		reason     string
	}{
		"an old reservation altered":       {[]string{`UPDATE reservations SET expiry = '2099-01' WHERE ` + old}, "since the checkpoint"},
		"an old version set back":          {[]string{`UPDATE reservations SET version = version + 1 WHERE ` + old}, "since the checkpoint"},
		"an old reservation removed":       {[]string{`DELETE FROM reservations WHERE ` + old}, "reservations that were removed: 1"},
		"an old holder altered":            {[]string{`UPDATE holders SET turn = turn + 1 WHERE turn = 2`}, "holders that do not match"},
		"an old application altered":       {[]string{`UPDATE applications SET applied = applied + 1`}, "applications that do not match"},
		"a reservation replaced":           {[]string{`UPDATE reservations SET operation = lineage WHERE ` + old}, "since the checkpoint"},
		"two reservations exchanged":       {swapIdentifiers(`(SELECT identifier FROM reservations WHERE operation IN (SELECT operation FROM audit WHERE chain = 'b' AND number < 3))`), "since the checkpoint"},
		"a holder added":                   {[]string{`INSERT INTO holders SELECT namespace, handle, place + 7, generation, identifier, turn + 7, subject FROM holders WHERE turn = 2`}, "since the checkpoint"},
		"a new reservation altered":        {[]string{`UPDATE reservations SET expiry = '2099-01' WHERE ` + recent}, "reservations that do not match the records: 1"},
		"a new reservation removed":        {[]string{`DELETE FROM reservations WHERE ` + recent}, "reservations that were removed: 1"},
		"a changed reservation set back":   {[]string{`DELETE FROM reservations`, `INSERT INTO reservations SELECT * FROM first_reservations`}, "reservations that do not match"},
		"a new record altered":             {[]string{`UPDATE audit SET made = made + 1 WHERE chain = 'a' AND number = 10`}, "record 10 of a"},
		"a new record removed":             {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 10`}, "record 10 of a"},
		"the last record removed":          {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = (SELECT max(number) FROM audit WHERE chain = 'a')`}, "reservations that do not match"},
		"the last signature altered":       {[]string{`UPDATE audit SET signature = (SELECT signature FROM audit WHERE chain = 'a' AND number = 1)`}, "not signed"},
		"the head of the checkpoint":       {[]string{`UPDATE audit SET hash = request WHERE chain = 'b' AND number = 5`}, "record 5 of b"},
		"the head under a new record":      {[]string{`UPDATE audit SET hash = request WHERE chain = 'a' AND number = 8`}, "record 8 of a"},
		"a chain truncated":                {[]string{`DELETE FROM audit WHERE chain = 'b' AND number > 2`}, "record 3 of b"},
		"a chain removed":                  {[]string{`DELETE FROM audit WHERE chain = 'b'`}, "record 1 of b"},
		"an old record removed":            {[]string{`DELETE FROM audit WHERE chain = 'b' AND number = 2`}, "its chains have"},
		"a record of a foreign chain":      {[]string{`UPDATE audit SET chain = 'x' WHERE chain = 'b' AND number = 2`}, "no key"},
		"everything set back":              {[]string{`DELETE FROM reservations`, `DELETE FROM holders`, `DELETE FROM applications`, `INSERT INTO reservations SELECT * FROM first_reservations`, `INSERT INTO holders SELECT * FROM first_holders`, `INSERT INTO applications SELECT * FROM first_applications`}, "reservations that do not match"},
		"everything set back with records": {[]string{`DELETE FROM reservations`, `DELETE FROM holders`, `DELETE FROM applications`, `DELETE FROM audit`}, "record 1 of a"},
	}
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		report, err := verifyFrom(t, r, nil)
		require.NoError(t, err)
		tables := []string{"audit", "reservations", "holders", "applications"}
		run := func(t *testing.T, statement string) {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err, statement)
		}
		for _, table := range tables {
			run(t, `CREATE TABLE first_`+table+` AS SELECT * FROM `+table)
		}
		later(t, r)
		for _, table := range tables {
			run(t, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
		}
		for name, tt := range tampering {
			t.Run(name, func(t *testing.T) {
				for _, statement := range tt.statements {
					result, err := r.DB().Exec(statement)
					require.NoError(t, err, statement)
					n, err := result.RowsAffected()
					require.NoError(t, err)
					require.Positive(t, n, statement)
				}
				o := auditingAll(t, url)
				_, err := o.VerifyWith(ctx, registry.Verification{Auditor: auditor, Checkpoint: report.Checkpoint})
				require.ErrorIs(t, err, registry.ErrAudit)
				assert.ErrorContains(t, err, tt.reason)
			})
			for _, table := range tables {
				run(t, `DELETE FROM `+table)
				run(t, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
			}
		}
		_, err = verifyFrom(t, r, report.Checkpoint)
		require.NoError(t, err)

		run(t, `UPDATE audit SET clerk = 'x' WHERE chain = 'b' AND number = 2`)
		_, err = verifyFrom(t, r, report.Checkpoint)
		require.NoError(t, err, "as documented, records before the checkpoint are not read")
		_, err = verifyFrom(t, r, nil)
		require.ErrorContains(t, err, "record 2 of b")
	})
}

// auditingAll is like auditing for the terminals a and b, even if they have no records.
func auditingAll(t testing.TB, url string) *registry.Operator {
	o, err := registry.OpenOperator(ctx, url, "points.example", []registry.TerminalKey{terminal("a").Public(), terminal("b").Public()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	o.SetPageSize(1)
	return o
}

// A row of the checkpoint that was altered when a terminal relied on it is detected from the
// checkpoint, after the alteration was undone or overwritten.
//
// Faults: F105.
func TestReliancesOnRowsOfACheckpoint(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		for name, change := range map[string]func(t *testing.T, r *registry.Registry){
			"relied on":    func(t *testing.T, r *registry.Registry) { apply(t, r, 1) },
			"changed":      func(t *testing.T, r *registry.Registry) { _, _ = r.Withdraw(ctx, registry.NewOperation(), holder(1)) },
			"changed, new": func(t *testing.T, r *registry.Registry) { later(t, r) },
		} {
			t.Run(name, func(t *testing.T) {
				for column, statements := range map[string][2]string{
					"attempt": {`UPDATE reservations SET attempt = attempt + 50`, `UPDATE reservations SET attempt = attempt - 50 WHERE attempt >= 50`},
					"version": {`UPDATE reservations SET version = version + 1`, `UPDATE reservations SET version = version - 1`},
				} {
					database := sameEngine(t, url)
					r := openNamed(t, database, "a")
					for _, n := range []int{0, 1, 4} {
						reserve(t, r, n)
					}
					report, err := verifyFrom(t, r, nil)
					require.NoError(t, err)
					intrude(t, r, database, statements[0])
					change(t, r)
					intrude(t, r, database, statements[1])
					_, err = verifyFrom(t, r, report.Checkpoint)
					require.ErrorIs(t, err, registry.ErrAudit, column)
				}
			})
		}
	})
}

// A purge after the checkpoint deletes the rows of the checkpoint, except for enrolled
// terminals. Rows that remain, and enrolled terminals that were altered, are detected.
func TestPurgeAfterACheckpoint(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		d := desk(t, r)
		defer d.Close()
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("kiosk-1", registry.RoleTerminal)))
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("kiosk-2", registry.RoleTerminal)))
		report, err := verifyFrom(t, r, nil)
		require.NoError(t, err)
		later(t, r)
		_, err = r.DB().Exec(`CREATE TABLE kept AS SELECT * FROM holders`)
		require.NoError(t, err)
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		require.NoError(t, d.Revoke(ctx, registry.NewOperation(), "kiosk-2"))
		reserve(t, r, 3)
		purged, err := verifyFrom(t, r, report.Checkpoint)
		require.NoError(t, err)
		assert.Equal(t, int64(1), purged.Purges)
		assert.Equal(t, int64(1), purged.Reservations)
		again, err := verifyFrom(t, r, purged.Checkpoint)
		require.NoError(t, err)
		assert.Equal(t, int64(1), again.Purges)
		for _, statements := range [][2]string{
			{`INSERT INTO holders SELECT * FROM kept WHERE turn = 2`, `DELETE FROM holders WHERE turn = 2`},
			{`UPDATE enrolled SET serial = '2f' WHERE name = 'kiosk-1'`, `UPDATE enrolled SET serial = '1f' WHERE name = 'kiosk-1'`},
		} {
			_, err = r.DB().Exec(statements[0])
			require.NoError(t, err)
			for _, checkpoint := range [][]byte{nil, report.Checkpoint, purged.Checkpoint} {
				_, err = verifyFrom(t, r, checkpoint)
				require.ErrorIs(t, err, registry.ErrAudit, statements[0])
			}
			_, err = r.DB().Exec(statements[1])
			require.NoError(t, err)
			_, err = verifyFrom(t, r, report.Checkpoint)
			require.NoError(t, err)
		}
	})
}

// A checkpoint that was altered, or signed by another auditor or for another namespace, is
// rejected. A checkpoint of another database does not match the records.
func TestForeignCheckpointsAreRejected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		report, err := verifyFrom(t, r, nil)
		require.NoError(t, err)
		genuine := report.Checkpoint
		library := openAs(t, url, terminal("l"), generation(t, "library.example", 2))
		other, err := verifyFrom(t, library, nil)
		require.NoError(t, err)
		stranger, err := verifyAs(t, r, registry.Verification{Auditor: terminal("stranger")})
		require.NoError(t, err)
		for name, checkpoint := range map[string][]byte{
			"empty":             {},
			"text":              []byte("a 1 00"),
			"null":              []byte("null"),
			"altered":           bytes.Replace(genuine, []byte(`"rows":1`), []byte(`"rows":2`), 1),
			"signature":         bytes.Replace(genuine, []byte(`"signature":"`), []byte(`"signature":"A`), 1),
			"another namespace": other.Checkpoint,
			"another auditor":   stranger.Checkpoint,
		} {
			t.Run(name, func(t *testing.T) {
				require.NotEqual(t, genuine, checkpoint)
				_, err := verifyFrom(t, r, checkpoint)
				require.ErrorIs(t, err, registry.ErrCheckpoint)
			})
		}
		_, err = verifyAs(t, r, registry.Verification{Checkpoint: genuine})
		require.ErrorIs(t, err, registry.ErrTerminal, "no auditor")
		o, err := registry.OpenOperator(ctx, url, "points.example", []registry.TerminalKey{terminal("a").Public()})
		require.NoError(t, err)
		_, err = o.VerifyWith(ctx, registry.Verification{Auditor: auditor, Checkpoint: genuine})
		require.ErrorContains(t, err, "no key was given")
		require.NoError(t, o.Close())
		copied := filled(t, sameEngine(t, url))
		_, err = verifyFrom(t, copied, genuine)
		require.ErrorIs(t, err, registry.ErrAudit, "another database")
	})
}
