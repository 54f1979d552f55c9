package registry_test

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A database that has another transaction in the way for ever is asked 20 times,
// with pauses that are random parts of spans which double up to half a second: 3
// seconds in the mean. Then a person is told, and why.
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
	for _, last := range []int{1, 2, 20} { // the attempt at which it is not in the way any more
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
		for started := time.Now(); time.Since(started) < time.Millisecond; { // longer than its patience
		}
		return registry.ErrConflict
	})
	require.ErrorIs(t, err, registry.ErrUnavailable)
	require.Equal(t, 1, attempts)
}

// wire is a proxy in front of a database server, that loses what it is told to.
type proxy struct {
	target string

	mu        sync.Mutex
	fault     fault
	remaining int // times
}

type fault int

const (
	noFault     fault = iota
	dropRequest       // the commit does not reach the server
	dropAnswer        // the server commits, and nobody hears of it
	dropAll           // nothing passes any more, and nothing is closed
)

// newWire returns the proxy, and a database's URL that leads through it.
func newProxy(t *testing.T, database string) (*proxy, string) {
	u, err := url.Parse(database)
	require.NoError(t, err)
	p := &proxy{target: u.Host}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	u.Host = l.Addr().String()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.forward(client)
		}
	}()
	return p, u.String()
}

func (w *proxy) inject(l fault, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault, w.remaining = l, times
}

// next tells what to do with what a client sent.
func (w *proxy) faultFor(b []byte) fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.fault == dropAll:
		return dropAll
	case w.remaining > 0 && bytes.Contains(b, []byte("commit\x00")):
		w.remaining--
		return w.fault
	}
	return noFault
}

func (w *proxy) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer server.Close()
	answers := make(chan []byte)
	go func() {
		defer close(answers)
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if err != nil {
				return
			}
			answers <- bytes.Clone(b[:n])
		}
	}()
	requests := make(chan []byte)
	go func() {
		defer close(requests)
		b := make([]byte, 64<<10)
		for {
			n, err := client.Read(b)
			if err != nil {
				return
			}
			requests <- bytes.Clone(b[:n])
		}
	}()
	defer func() { go drain(answers); go drain(requests) }()
	for {
		select {
		case b, ok := <-answers:
			if !ok {
				return
			}
			if w.faultFor(nil) == dropAll {
				continue
			}
			if _, err := client.Write(b); err != nil {
				return
			}
		case b, ok := <-requests:
			if !ok {
				return
			}
			what := w.faultFor(b)
			if what == dropAll {
				continue
			}
			if what == dropRequest {
				return
			}
			if _, err := server.Write(b); err != nil {
				return
			}
			if what == dropAnswer {
				<-answers
				return
			}
		}
	}
}

func drain(c chan []byte) {
	for range c {
	}
}

// A connection that is lost during COMMIT leaves it open whether the change was
// made. Trying again finds out, and makes it once.
func TestUnknownCommitOutcomeIsResolved(t *testing.T) {
	t.Parallel() // it waits, mostly
	p, url := newProxy(t, engines["postgres"](t))
	var retries []error
	r := open(t, url, registry.OnRetry(func(err error) { retries = append(retries, err) }),
		registry.WithSleep(func(context.Context, time.Duration) error { return nil }))
	code := registry.NewRecoveryCode()
	n := 0
	for name, what := range map[string]fault{"request": dropRequest, "answer": dropAnswer} {
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
						p.inject(what, times)
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
					if change.name != "Confirm" { // which arms it after the preview
						p.inject(what, times)
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
				assert.Equal(t, recordsBefore+int64(len(changes)), after[0].Number, "each change once")
			})
		}
	}
}

// The result of a change whose answer was lost is the result that it had.
func TestLostAnswerIsRepeated(t *testing.T) {
	p, through := newProxy(t, engines["postgres"](t))
	r := open(t, through)
	p.inject(dropAnswer, 1)
	reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
	require.NoError(t, err)
	assert.True(t, reservation.New, "its recovery code is shown")
}

