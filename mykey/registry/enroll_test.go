package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// enrolled returns an enrollment with the key of a terminal.
func enrolled(name string, role registry.Role) registry.Enrolled {
	return registry.Enrolled{Name: name, Role: role, Serial: "1f", Key: terminal(name).Public().Key, NotAfter: today.AddDate(1, 0, 0)}
}

// A name has one key for good. Its certificate can be replaced, until the key is revoked.
func TestEnroll(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server", registry.WithChains(2))
		reserve(t, r, 1)
		reserve(t, r, 2)
		d := desk(t, r)
		defer d.Close()
		enroll := func(e registry.Enrolled) error { return d.Enroll(ctx, registry.NewOperation(), e) }
		require.NoError(t, enroll(enrolled("kiosk-1", registry.RoleTerminal)))
		require.NoError(t, enroll(enrolled("clerk-7", registry.RoleClerk)))
		for name, tt := range map[string]struct {
			edit func(e *registry.Enrolled)
			want error
		}{
			"no name":        {func(e *registry.Enrolled) { e.Name = "" }, registry.ErrTerminal},
			"not a name":     {func(e *registry.Enrolled) { e.Name = "a b" }, registry.ErrTerminal},
			"no role":        {func(e *registry.Enrolled) { e.Role = "" }, registry.ErrTerminal},
			"a wrong role":   {func(e *registry.Enrolled) { e.Role = "operator" }, registry.ErrTerminal},
			"no key":         {func(e *registry.Enrolled) { e.Key = nil }, registry.ErrTerminal},
			"a long serial":  {func(e *registry.Enrolled) { e.Serial = strings.Repeat("0", 65) }, registry.ErrTerminal},
			"a clerk's name": {func(e *registry.Enrolled) { e.Name, e.Role = strings.Repeat("c", 33), registry.RoleClerk }, registry.ErrClerk},
			"another key":    {func(e *registry.Enrolled) { e.Key = terminal("x").Public().Key }, registry.ErrEnrollmentConflict},
			"another role":   {func(e *registry.Enrolled) { e.Role = registry.RoleClerk }, registry.ErrEnrollmentConflict},
			"another's key":  {func(e *registry.Enrolled) { e.Name = "kiosk-2" }, registry.ErrEnrollmentConflict},
			"a program's name": {func(e *registry.Enrolled) {
				*e = enrolled("server", registry.RoleTerminal)
				e.Key = terminal("x").Public().Key
			}, registry.ErrEnrollmentConflict},
			"a program's chain": {func(e *registry.Enrolled) { *e = enrolled("server.2", registry.RoleTerminal) }, registry.ErrEnrollmentConflict},
		} {
			e := enrolled("kiosk-1", registry.RoleTerminal)
			tt.edit(&e)
			require.ErrorIs(t, enroll(e), tt.want, name)
		}
		require.NoError(t, enroll(enrolled("server", registry.RoleTerminal)), "a terminal that worked alone keeps its key")

		renewed := enrolled("kiosk-1", registry.RoleTerminal)
		renewed.Serial, renewed.NotAfter = "2f", today.AddDate(2, 0, 0)
		operation := registry.NewOperation()
		require.NoError(t, d.Enroll(ctx, operation, renewed))
		require.NoError(t, d.Enroll(ctx, operation, renewed), "the same operation")
		renewed.Serial = "3f"
		require.ErrorIs(t, d.Enroll(ctx, operation, renewed), registry.ErrOperation)

		operation = registry.NewOperation()
		require.ErrorIs(t, d.Revoke(ctx, registry.NewOperation(), "kiosk-9"), registry.ErrNotEnrolled)
		require.NoError(t, d.Revoke(ctx, operation, "clerk-7"))
		require.NoError(t, d.Revoke(ctx, operation, "clerk-7"), "the same operation")
		require.NoError(t, d.Revoke(ctx, registry.NewOperation(), "clerk-7"), "it is revoked already")
		require.ErrorIs(t, enroll(enrolled("clerk-7", registry.RoleClerk)), registry.ErrRevoked)

		list, err := d.Enrolled(ctx)
		require.NoError(t, err)
		require.Len(t, list, 3)
		assert.Equal(t, registry.Enrolled{Name: "clerk-7", Role: registry.RoleClerk, Serial: "1f", Key: terminal("clerk-7").Public().Key,
			NotAfter: today.AddDate(1, 0, 0).UTC(), Since: today.UTC(), Revoked: today.UTC()}, list[0])
		assert.Equal(t, registry.Enrolled{Name: "kiosk-1", Role: registry.RoleTerminal, Serial: "2f", Key: terminal("kiosk-1").Public().Key,
			NotAfter: today.AddDate(2, 0, 0).UTC(), Since: today.UTC()}, list[1])
		assert.Equal(t, terminal("kiosk-1").Public(), list[1].TerminalKey())
		_, err = verify(r)
		require.NoError(t, err)
	})
}

// A program can't open the registry under the name of a terminal with another key.
func TestOpenRejectsEnrolledNames(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		d := desk(t, open(t, url))
		defer d.Close()
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("kiosk-1", registry.RoleTerminal)))
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("server.2", registry.RoleTerminal)))
		stranger, err := registry.GenerateTerminal("kiosk-1")
		require.NoError(t, err)
		_, err = registry.Open(ctx, url, stranger, generation(t, "points.example", 1))
		require.ErrorIs(t, err, registry.ErrOtherKey)
		_, err = registry.Open(ctx, url, terminal("server"), generation(t, "points.example", 1), registry.WithChains(2))
		require.ErrorIs(t, err, registry.ErrOtherKey)
		openNamed(t, url, "server")
		openNamed(t, url, "kiosk-1")
	})
}

