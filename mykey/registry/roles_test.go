package registry_test

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A terminal's role needs what docs/registry.md grants, and can't change an
// application or a record with it.
func TestTerminalsNeedFewRights(t *testing.T) {
	database := engines["postgres"](t)
	admin := open(t, database)
	page, err := os.ReadFile("../../docs/registry.md")
	require.NoError(t, err)
	_, grants, found := strings.Cut(string(page), "```sql\n")
	require.True(t, found)
	grants, _, _ = strings.Cut(grants, "```")
	u, err := url.Parse(database)
	require.NoError(t, err)
	usage := `GRANT USAGE ON SCHEMA ` + u.Query().Get("search_path") + ` TO terminal` // which everybody has on the usual one
	for _, statement := range append([]string{`CREATE ROLE terminal LOGIN PASSWORD 'example'`, usage}, strings.Split(strings.TrimSpace(grants), "\n")...) {
		_, err := admin.DB().Exec(statement)
		require.NoError(t, err, statement)
	}
	t.Cleanup(func() { // a role is the whole server's
		for _, statement := range []string{`DROP OWNED BY terminal`, `DROP ROLE terminal`} {
			_, err := admin.DB().Exec(statement)
			require.NoError(t, err)
		}
	})
	u.User = url.UserPassword("terminal", "example")

	r := open(t, u.String(), registry.WithoutMigrations())
	code := registry.NewRecoveryCode()
	mine, err := r.Reserve(ctx, registry.NewOperation(), holder(1), code)
	require.NoError(t, err)
	apply(t, r, 1)
	_, err = r.Renew(ctx, registry.NewOperation(), holder(2), registry.ByRecoveryCode(mine.ID, code), code)
	require.NoError(t, err)
	_, err = r.Withdraw(ctx, registry.NewOperation(), holder(2))
	require.NoError(t, err)
	reserve(t, r, 2)
	_, err = r.VerifyAudit(ctx)
	require.NoError(t, err)
	for _, statement := range []string{
		`UPDATE applications SET service = 'x'`, `DELETE FROM applications`, `UPDATE audit SET made = 0`, `DELETE FROM audit`,
		`DELETE FROM reservations`, `DELETE FROM chains`, `UPDATE generations SET generation = 9`, `DROP TABLE audit`,
	} {
		_, err := r.DB().Exec(statement)
		require.ErrorContains(t, err, "42501", statement) // insufficient_privilege
	}
}
