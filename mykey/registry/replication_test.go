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

// startReplication starts a primary, whose commits wait for a standby, and the standby.
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

// reservations returns the number of reservations on a server, which may be a standby.
func reservations(t *testing.T, url string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM reservations`).Scan(&n))
	return n
}

// cancelOnStall returns a context that is canceled when a counter does not change for two
// minutes.
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

// A commit that no standby has confirmed is not reported as success, whether an administrator
// cancels its wait, which the server reports only as a warning, or the attempt times out.
// After the standby is back, the change is applied once.
//
// Faults: F98.
func TestUnconfirmedCommitsAreNotReported(t *testing.T) {
	t.Parallel() // it mostly waits
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
				if !restarted { // the next test needs the standby
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
			assert.Equal(t, 2, reservations(t, url), "the primary has it, but it may be lost")

			require.NoError(t, standby.Launch())
			restarted = true
			reservation, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
			require.NoError(t, err)
			assert.NotEqual(t, first.ID, reservation.ID)
			heads, err := verify(r)
			require.NoError(t, err)
			assert.Equal(t, int64(2), heads[0].Number, "applied once")
			copied := strings.Replace(url, primary.Address(), standby.Address(), 1)
			require.Eventually(t, func() bool { return reservations(t, copied) == 2 }, time.Minute, time.Millisecond)
		})
	}
}

// If the primary is killed and its standby takes over, no result of a terminal is lost. The
// URL names both servers.
//
// Faults: F140.
func TestFleetOutlivesThePrimary(t *testing.T) {
	primary, standby := startReplication(t)
	address := primary.Address() + "," + standby.Address()
	url := strings.Replace(primary.Database(t), primary.Address(), address, 1) + "&target_session_attrs=read-write"
	open(t, url) // creates the tables
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
	t.Logf("%d answers, %d retries, %s", f.answers.Load(), f.retries.Load(), time.Since(begin))
	f.check(t, url)
}
