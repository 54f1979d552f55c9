package registry_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// filled is a registry with two chains.
func filled(t *testing.T, url string) *registry.Registry {
	r, other := open(t, url, registry.WithTerminal("a")), open(t, url, registry.WithTerminal("b"))
	for n := range 5 {
		reserve(t, r, n)
		reserve(t, other, 10+n)
	}
	apply(t, r, 1)
	_, err := r.Withdraw(ctx, registry.NewOperation(), holder(2))
	require.NoError(t, err)
	_, err = r.Renew(ctx, registry.NewOperation(), holder(30), registry.ByClerk(reserve(t, r, 3).ID, "c1"), registry.RecoveryCode{})
	require.NoError(t, err)
	return r
}

func TestTamperingShows(t *testing.T) {
	const copied = `chain, number, operation, kind, namespace, generation, lineage, clerk, made, request, hash`
	tampering := map[string]struct {
		statements []string
		at         string // chain and number
	}{
		"first removed":  {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 1`}, ""},
		"middle removed": {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 8`}, "a 8"},
		"removed, and those after it moved up": {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 7`,
			`UPDATE audit SET number = 7 WHERE chain = 'a' AND number = 8`}, "a 7"},
		"last removed": {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 8`}, "a 8"},
		"removed with its reservation, but not the last": {[]string{
			`DELETE FROM reservations WHERE operation = (SELECT operation FROM audit WHERE chain = 'b' AND number = 3)`,
			`DELETE FROM audit WHERE chain = 'b' AND number = 3`}, "b 3"},
		"a reservation's record removed from the end": {[]string{`DELETE FROM audit WHERE chain = 'b' AND number = 5`,
			`UPDATE chains SET number = 4, hash = (SELECT hash FROM audit WHERE chain = 'b' AND number = 4) WHERE chain = 'b'`}, ""},
		"kind altered":       {[]string{`UPDATE audit SET kind = 'renew-old-card' WHERE kind = 'renew-clerk'`}, "a 8"},
		"clerk altered":      {[]string{`UPDATE audit SET clerk = 'c2' WHERE kind = 'renew-clerk'`}, "a 8"},
		"time altered":       {[]string{`UPDATE audit SET made = made - 1 WHERE chain = 'a' AND number = 2`}, "a 2"},
		"namespace altered":  {[]string{`UPDATE audit SET namespace = 'x' WHERE chain = 'a' AND number = 2`}, ""},
		"generation altered": {[]string{`UPDATE audit SET generation = 2 WHERE chain = 'a' AND number = 2`}, "a 2"},
		"request altered": {[]string{`UPDATE audit SET request = (SELECT request FROM audit WHERE chain = 'b' AND number = 1)
			WHERE chain = 'a' AND number = 2`}, "a 2"},
		"lineage altered": {[]string{`UPDATE audit SET lineage = (SELECT lineage FROM audit WHERE chain = 'b' AND number = 1)
			WHERE chain = 'a' AND number = 2`}, "a 2"},
		"hash altered": {[]string{`UPDATE audit SET hash = (SELECT hash FROM audit WHERE chain = 'b' AND number = 1)
			WHERE chain = 'a' AND number = 2`}, "a 2"},
		"two exchanged": {[]string{`UPDATE audit SET number = 100 WHERE chain = 'a' AND number = 2`,
			`UPDATE audit SET number = 2 WHERE chain = 'a' AND number = 3`, `UPDATE audit SET number = 3 WHERE chain = 'a' AND number = 100`}, "a 2"},
		"moved to another chain": {[]string{`UPDATE audit SET chain = 'b', number = 6 WHERE chain = 'a' AND number = 8`}, ""},
		"appended": {[]string{`INSERT INTO audit (` + copied + `) SELECT 'a', 9, request_, kind, namespace, generation, lineage, clerk, made, request, hash
			FROM (SELECT a.*, r.lineage AS request_ FROM audit a JOIN reservations r ON r.lineage = a.lineage WHERE a.chain = 'a' AND a.number = 1) s`}, "a 9"},
		"a whole chain renamed":  {[]string{`UPDATE audit SET chain = 'c' WHERE chain = 'b'`, `UPDATE chains SET chain = 'c' WHERE chain = 'b'`}, "c 1"},
		"a chain without a head": {[]string{`DELETE FROM chains WHERE chain = 'b'`}, "b 1"},
		"head altered":           {[]string{`UPDATE chains SET hash = (SELECT hash FROM audit WHERE chain = 'b' AND number = 1) WHERE chain = 'b'`}, "b 5"},
		"head's number altered":  {[]string{`UPDATE chains SET number = 50 WHERE chain = 'b'`}, "b 6"},
		"a reservation added":    {[]string{`UPDATE reservations SET operation = lineage WHERE state = 'withdrawn'`}, ""},
		"an application added":   {[]string{`UPDATE applications SET operation = lineage`}, ""},
		"a reservation removed":  {[]string{`DELETE FROM reservations WHERE state = 'withdrawn'`}, ""},
		"a withdrawal undone":    {[]string{`UPDATE reservations SET state = 'reserved' WHERE state = 'withdrawn'`}, ""},
		"an application removed": {[]string{`DELETE FROM applications`}, ""},
		"all records removed":    {[]string{`DELETE FROM audit`}, ""},
		"all of everything, heads kept": {[]string{`DELETE FROM audit`, `DELETE FROM chains`, `DELETE FROM reservations`, `DELETE FROM holders`,
			`DELETE FROM applications`}, "a 1"},
	}
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		change := func(t *testing.T, statement string) (rows int64) {
			result, err := r.DB().Exec(statement)
			require.NoError(t, err, statement)
			rows, err = result.RowsAffected()
			require.NoError(t, err)
			return rows
		}
		tables := []string{"audit", "chains", "reservations", "holders", "applications"}
		for _, table := range tables {
			change(t, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
		}
		for name, tt := range tampering {
			t.Run(name, func(t *testing.T) {
				heads, err := r.VerifyAudit(ctx)
				require.NoError(t, err)
				require.Len(t, heads, 2)
				assert.Equal(t, int64(8), heads[0].Number)
				for _, statement := range tt.statements {
					require.Positive(t, change(t, statement), statement)
				}
				var kept []registry.Head
				if name == "all of everything, heads kept" {
					kept = heads[:1]
				}
				_, err = r.VerifyAudit(ctx, kept...)
				require.ErrorIs(t, err, registry.ErrAudit)
				var broken *registry.AuditError
				require.True(t, errors.As(err, &broken))
				if tt.at != "" {
					assert.Equal(t, tt.at, fmt.Sprint(broken.Chain, " ", broken.Number), err)
				}
			})
			for _, table := range tables {
				change(t, `DELETE FROM `+table)
				change(t, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
			}
		}
	})
}

