package registry_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// filled returns a registry with two chains.
func filled(t *testing.T, url string) *registry.Registry {
	r, other := openNamed(t, url, "a"), openNamed(t, url, "b")
	defer func() { require.NoError(t, other.Close()) }()
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

// swapIdentifiers returns statements that swap two identifiers with one holder each.
func swapIdentifiers(identifiers string) []string {
	return []string{ // the first one avoids a violation of the key
		`UPDATE holders SET turn = turn + 100 WHERE identifier = (SELECT min(identifier) FROM reservations WHERE identifier IN ` + identifiers + `)`,
		`UPDATE holders SET identifier = (SELECT x.identifier FROM reservations x WHERE x.identifier IN ` + identifiers + ` AND x.identifier <> holders.identifier)
			WHERE identifier IN ` + identifiers,
		`UPDATE holders SET turn = turn - 100 WHERE turn > 100`,
	}
}

// Verification detects every kind of manipulation of records and rows, and reports its
// place.
//
// Faults: F104.
func TestTamperingIsDetected(t *testing.T) {
	const columns = `operation, kind, namespace, generation, lineage, clerk, made, request, images, terminal, body, requested, hash, signature`
	tampering := map[string]struct {
		statements []string
		at         string // chain and number
	}{
		"first removed":  {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 1`}, "a 1"},
		"middle removed": {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 7`}, "a 7"},
		"removed, and those after it moved up": {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 7`,
			`UPDATE audit SET number = 7 WHERE chain = 'a' AND number = 8`}, "a 7"},
		"last removed": {[]string{`DELETE FROM audit WHERE chain = 'a' AND number = 8`}, " 0"},
		"removed with its reservation, but not the last": {[]string{
			`DELETE FROM reservations WHERE operation = (SELECT operation FROM audit WHERE chain = 'b' AND number = 3)`,
			`DELETE FROM audit WHERE chain = 'b' AND number = 3`}, "b 3"},
		"a reservation's record removed from the end": {[]string{`DELETE FROM audit WHERE chain = 'b' AND number = 5`}, " 0"},
		"kind altered":        {[]string{`UPDATE audit SET kind = 'renew-old-card' WHERE kind = 'renew-clerk'`}, "a 8"},
		"clerk altered":       {[]string{`UPDATE audit SET clerk = 'c2' WHERE kind = 'renew-clerk'`}, "a 8"},
		"terminal altered":    {[]string{`UPDATE audit SET terminal = 'x' WHERE chain = 'a' AND number = 2`}, "a 2"},
		"body altered":        {[]string{`UPDATE audit SET body = hash WHERE chain = 'a' AND number = 2`}, "a 2"},
		"request's signature": {[]string{`UPDATE audit SET requested = signature WHERE chain = 'a' AND number = 2`}, "a 2"},
		"time altered":        {[]string{`UPDATE audit SET made = made - 1 WHERE chain = 'a' AND number = 2`}, "a 2"},
		"namespace altered":   {[]string{`UPDATE audit SET namespace = 'x' WHERE chain = 'a' AND number = 2`}, "a 2"},
		"generation altered":  {[]string{`UPDATE audit SET generation = 2 WHERE chain = 'a' AND number = 2`}, "a 2"},
		"hash altered":        {[]string{`UPDATE audit SET hash = request WHERE chain = 'a' AND number = 2`}, "a 2"},
		"signature altered":   {[]string{`UPDATE audit SET signature = (SELECT signature FROM audit WHERE chain = 'a' AND number = 1) WHERE chain = 'a' AND number = 8`}, "a 8"},
		"two exchanged": {[]string{`UPDATE audit SET number = 100 WHERE chain = 'a' AND number = 2`,
			`UPDATE audit SET number = 2 WHERE chain = 'a' AND number = 3`, `UPDATE audit SET number = 3 WHERE chain = 'a' AND number = 100`}, "a 2"},
		"moved to another chain": {[]string{`UPDATE audit SET chain = 'b', number = 6 WHERE chain = 'a' AND number = 8`}, "b 6"},
		"appended": {[]string{`INSERT INTO audit (chain, number, ` + columns + `) SELECT 'a', 9, lineage_, kind, namespace, generation, lineage, clerk, made, request, images, terminal, body, requested, hash, signature
			FROM (SELECT a.*, r.lineage AS lineage_ FROM audit a JOIN reservations r ON r.lineage = a.lineage WHERE a.chain = 'a' AND a.number = 8) s`}, "a 9"},
		"a whole chain renamed":                 {[]string{`UPDATE audit SET chain = 'c' WHERE chain = 'b'`}, "c 1"},
		"a reservation added":                   {[]string{`UPDATE reservations SET identifier = '00000000' WHERE state = 'withdrawn'`}, " 0"},
		"a reservation removed":                 {[]string{`DELETE FROM reservations WHERE state = 'withdrawn'`}, " 0"},
		"a reservation's operation":             {[]string{`UPDATE reservations SET operation = lineage WHERE state = 'withdrawn'`}, " 0"},
		"a withdrawal undone":                   {[]string{`UPDATE reservations SET state = 'reserved' WHERE state = 'withdrawn'`}, " 0"},
		"a withdrawal undone, with its version": {[]string{`UPDATE reservations SET state = 'reserved', version = 1 WHERE state = 'withdrawn'`}, " 0"},
		"a withdrawal moved": {[]string{`UPDATE reservations SET state = 'withdrawn', recovery = '', version = 2 WHERE operation = (SELECT operation FROM audit WHERE chain = 'b' AND number = 1)`,
			`UPDATE reservations SET state = 'reserved', version = 1 WHERE state = 'withdrawn' AND operation <> (SELECT operation FROM audit WHERE chain = 'b' AND number = 1)`}, " 0"},
		"a recovery code planted":          {[]string{`UPDATE reservations SET recovery = 'hmac$1$00' WHERE operation = (SELECT operation FROM audit WHERE chain = 'b' AND number = 1)`}, " 0"},
		"an expiry altered":                {[]string{`UPDATE reservations SET expiry = '2099-01'`}, " 0"},
		"an expiry no month":               {[]string{`UPDATE reservations SET expiry = '2099-13'`}, " 0"},
		"two holders' identifiers swapped": {swapIdentifiers(`(SELECT identifier FROM saved_holders WHERE identifier NOT IN (SELECT identifier FROM saved_holders WHERE turn = 2) ORDER BY identifier LIMIT 2)`), " 0"},
		"a holder removed":                 {[]string{`DELETE FROM holders WHERE turn = 2`}, " 0"},
		"a holder added": {[]string{`INSERT INTO holders (namespace, handle, place, generation, identifier, turn, subject)
			SELECT namespace, handle, place + 1, generation, identifier, turn + 1, subject FROM holders WHERE turn = 2`}, " 0"},
		"an application's account replaced":      {[]string{`UPDATE applications SET sealed = (SELECT images FROM audit WHERE chain = 'a' AND number = 1)`}, " 0"},
		"an application's time altered":          {[]string{`UPDATE applications SET applied = applied + 1`}, " 0"},
		"an application moved":                   {[]string{`UPDATE applications SET identifier = '00000000'`}, " 0"},
		"an application's digest altered":        {[]string{`UPDATE applications SET account = (SELECT hash FROM audit WHERE chain = 'a' AND number = 1)`}, " 0"},
		"an application removed":                 {[]string{`DELETE FROM applications`}, " 0"},
		"all records removed":                    {[]string{`DELETE FROM audit`}, " 0"},
		"everything removed, with earlier heads": {[]string{`DELETE FROM audit`, `DELETE FROM reservations`, `DELETE FROM holders`, `DELETE FROM applications`}, "a 1"},
	}
	for _, column := range []string{"request", "lineage", "images", "operation"} {
		tampering[column+" altered"] = struct {
			statements []string
			at         string
		}{[]string{`DELETE FROM audit WHERE chain = 'b' AND number = 5`, `UPDATE audit SET ` + column + ` = (SELECT x.` + column + ` FROM saved_audit x
			WHERE x.chain = 'b' AND x.number = 5) WHERE chain = 'a' AND number = 2`}, "a 2"}
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
		tables := []string{"audit", "reservations", "holders", "applications"}
		for _, table := range tables {
			change(t, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
		}
		for name, tt := range tampering {
			t.Run(name, func(t *testing.T) {
				heads, err := verify(r)
				require.NoError(t, err)
				require.Len(t, heads, 2)
				assert.Equal(t, int64(8), heads[0].Number)
				for _, statement := range tt.statements {
					require.Positive(t, change(t, statement), statement)
				}
				var earlier []registry.Head
				if name == "everything removed, with earlier heads" {
					earlier = heads[:1]
				}
				_, err = verify(r, earlier...)
				require.ErrorIs(t, err, registry.ErrAudit)
				var broken *registry.AuditError
				require.True(t, errors.As(err, &broken))
				assert.Equal(t, tt.at, fmt.Sprint(broken.Chain, " ", broken.Number), err)
			})
			for _, table := range tables {
				change(t, `DELETE FROM `+table)
				change(t, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
			}
		}
	})
}

// An alteration that a terminal relied on is detected after the terminal has written the row
// again, and after the alteration was undone.
//
// Faults: F105.
func TestOverwrittenTamperingIsDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		code, planted := registry.NewRecoveryCode(), registry.NewRecoveryCode()
		reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), code)
		require.NoError(t, err)
		_, err = verify(r)
		require.NoError(t, err)

		t.Run("a planted recovery code", func(t *testing.T) {
			_, err := r.DB().Exec(`UPDATE reservations SET recovery = $1`, r.RecoveryHash(reservation.ID, planted))
			require.NoError(t, err)
			_, err = r.Renew(ctx, registry.NewOperation(), holder(2), registry.ByRecoveryCode(reservation.ID, planted), registry.RecoveryCode{})
			require.NoError(t, err, "the terminal can't detect it")
			_, err = verify(r)
			var broken *registry.AuditError
			require.ErrorAs(t, err, &broken)
			assert.Equal(t, int64(2), broken.Number)
		})
	})
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		for n := range 2 {
			reserve(t, r, n)
		}
		swap := func() {
			for _, statement := range swapIdentifiers(`(SELECT identifier FROM reservations)`) {
				_, err := r.DB().Exec(statement)
				require.NoError(t, err)
			}
		}
		swap()
		_, err := r.Withdraw(ctx, registry.NewOperation(), holder(1)) // withdraws the other holder's reservation
		require.NoError(t, err)
		swap()
		_, err = verify(r)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, int64(3), broken.Number)
	})
}

// A terminal can't extend the chain of another terminal, because its signatures do not match
// the operator's list of keys.
//
// Faults: F106.
func TestTerminalsCanNotSignForOthers(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		victim := openNamed(t, url, "a")
		reserve(t, victim, 1)
		require.NoError(t, victim.Close())
		_, err := victim.DB().Exec(`SELECT 1`)
		require.Error(t, err, "closed")

		// An attacker uses the victim's name with another key.
		r := open(t, url)
		_, err = r.DB().Exec(`UPDATE audit SET chain = 'saved' WHERE chain = 'a'`)
		require.NoError(t, err)
		stranger, err := registry.GenerateTerminal("a")
		require.NoError(t, err)
		other, err := registry.Open(ctx, url, stranger, generation(t, "points.example", 1))
		require.NoError(t, err)
		reserve(t, other, 2)
		require.NoError(t, other.Close())
		_, err = r.DB().Exec(`DELETE FROM audit WHERE chain = 'saved'`)
		require.NoError(t, err)
		_, err = r.DB().Exec(`DELETE FROM reservations WHERE operation NOT IN (SELECT operation FROM audit)`)
		require.NoError(t, err)
		_, err = verifyWith(r, []registry.TerminalKey{stranger.Public()})
		require.ErrorIs(t, err, registry.ErrAudit, "the victim's row in holders has no record")
		_, err = verify(r)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "a", broken.Chain)
		assert.Contains(t, broken.Reason, "not signed")
		_, err = verifyWith(r, nil)
		require.ErrorIs(t, err, registry.ErrAudit, "no key was given for the chain")
	})
}

// Records that were removed from the end of a chain together with their rows are detected
// only with an earlier head.
//
// Faults: F111.
func TestEarlierHeadsDetectTruncation(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		earlier, err := verify(r)
		require.NoError(t, err)
		for _, statement := range []string{
			`DELETE FROM reservations WHERE operation = (SELECT operation FROM audit WHERE chain = 'b' AND number = 5)`,
			`DELETE FROM audit WHERE chain = 'b' AND number = 5`,
			`DELETE FROM holders WHERE identifier NOT IN (SELECT identifier FROM reservations)`,
		} {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err)
		}
		_, err = verify(r)
		require.NoError(t, err, "as documented, this can't be detected without a head")
		_, err = verify(r, earlier...)
		require.ErrorIs(t, err, registry.ErrAudit)

		// New records do not hide it.
		b := openNamed(t, url, "b")
		reserve(t, b, 50)
		reserve(t, b, 51)
		_, err = verify(r)
		require.NoError(t, err)
		_, err = verify(r, earlier...)
		require.ErrorIs(t, err, registry.ErrAudit)
	})
}

// Chains of namespaces that share a database are independent, and a chain can't be moved to
// another namespace.
func TestNamespacesHaveSeparateChains(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		other := generation(t, "library.example", 2)
		other.Number = 1
		points, library := open(t, url), openGeneration(t, url, other)
		for n := range 3 {
			reserve(t, points, n)
			reserve(t, library, n)
		}
		for _, r := range []*registry.Registry{points, library} {
			heads, err := verify(r)
			require.NoError(t, err)
			require.Len(t, heads, 1)
			assert.Equal(t, int64(3), heads[0].Number)
		}
		_, err := points.DB().Exec(`UPDATE audit SET chain = 'moved' WHERE namespace = 'library.example'`)
		require.NoError(t, err)
		_, err = verify(library)
		require.ErrorIs(t, err, registry.ErrAudit)
		_, err = verify(points)
		require.NoError(t, err, "another namespace's chain must not matter")
		_, err = points.DB().Exec(`UPDATE audit SET namespace = 'points.example' WHERE namespace = 'library.example'`)
		require.NoError(t, err)
		_, err = verify(points)
		require.ErrorIs(t, err, registry.ErrAudit)
	})
}

// A genuine record of a copied database can't replace another record with the same number.
func TestRecordsOfOtherHistoriesAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		first := openNamed(t, url, "a")
		id := reserve(t, first, 1).ID
		require.NoError(t, first.Close())
		by := func(n int, clerk string) { // opens the terminal again
			restarted := openNamed(t, url, "a")
			_, err := restarted.Renew(ctx, registry.NewOperation(), holder(n), registry.ByClerk(id, clerk), registry.RecoveryCode{})
			require.NoError(t, err)
			require.NoError(t, restarted.Close())
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
		_, err := verify(r)
		require.ErrorIs(t, err, registry.ErrAudit, "the rows of the removed record are detected")
		for _, statement := range []string{
			`DELETE FROM audit WHERE number = 2`,
			`INSERT INTO audit SELECT * FROM copied`,
		} {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err)
		}
		_, err = verify(r)
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, int64(3), broken.Number, "the record after the replaced one")
	})
}

// Earlier heads stay valid while terminals append records.
func TestEarlierHeadsStayValid(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := filled(t, url)
		first, err := verify(r)
		require.NoError(t, err)
		reserve(t, r, 100)
		second, err := verify(r, first...)
		require.NoError(t, err)
		_, err = verify(r, append(first, second...)...)
		require.NoError(t, err)
	})
}
