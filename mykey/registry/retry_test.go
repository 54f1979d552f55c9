package registry_test

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A transaction that conflicts every time is attempted 20 times. The pauses are random
// parts of intervals that double up to half a second, 3 seconds in total on average. Then
// the error contains the cause.
func TestRetriesAreBounded(t *testing.T) {
	var pauses []time.Duration
	sleep := func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	r := open(t, engines["sqlite"](t), registry.WithSleep(sleep), registry.WithRetryTime(time.Hour))
	for range 50 {
		attempts := 0
		pauses = nil
		err := r.Transact(ctx, func(func(string, ...any) error) error { attempts++; return registry.ErrConflict })
		require.ErrorIs(t, err, registry.ErrUnavailable)
		require.ErrorIs(t, err, registry.ErrConflict)
		require.Equal(t, 20, attempts)
		require.Len(t, pauses, 19)
		var total time.Duration
		for i, pause := range pauses {
			span := min(4*time.Millisecond<<i, 500*time.Millisecond)
			require.GreaterOrEqual(t, pause, time.Duration(0))
			require.Less(t, pause, span)
			total += span
		}
		require.InDelta(t, 3, total.Seconds()/2, 0.5)
	}
	for _, last := range []int{1, 2, 20} { // the first attempt without a conflict
		attempts := 0
		require.NoError(t, r.Transact(ctx, func(func(string, ...any) error) error {
			if attempts++; attempts < last {
				return registry.ErrConflict
			}
			return nil
		}))
		require.Equal(t, last, attempts)
	}
	impatient := open(t, engines["sqlite"](t), registry.WithSleep(sleep), registry.WithRetryTime(time.Nanosecond))
	attempts := 0
	err := impatient.Transact(ctx, func(func(string, ...any) error) error {
		attempts++
		for started := time.Now(); time.Since(started) < time.Millisecond; { // longer than the retry time
		}
		return registry.ErrConflict
	})
	require.ErrorIs(t, err, registry.ErrUnavailable)
	require.Equal(t, 1, attempts)
}

// If the connection is lost during COMMIT, the outcome is unknown. The retry finds out, and
// the change is applied once.
func TestUnknownCommitOutcomeIsResolved(t *testing.T) {
	t.Parallel() // it mostly waits
	p, url := newProxy(t, engines["postgres"](t))
	var retries []error
	r := open(t, url, registry.OnRetry(func(err error) { retries = append(retries, err) }),
		registry.WithSleep(func(context.Context, time.Duration) error { return nil }))
	code := registry.NewRecoveryCode()
	n := 0
	for name, fault := range map[string]fault{"request": dropRequest, "answer": dropAnswer} {
		for _, times := range []int{1, 3} {
			t.Run(name, func(t *testing.T) {
				n += 10
				before, err := verify(r)
				require.NoError(t, err)
				changes := []struct {
					name string
					do   func() (*registry.Reservation, error)
				}{
					{"Reserve", func() (*registry.Reservation, error) {
						return r.Reserve(ctx, registry.NewOperation(), holder(n), code)
					}},
					{"Confirm", func() (*registry.Reservation, error) {
						preview, err := r.Preview(ctx, holder(n), account(n))
						require.NoError(t, err)
						p.inject(fault, times)
						return r.Confirm(ctx, registry.NewOperation(), preview)
					}},
					{"Renew", func() (*registry.Reservation, error) {
						return r.Renew(ctx, registry.NewOperation(), holder(n+1), registry.ByOldCard(holder(n)), code)
					}},
					{"Renew by code", func() (*registry.Reservation, error) {
						reservation, err := r.Find(ctx, holder(n+1))
						require.NoError(t, err)
						return r.Renew(ctx, registry.NewOperation(), holder(n+2), registry.ByRecoveryCode(reservation.ID, code), registry.RecoveryCode{})
					}},
					{"Withdraw", func() (*registry.Reservation, error) {
						return r.Withdraw(ctx, registry.NewOperation(), holder(n+2))
					}},
				}
				for _, change := range changes {
					retries = nil
					if change.name != "Confirm" { // which injects the fault after the preview
						p.inject(fault, times)
					}
					result, err := change.do()
					require.NoError(t, err, change.name)
					require.NotNil(t, result)
					assert.NotEmpty(t, retries, change.name)
					p.inject(noFault, 0)
				}
				after, err := verify(r)
				require.NoError(t, err)
				var recordsBefore int64
				if len(before) > 0 {
					recordsBefore = before[0].Number
				}
				assert.Equal(t, recordsBefore+int64(len(changes)), after[0].Number, "each change must be applied once")
			})
		}
	}
}

// If the answer to a commit is lost, Reserve returns the result of the committed change.
func TestLostAnswerIsRepeated(t *testing.T) {
	p, through := newProxy(t, engines["postgres"](t))
	r := open(t, through)
	p.inject(dropAnswer, 1)
	reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
	require.NoError(t, err)
	assert.True(t, reservation.New, "the recovery code must be shown")
}