// What is removed from a chain's end, and everything that it tells of with it,
// shows by a head that was kept elsewhere, and by nothing else.
func TestTruncationShowsByKeptHeads(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		kept, err := r.Heads(ctx)
		require.NoError(t, err)
		for _, statement := range []string{
			`DELETE FROM reservations WHERE operation = (SELECT operation FROM audit WHERE chain = 'b' AND number = 5)`,
			`DELETE FROM audit WHERE chain = 'b' AND number = 5`,
			`UPDATE chains SET number = 4, hash = (SELECT hash FROM audit WHERE chain = 'b' AND number = 4) WHERE chain = 'b'`,
		} {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err)
		}
		_, err = r.VerifyAudit(ctx)
		require.NoError(t, err, "if this is found without a head, the documentation is too modest")
		_, err = r.VerifyAudit(ctx, kept...)
		require.ErrorIs(t, err, registry.ErrAudit)

		// Nor does going on from there hide it.
		b := open(t, url, registry.WithTerminal("b"))
		reserve(t, b, 50)
		reserve(t, b, 51)
		_, err = r.VerifyAudit(ctx)
		require.NoError(t, err)
		_, err = r.VerifyAudit(ctx, kept...)
		require.ErrorIs(t, err, registry.ErrAudit)
	})
}

// Namespaces that share a database, under keys of their own, don't break each
// other's chains, though their terminals have one name; and none is moved into
// another.
func TestNamespacesHaveTheirOwnChains(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		other := generation(t, "library.example", 2)
		other.Number = 1
		points, library := open(t, url), openGeneration(t, url, other)
		for n := range 3 {
			reserve(t, points, n)
			reserve(t, library, n)
		}
		for _, r := range []*registry.Registry{points, library} {
			heads, err := r.VerifyAudit(ctx)
			require.NoError(t, err)
			require.Len(t, heads, 1)
			assert.Equal(t, int64(3), heads[0].Number)
		}
		for _, table := range []string{"audit", "chains"} {
			_, err := points.DB().Exec(`UPDATE ` + table + ` SET chain = 'moved' WHERE namespace = 'library.example'`)
			require.NoError(t, err)
		}
		_, err := library.VerifyAudit(ctx)
		require.ErrorIs(t, err, registry.ErrAudit)
		_, err = points.VerifyAudit(ctx)
		require.NoError(t, err, "another's break is another's")
		for _, table := range []string{"audit", "chains"} {
			_, err := points.DB().Exec(`UPDATE ` + table + ` SET namespace = 'points.example' WHERE namespace = 'library.example'`)
			require.NoError(t, err)
		}
		_, err = points.VerifyAudit(ctx)
		require.ErrorIs(t, err, registry.ErrAudit)
	})
}

// A record that was really written does not pass in another's place: whoever has a
// copy of the database from before can't have it tell what was undone since.
func TestRecordsOfTwoHistoriesDoNotMix(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url, registry.WithTerminal("a"))
		id := reserve(t, r, 1).ID
		by := func(n int, clerk string) { // at the terminal, started again
			one := open(t, url, registry.WithTerminal("a"))
			_, err := one.Renew(ctx, registry.NewOperation(), holder(n), registry.ByClerk(id, clerk), registry.RecoveryCode{})
			require.NoError(t, err)
		}
		by(2, "c1")
		for _, statement := range []string{
			`CREATE TABLE copied AS SELECT * FROM audit WHERE number = 2`,
			`DELETE FROM audit WHERE number = 2`,
		} {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err)
		}
		by(3, "c2")
		by(4, "c3")
		_, err := r.VerifyAudit(ctx)
		require.NoError(t, err, "a history without gaps")
		for _, statement := range []string{
			`DELETE FROM audit WHERE number = 2`,
			`INSERT INTO audit SELECT * FROM copied`,
		} {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err)
		}
		_, err = r.VerifyAudit(ctx)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, int64(3), broken.Number, "the one that follows another")
	})
}

// Heads that were kept stay good while terminals go on.
func TestKeptHeadsStayGood(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		first, err := r.Heads(ctx)
		require.NoError(t, err)
		reserve(t, r, 100)
		second, err := r.VerifyAudit(ctx, first...)
		require.NoError(t, err)
		_, err = r.VerifyAudit(ctx, append(first, second...)...)
		require.NoError(t, err)
	})
}
