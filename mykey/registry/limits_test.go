package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// The audit log has only the digest of a request's body. A dishonest server can therefore give a
// signed request another effect of the same kind, here for another holder's card. The audit
// can't detect it.
func TestASignedRequestCanHaveAnotherEffect(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		reserve(t, r, 1)
		operation := registry.NewOperation()
		forAnotherHolder := request("kiosk", registry.RoleTerminal, "points.example", operation, "withdraw")
		_, err := r.From(forAnotherHolder).Withdraw(ctx, operation, holder(1))
		require.NoError(t, err)
		_, err = verifyWith(r, []registry.TerminalKey{terminal("server").Public(), terminal("kiosk").Public()})
		require.NoError(t, err)
	})
}

// A dishonest server can make a change that nobody requested, in its own name. The audit accepts
// it as the change of a program without terminals; the statistics attribute it to the server.
func TestServersCanActInTheirOwnName(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		reserve(t, r, 1)
		keys := []registry.TerminalKey{terminal("server").Public()}
		_, err := verifyWith(r, keys)
		require.NoError(t, err)
		o, err := registry.OpenOperator(ctx, url, "points.example", keys)
		require.NoError(t, err)
		defer o.Close()
		counts, err := o.Statistics(ctx)
		require.NoError(t, err)
		assert.Equal(t, []registry.Count{{"2026-04-01", "server", "record:reserve", 1}}, counts)
	})
}

// Whoever has a key that the audit accepts, and may delete rows, can sign a purge with it. The
// report counts purges, so that the operator can compare.
func TestEveryKeyCanSignAPurge(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		reserve(t, r, 1)
		keys := []registry.TerminalKey{terminal("server").Public(), terminal("kiosk").Public()}
		d, err := registry.OpenDesk(ctx, url, "points.example", keys, terminal("kiosk"))
		require.NoError(t, err)
		defer d.Close()
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		report, err := d.Verify(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 1, report.Purges)
		assert.Zero(t, report.Reservations)
	})
}

// Whoever has a key that the audit accepts, and may write the table of enrolled names, can enroll
// a terminal that does not exist and sign requests in its name. The audit detects the requests
// only if its list of keys is not the registry's own.
func TestEveryKeyCanEnroll(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		keys := []registry.TerminalKey{terminal("server").Public(), terminal("program").Public()}
		d, err := registry.OpenDesk(ctx, url, "points.example", keys, terminal("program"))
		require.NoError(t, err)
		defer d.Close()
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("invented", registry.RoleTerminal)))
		operation := registry.NewOperation()
		_, err = r.From(request("invented", registry.RoleTerminal, "points.example", operation, "reserve")).
			Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = verifyWith(r, append(keys, terminal("invented").Public()))
		require.NoError(t, err, "with the keys that the registry lists")
		var broken *registry.AuditError
		_, err = verifyWith(r, keys)
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "no key was given for the terminal that requested it", broken.Reason)
	})
}
