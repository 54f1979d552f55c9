package registry_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A program extends several chains at once, and continues them after a restart. One key
// verifies all of them.
func TestChainsAreExtendedAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		earlier := map[string]int64{"server": 0, "server.2": 0, "server.3": 0, "server.4": 0}
		for run := range 2 {
			r := openNamed(t, url, "server", registry.WithChains(4))
			assert.Equal(t, earlier, r.HeadNumbers(), "of the earlier run")
			var callers sync.WaitGroup
			for n := range 24 {
				callers.Go(func() {
					_, err := r.Reserve(ctx, registry.NewOperation(), holder(100*run+n), registry.RecoveryCode{})
					assert.NoError(t, err)
				})
			}
			_ = r.HeadNumbers() // safe for concurrent use
			callers.Wait()
			heads, err := verifyWith(r, []registry.TerminalKey{terminal("server").Public()})
			require.NoError(t, err)
			var names []string
			var records int64
			numbers := map[string]int64{}
			for _, h := range heads {
				names, records = append(names, h.Chain), records+h.Number
				numbers[h.Chain] = h.Number
			}
			earlier = r.HeadNumbers()
			assert.Equal(t, numbers, earlier)
			assert.Equal(t, []string{"server", "server.2", "server.3", "server.4"}, names)
			assert.Equal(t, int64(24*(run+1)), records)
			require.NoError(t, r.Close())
		}
	})
}

// The same operation through several chains at once is applied once.
func TestOperationsAreAppliedOnceAcrossChains(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server", registry.WithChains(8))
		for n := range 5 {
			operation := registry.NewOperation()
			var callers sync.WaitGroup
			for range 8 {
				callers.Go(func() {
					_, err := r.Reserve(ctx, operation, holder(n), registry.RecoveryCode{})
					assert.NoError(t, err)
				})
			}
			callers.Wait()
		}
		heads, err := verifyWith(r, []registry.TerminalKey{terminal("server").Public()})
		require.NoError(t, err)
		var records int64
		for _, h := range heads {
			records += h.Number
		}
		assert.Equal(t, int64(5), records)
	})
}

// A name with a key of its own is not another program's chain, and an audit accepts no other
// names under a program's key.
func TestFurtherChainsNeedTheProgramsKey(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server", registry.WithChains(2))
		for n := range 2 {
			reserve(t, r, n)
		}
		own := terminal("server").Public()
		_, err := verifyWith(r, []registry.TerminalKey{own, terminal("server.2").Public()})
		var broken *registry.AuditError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "server.2", broken.Chain)
		for _, name := range []string{"server.1", "server.02", "server.x", "server.2.2", "server2", ".2", "serve.2"} {
			_, err := r.DB().Exec(`UPDATE audit SET chain = $1 WHERE chain <> 'server'`, name)
			require.NoError(t, err)
			_, err = verifyWith(r, []registry.TerminalKey{own})
			require.ErrorAs(t, err, &broken)
			assert.Equal(t, name, broken.Chain)
			assert.Equal(t, "no key was given for this terminal", broken.Reason)
		}
	})
}

// All the names are claimed, renewed by Ping and released by Close.
func TestChainsAreClaimedTogether(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		clock := registry.WithClock(func() time.Time { return now })
		begin := func(name string, chains int) (*registry.Registry, error) {
			return registry.Open(ctx, url, terminal(name), generation(t, "points.example", 1), clock, registry.WithChains(chains))
		}
		first, err := begin("server", 3)
		require.NoError(t, err)
		defer first.Close()
		for _, chains := range []int{1, 2, 8} {
			_, err := begin("server", chains)
			require.ErrorIs(t, err, registry.ErrTerminalTaken)
		}
		_, err = begin("server.3", 1)
		require.ErrorIs(t, err, registry.ErrTerminalTaken)
		now = today.Add(14 * time.Second)
		require.NoError(t, first.Ping(ctx))
		now = today.Add(20 * time.Second)
		_, err = begin("server.3", 1)
		require.ErrorIs(t, err, registry.ErrTerminalTaken, "Ping renews the claims of all chains")

		now = today.Add(40 * time.Second)
		second, err := begin("server.3", 1)
		require.NoError(t, err)
		require.ErrorIs(t, first.Ping(ctx), registry.ErrTerminalTaken)
		require.NoError(t, second.Close())
		require.NoError(t, first.Close())
		third, err := begin("server", 3)
		require.NoError(t, err, "Close releases all names")
		require.NoError(t, third.Close())

		_, err = begin(strings.Repeat("x", 63), 2)
		require.ErrorIs(t, err, registry.ErrTerminal, "the name of the second chain is too long")
	})
}

// Ping returns while other chains are in use, and does not wait longer than its context for one.
func TestPingDuringChanges(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := openNamed(t, url, "server", registry.WithChains(2))
		first := r.TakeChain()
		require.NoError(t, r.Ping(ctx))
		second := r.TakeChain()
		expired, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		require.ErrorIs(t, r.Ping(expired), registry.ErrUnavailable)
		first()
		second()
		require.NoError(t, r.Ping(ctx))
	})
}

// Several servers with several chains each work at once on a database.
func TestServersWithChains(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		var servers []*registry.Registry
		for n := range 3 {
			servers = append(servers, openNamed(t, url, fmt.Sprint("server-", n), registry.WithChains(4)))
		}
		const holders = 40
		var callers sync.WaitGroup
		for n := range 3 * holders {
			callers.Go(func() {
				_, err := retryUnavailable(ctx, func() (*registry.Reservation, error) {
					return servers[n%3].Reserve(ctx, registry.NewOperation(), holder(n/3), registry.RecoveryCode{})
				})
				assert.NoError(t, err)
			})
		}
		callers.Wait()
		var reservations int
		require.NoError(t, servers[0].DB().QueryRow(`SELECT count(*) FROM reservations`).Scan(&reservations))
		assert.Equal(t, holders, reservations, "one for each holder")
		_, err := verifyWith(servers[0], []registry.TerminalKey{terminal("server-0").Public(), terminal("server-1").Public(), terminal("server-2").Public()})
		require.NoError(t, err)
	})
}