// A server that says nothing any more ends with the caller's context, and one
// that is gone after a bounded number of tries with pauses between.
func TestUnreachableServer(t *testing.T) {
	t.Parallel() // it waits, mostly
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
	require.NoError(t, err, "the same operation, when the server is back")
	assert.True(t, reservation.New)

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = r.Reserve(ended, registry.NewOperation(), holder(3), registry.RecoveryCode{})
	require.ErrorIs(t, err, context.Canceled)
}

// A server that takes connections and says nothing is not asked twenty times.
func TestSilentServerIsNotRetried(t *testing.T) {
	t.Parallel() // it waits, mostly
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

// Nor does one that falls silent in the middle hold a caller whose context has no
// end.
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

// What a server refuses for good, a password, is not tried again: others count
// such tries.
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

// A file that another program holds locked is waited for, for as long as the
// caller wants.
func TestLockedFileBlocksWriters(t *testing.T) {
	t.Parallel() // it waits, mostly
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
	require.ErrorIs(t, err, registry.ErrNotFound, "readers don't wait")

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

// The same operation at two terminals at the same time is done once, and both
// get the answer.
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

// A second program under a terminal's name is refused, until the first has ended or
// has been silent for a while; and the first, if it comes back then, is refused too.
//
// Faults: F102.
func TestTerminalNameIsExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		now := today
		clock := registry.WithClock(func() time.Time { return now })
		begin := func() (*registry.Registry, error) {
			return registry.Open(ctx, url, terminal("a"), generation(t, "points.example", 1), clock)
		}
		first, err := begin()
		require.NoError(t, err)
		defer first.Close()
		reserve(t, first, 1)
		for _, later := range []time.Duration{0, 14 * time.Second, -14 * time.Second} {
			now = today.Add(later)
			_, err := begin()
			require.ErrorIs(t, err, registry.ErrTerminalTaken, later)
		}
		now = today.Add(14 * time.Second)
		require.NoError(t, first.Ping(ctx))
		now = today.Add(20 * time.Second)
		_, err = begin()
		require.ErrorIs(t, err, registry.ErrTerminalTaken, "the first is there")

		now = today.Add(29 * time.Second) // as after the first was killed, or cut off
		second, err := begin()
		require.NoError(t, err)
		reserve(t, second, 2)
		require.ErrorIs(t, first.Ping(ctx), registry.ErrTerminalTaken)
		_, err = first.Reserve(ctx, registry.NewOperation(), holder(3), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrTerminalTaken)
		_, err = first.Reserve(ctx, registry.NewOperation(), holder(1), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrTerminalTaken, "what only finds something, too")
		require.NoError(t, first.Close())
		require.NoError(t, second.Ping(ctx), "which the first's end does not touch")

		require.NoError(t, second.Close())
		third, err := begin()
		require.NoError(t, err, "ended in order")
		reserve(t, third, 3)
		require.NoError(t, third.Close())

		now = today.Add(time.Hour) // by a clock that was set wrong
		fourth, err := begin()
		require.NoError(t, err)
		defer fourth.Close()
		now = today
		fifth, err := begin()
		require.NoError(t, err, "the name is not taken until that hour has come")
		require.NoError(t, fifth.Close())
		heads, err := verify(open(t, url))
		require.NoError(t, err)
		assert.Equal(t, int64(3), heads[0].Number)
	})
}

// A terminal with the name of another, but not its key, can't go on with its chain.
//
// Faults: F106.
func TestOpenRejectsOtherTerminalKey(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		first := openNamed(t, url, "a")
		reserve(t, first, 1)
		require.NoError(t, first.Close())
		stranger, err := registry.GenerateTerminal("a")
		require.NoError(t, err)
		_, err = registry.Open(ctx, url, stranger, generation(t, "points.example", 1))
		require.ErrorIs(t, err, registry.ErrTerminal)
		reserve(t, openNamed(t, url, "a"), 2) // whose name the other has given back
	})
}

// A caller whose time is over before the attempts hears why they failed, too: an
// operator can't mend "context deadline exceeded".
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