// If the server does not answer, calls return when their context is done. If it closes
// connections, they return after a bounded number of retries.
func TestUnreachableServer(t *testing.T) {
	t.Parallel() // it mostly waits
	p, through := newProxy(t, engines["postgres"](t))
	var pauses []time.Duration
	r := open(t, through, registry.WithSleep(func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}))
	reserve(t, r, 1)
	p.inject(dropAll, 0)
	operation := registry.NewOperation()
	for name, call := range map[string]func(context.Context) error{
		"Reserve": func(ctx context.Context) error {
			_, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
			return err
		},
		"Find": func(ctx context.Context) error { _, err := r.Find(ctx, holder(1)); return err },
		"Ping": func(ctx context.Context) error { return r.Ping(ctx) },
		"Open": func(ctx context.Context) error {
			_, err := registry.Open(ctx, through, terminal(nextName()), generation(t, "points.example", 1))
			return err
		},
	} {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		err := call(short)
		cancel()
		require.ErrorIs(t, err, registry.ErrUnavailable, name)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
	}

	p.inject(dropRequest, 1000)
	pauses = nil
	_, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
	require.ErrorIs(t, err, registry.ErrUnavailable)
	assert.Len(t, pauses, 19)
	for i, pause := range pauses {
		assert.Less(t, pause, min(4*time.Millisecond<<i, 500*time.Millisecond))
	}
	p.inject(noFault, 0)
	reservation, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
	require.NoError(t, err, "the same operation, after the server is back")
	assert.True(t, reservation.New)

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = r.Reserve(ended, registry.NewOperation(), holder(3), registry.RecoveryCode{})
	require.ErrorIs(t, err, context.Canceled)
}

// A server that accepts connections but never answers is not retried beyond the retry time.
func TestSilentServerIsNotRetried(t *testing.T) {
	t.Parallel() // it mostly waits
	p, through := newProxy(t, engines["postgres"](t))
	p.inject(dropAll, 0)
	retries := 0
	begin := time.Now()
	_, err := registry.Open(ctx, through+"&connect_timeout=1", terminal(nextName()), generation(t, "points.example", 1),
		registry.WithRetryTime(time.Millisecond), registry.OnRetry(func(error) { retries++ }))
	require.ErrorIs(t, err, registry.ErrUnavailable)
	assert.Zero(t, retries)
	assert.Less(t, time.Since(begin), 15*time.Second)
}

// If the server stops answering, calls return even if their context has no deadline.
func TestServerStopsAnswering(t *testing.T) {
	p, through := newProxy(t, engines["postgres"](t))
	r := open(t, through)
	reserve(t, r, 1)
	r.LimitRetries(50 * time.Millisecond)
	p.inject(dropAll, 0)
	limit, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for name, call := range map[string]func() error{
		"Reserve": func() error {
			_, err := r.Reserve(limit, registry.NewOperation(), holder(2), registry.RecoveryCode{})
			return err
		},
		"Find":    func() error { _, err := r.Find(limit, holder(1)); return err },
		"Preview": func() error { _, err := r.Preview(limit, holder(1), account(1)); return err },
	} {
		require.ErrorIs(t, call(), registry.ErrUnavailable, name)
		require.NoError(t, limit.Err(), name)
	}
}

// A wrong password is not retried, because servers may count failed logins.
func TestWrongPasswordIsNotRetried(t *testing.T) {
	u, err := url.Parse(engines["postgres"](t))
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), "wrong")
	var retries []error
	_, err = registry.Open(ctx, u.String(), terminal(nextName()), generation(t, "points.example", 1), registry.OnRetry(func(err error) { retries = append(retries, err) }),
		registry.WithSleep(func(context.Context, time.Duration) error { return nil }))
	require.ErrorIs(t, err, registry.ErrUnavailable)
	require.ErrorContains(t, err, "28P01") // invalid_password
	assert.Empty(t, retries)
}

// While another program has locked the file, writers block until their context is done, and
// readers do not block.
func TestLockedFileBlocksWriters(t *testing.T) {
	t.Parallel() // it mostly waits
	r := open(t, engines["sqlite"](t))
	lock, err := r.DB().Conn(ctx)
	require.NoError(t, err)
	_, err = lock.ExecContext(ctx, `BEGIN IMMEDIATE`)
	require.NoError(t, err)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	operation := registry.NewOperation()
	_, err = r.Reserve(short, operation, holder(1), registry.RecoveryCode{})
	require.ErrorIs(t, err, registry.ErrUnavailable)
	_, err = r.Find(ctx, holder(1))
	require.ErrorIs(t, err, registry.ErrNotFound, "readers must not block")

	done := make(chan error, 1)
	go func() {
		_, err := r.Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		done <- err
	}()
	_, err = lock.ExecContext(ctx, `ROLLBACK`)
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.NoError(t, lock.Close())
}

// The same operation at two terminals at the same time is applied once, and both get the
// answer.
func TestConcurrentDoubleSubmit(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		a, b := openNamed(t, url, "a"), openNamed(t, url, "b")
		for n := range 10 {
			reserve(t, a, n)
			preview, err := a.Preview(ctx, holder(n), account(n))
			require.NoError(t, err)
			operation := registry.NewOperation()
			errs := make(chan error)
			for _, r := range []*registry.Registry{a, b, a, b} {
				go func() {
					_, err := r.Confirm(ctx, operation, preview)
					errs <- err
				}()
			}
			for range 4 {
				require.NoError(t, <-errs)
			}
		}
		assert.Len(t, applications(t, a), 10)
		_, err := verify(a)
		require.NoError(t, err)
	})
}

// If the context is done before the retries are exhausted, the error contains the cause of
// the last failure too, so that an operator can fix it.
//
// Faults: F137.
func TestDeadlineErrorContainsCause(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = registry.Open(ctx, "postgres://kiosk@"+address+"/none", terminal(nextName()), generation(t, "points.example", 1))
	require.ErrorIs(t, err, registry.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "refused")
}

// lateContext is done some time after its deadline, as a context's timer can be later than that of a connection with
// the same deadline.
type lateContext struct {
	context.Context
	deadline time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

// An attempt that the deadline ended is not the cause, even if the context is done a little later.
//
// Faults: F137.
func TestDeadlineOfAConnectionIsNotTheCause(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	late := lateContext{ctx, time.Now().Add(time.Second)}
	_, err = registry.Open(late, "postgres://kiosk@"+address+"/none", terminal(nextName()), generation(t, "points.example", 1))
	require.ErrorIs(t, err, registry.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "refused")
}
