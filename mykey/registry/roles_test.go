package registry_test

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// The privileges in docs/registry.md are sufficient for a terminal. With them it can't alter
// applications, holders, records, keys or identifiers, or another terminal's chain or name.
//
// Faults: F103, F106.
func TestTerminalRoleHasMinimalPrivileges(t *testing.T) {
	database := engines["postgres"](t)
	admin := open(t, database)
	page, err := os.ReadFile("../../docs/registry.md")
	require.NoError(t, err)
	_, grants, found := strings.Cut(string(page), "```sql\n")
	require.True(t, found)
	grants, _, _ = strings.Cut(grants, "```")
	u, err := url.Parse(database)
	require.NoError(t, err)
	usage := `GRANT USAGE ON SCHEMA ` + u.Query().Get("search_path") + ` TO terminals` // the schema public has it by default
	for statement := range strings.SplitSeq(strings.TrimSpace(grants)+usage, ";") {
		_, err := admin.DB().Exec(statement)
		require.NoError(t, err, statement)
	}
	t.Cleanup(func() { // roles belong to the whole server
		for _, statement := range []string{`DROP OWNED BY terminals`, `DROP ROLE "terminal-1"`, `DROP ROLE terminals`} {
			_, err := admin.DB().Exec(statement)
			require.NoError(t, err)
		}
	})
	u.User = url.UserPassword("terminal-1", "example")

	_, err = registry.Open(ctx, u.String(), terminal("terminal-2"), generation(t, "points.example", 1), registry.WithoutMigrations())
	require.ErrorIs(t, err, registry.ErrUnavailable, "another terminal's name")
	r := openNamed(t, u.String(), "terminal-1", registry.WithoutMigrations(), registry.WithChains(2))
	code := registry.NewRecoveryCode()
	reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), code)
	require.NoError(t, err)
	apply(t, r, 1)
	_, err = r.Renew(ctx, registry.NewOperation(), holder(2), registry.ByRecoveryCode(reservation.ID, code), code)
	require.NoError(t, err)
	_, err = r.ReplaceRecoveryCode(ctx, registry.NewOperation(), holder(2), registry.NewRecoveryCode())
	require.NoError(t, err)
	_, err = r.Withdraw(ctx, registry.NewOperation(), holder(2))
	require.NoError(t, err)
	reserve(t, r, 2)
	reserve(t, r, 3)
	require.NoError(t, r.Ping(ctx))
	require.NoError(t, r.Tally(ctx, "visit"))
	asked := challenge(t, today)
	require.NoError(t, r.StoreChallenge(ctx, "kiosk-1", asked))
	id, evidence := visit(1)
	require.NoError(t, r.UseChallenge(ctx, "kiosk-1", asked, id, evidence))
	require.NoError(t, r.Heartbeat(ctx, "kiosk-1", "v1", 1))
	_, err = r.Terminal(ctx, "kiosk-1")
	require.ErrorIs(t, err, registry.ErrNotEnrolled)
	_, err = verify(admin)
	require.NoError(t, err)
	for _, statement := range []string{
		`UPDATE applications SET service = 'x'`, `DELETE FROM applications`, `UPDATE audit SET made = 0`, `DELETE FROM audit`,
		`DELETE FROM reservations`, `UPDATE reservations SET identifier = '00000000'`, `UPDATE reservations SET lineage = operation`,
		`DELETE FROM holders`, `UPDATE holders SET turn = 9`, `UPDATE generations SET generation = 9`, `DELETE FROM terminals`, `DROP TABLE audit`,
		`UPDATE challenges SET used = 0, made = 9`, `UPDATE challenges SET terminal = 'kiosk-2'`, `DELETE FROM heartbeats`,
		`INSERT INTO enrolled VALUES ('points.example', 'x', 'clerk', '', decode(repeat('00', 32), 'hex'), 9, 0, 0, 1)`, `UPDATE enrolled SET revoked = 0`,
		`INSERT INTO generations SELECT namespace, 9, fingerprint FROM generations`,
		`INSERT INTO audit SELECT namespace, 'terminal-2', number, lineage, kind, generation, lineage, clerk, made, request, images, terminal, body, requested, hash, signature FROM audit LIMIT 1`,
		`INSERT INTO terminals VALUES ('points.example', 'terminal-2', '0123456789abcdef', 0)`,
	} {
		_, err := r.DB().Exec(statement)
		require.ErrorContains(t, err, "42501", statement) // insufficient_privilege
	}
	result, err := r.DB().Exec(`UPDATE terminals SET session = '0123456789abcdef' WHERE terminal NOT LIKE 'terminal-1%'`)
	require.NoError(t, err)
	changed, err := result.RowsAffected()
	require.NoError(t, err)
	require.Zero(t, changed, "another terminal's claim")

	fresh := generation(t, "points.example", 2)
	_, err = registry.Open(ctx, u.String(), terminal("terminal-1"), fresh, registry.WithOtherGenerations(generation(t, "points.example", 1)), registry.WithoutMigrations())
	require.ErrorIs(t, err, mykey.ErrKey, "terminals can't add a generation")
	require.NoError(t, registry.Migrate(ctx, database, fresh, generation(t, "points.example", 1)))
	require.NoError(t, r.Close())
	openAs(t, u.String(), terminal("terminal-1"), fresh, registry.WithOtherGenerations(generation(t, "points.example", 1)), registry.WithoutMigrations())
}