// A server sees a revocation within 3 seconds, and asks the database at most that often.
func TestTerminalsOfAServer(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		r := openNamed(t, url, "server", registry.WithClock(func() time.Time { return now }))
		d := desk(t, r)
		defer d.Close()
		_, err := r.Terminal(ctx, "kiosk-1")
		require.ErrorIs(t, err, registry.ErrNotEnrolled)
		_, err = r.Terminal(ctx, "a b\x00\xff")
		require.ErrorIs(t, err, registry.ErrNotEnrolled)
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("kiosk-1", registry.RoleTerminal)))
		e, err := r.Terminal(ctx, "kiosk-1")
		require.NoError(t, err, "at once")
		assert.Equal(t, terminal("kiosk-1").Public().Key, e.Key)
		assert.Equal(t, registry.RoleTerminal, e.Role)

		require.NoError(t, d.Revoke(ctx, registry.NewOperation(), "kiosk-1"))
		operation := registry.NewOperation()
		_, err = r.From(request("kiosk-1", registry.RoleTerminal, "points.example", operation, "reserve")).Terminal(ctx, "kiosk-1")
		require.NoError(t, err, "the view uses what the registry has read")
		for _, later := range []time.Duration{3 * time.Second, -time.Minute} { // or the clock was set back
			now = today.Add(later)
			_, err = r.Terminal(ctx, "kiosk-1")
			require.ErrorIs(t, err, registry.ErrRevoked)
		}

		now = today
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("kiosk-2", registry.RoleTerminal)))
		_, err = r.Terminal(ctx, "kiosk-2")
		require.NoError(t, err)
		now = today.AddDate(1, 0, 0).Add(time.Second)
		_, err = r.Terminal(ctx, "kiosk-2")
		require.ErrorIs(t, err, registry.ErrEnrollmentExpired)
		now = today
		_, err = r.Terminal(ctx, "kiosk-2")
		require.NoError(t, err)
		require.NoError(t, d.Close())
		_, err = r.DB().Exec(`ALTER TABLE enrolled RENAME TO gone`)
		require.NoError(t, err)
		_, err = r.Terminal(ctx, "kiosk-2")
		require.NoError(t, err)
		now = today.Add(3 * time.Second)
		_, err = r.Terminal(ctx, "kiosk-2")
		require.ErrorIs(t, err, registry.ErrUnavailable, "it is not trusted longer because the database fails")
	})
}

// The audit detects an enrollment that no desk has made. Enrollments outlive a purge.
func TestTamperedEnrollmentsAreDetected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server")
		reserve(t, r, 1)
		d := desk(t, r)
		defer d.Close()
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("kiosk-1", registry.RoleTerminal)))
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), enrolled("kiosk-2", registry.RoleTerminal)))
		require.NoError(t, d.Revoke(ctx, registry.NewOperation(), "kiosk-2"))
		require.NoError(t, d.Purge(ctx, registry.NewOperation(), "c1"))
		renewed := enrolled("kiosk-1", registry.RoleTerminal)
		renewed.Serial = "2f"
		require.NoError(t, d.Enroll(ctx, registry.NewOperation(), renewed))
		_, err := verify(r)
		require.NoError(t, err)
		_, err = r.DB().Exec(`CREATE TABLE saved AS SELECT * FROM enrolled`)
		require.NoError(t, err)
		for _, statement := range []string{
			`UPDATE enrolled SET revoked = 0 WHERE name = 'kiosk-2'`,
			`UPDATE enrolled SET revoked = 0, version = 1 WHERE name = 'kiosk-2'`,
			`UPDATE enrolled SET role = 'clerk' WHERE name = 'kiosk-1'`,
			`UPDATE enrolled SET not_after = not_after + 1 WHERE name = 'kiosk-1'`,
			`UPDATE enrolled SET key = (SELECT hash FROM audit WHERE chain = 'server') WHERE name = 'kiosk-1'`,
			`UPDATE enrolled SET name = 'kiosk-3' WHERE name = 'kiosk-1'`,
			`UPDATE enrolled SET serial = '1f', version = 1 WHERE name = 'kiosk-1'`,
			`DELETE FROM enrolled WHERE name = 'kiosk-2'`,
			`INSERT INTO enrolled SELECT namespace, 'kiosk-4', role, serial, (SELECT hash FROM audit WHERE chain = 'server'), not_after, enrolled, 0, 1
				FROM enrolled WHERE name = 'kiosk-1'`,
		} {
			_, err := r.DB().Exec(statement)
			require.NoError(t, err, statement)
			_, err = verify(r)
			require.ErrorIs(t, err, registry.ErrAudit, statement)
			assert.ErrorContains(t, err, "enrolled terminals")
			for _, restore := range []string{`DELETE FROM enrolled`, `INSERT INTO enrolled SELECT * FROM saved`} {
				_, err := r.DB().Exec(restore)
				require.NoError(t, err)
			}
		}
		_, err = verify(r)
		require.NoError(t, err)
	})
}
