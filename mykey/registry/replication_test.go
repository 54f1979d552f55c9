package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/postgrestest"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// replicated is a primary whose commits wait for a standby.
func startReplication(t *testing.T) (primary, standby *postgrestest.Server) {
	t.Helper()
	primary, err := postgrestest.Start()
	primary = postgrestest.Must(t, primary, err)
	t.Cleanup(primary.Stop)
	standby, err = primary.Standby()
	require.NoError(t, err)
	t.Cleanup(standby.Stop)
	require.NoError(t, primary.Synchronous())
	return primary, standby
}

// reservations counts the reservations that a server has, also one that only follows.
func reservations(t *testing.T, url string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM reservations`).Scan(&n))
	return n
}

// stalled ends a context when a counter stands still for a long time: only who hangs is
// ended, not who is slow.
func cancelOnStall(ctx context.Context, t *testing.T, counter *atomic.Int64) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	ticker := time.NewTicker(2 * time.Minute)
	t.Cleanup(func() { ticker.Stop(); cancel(nil) })
	go func() {
		for last := int64(-1); ; last = counter.Load() {
			if counter.Load() == last {
				cancel(errors.New("no progress"))
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx
}

// A commit that no standby has confirmed is not told as done, however its wait ends:
// cancelled by an administrator, which the server announces by a warning only, or by the
// time that an attempt may take. When the standby is back, the change is done once.
//
// Faults: F98.
func TestUnconfirmedCommitsAreNotReported(t *testing.T) {
	t.Parallel() // it waits, mostly
	primary, standby := startReplication(t)
	noSleep := func(context.Context, time.Duration) error { return nil }
	options := []registry.Option{registry.WithSleep(noSleep), registry.WithRetryTime(time.Hour)}
	for name, limit := range map[string]time.Duration{"cancelled": time.Hour, "timed out": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			url := primary.Database(t)
			r := openNamed(t, url, "a")
			first := reserve(t, r, 1)
			require.NoError(t, r.Close())
			retries := 0
			r = openNamed(t, url, "a", append(options, registry.OnRetry(func(error) { retries++ }))...)
			r.SetAttemptTimeout(limit)
			standby.Kill()
			restarted := false
			t.Cleanup(func() {
				if !restarted { // the next test would wait for it
					assert.NoError(t, standby.Launch())
				}
			})

			operation := registry.NewOperation()
			ended := make(chan error, 1)
			go func() {
				_, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
				ended <- err
			}()
			cancelled := 0
			var reserveErr error
			for waiting := true; waiting; {
				select {
				case reserveErr = <-ended:
					waiting = false
				case <-time.After(10 * time.Millisecond):
					if name == "cancelled" {
						n, err := primary.CancelWaits()
						require.NoError(t, err)
						cancelled += n
					}
				}
			}
			require.ErrorIs(t, reserveErr, registry.ErrUnavailable)
			assert.Equal(t, 19, retries)
			assert.Equal(t, name == "cancelled", cancelled >= 20)
			assert.Equal(t, 2, reservations(t, url), "it is there, and may be lost")

			require.NoError(t, standby.Launch())
			restarted = true
			mine, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
			require.NoError(t, err)
			assert.NotEqual(t, first.ID, mine.ID)
			heads, err := verify(r)
			require.NoError(t, err)
			assert.Equal(t, int64(2), heads[0].Number, "done once")
			copied := strings.Replace(url, primary.Address(), standby.Address(), 1)
			require.Eventually(t, func() bool { return reservations(t, copied) == 2 }, time.Minute, time.Millisecond)
		})
	}
}

// Nothing is lost that terminals were told, when the primary is killed and its standby
// takes over. Their URL names both servers.
func TestFleetOutlivesThePrimary(t *testing.T) {
	primary, standby := startReplication(t)
	address := primary.Address() + "," + standby.Address()
	url := strings.Replace(primary.Database(t), primary.Address(), address, 1) + "&target_session_attrs=read-write"
	open(t, url) // makes the tables
	f := &fleet{t: t, terminals: 20, visits: 8}
	ctx := cancelOnStall(ctx, t, &f.answers)
	begin, ended := time.Now(), make(chan error, 1)
	go func() { ended <- f.run(ctx, url) }()
	for f.answers.Load() < 40 {
		require.NoError(t, ctx.Err())
		time.Sleep(time.Millisecond)
	}
	primary.Kill()
	require.Less(t, f.answers.Load(), int64(f.terminals*f.visits), "the primary was killed in the middle")
	require.NoError(t, standby.Promote())
	require.NoError(t, <-ended)
	t.Logf("%d answers, %d attempts repeated, %s", f.answers.Load(), f.retries.Load(), time.Since(begin))
	f.check(t, url)
}
