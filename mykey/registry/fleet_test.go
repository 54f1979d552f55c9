package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// fleet is many terminals at one database, and what they were told.
type fleet struct {
	t         testing.TB
	terminals int
	visits    int // to each terminal

	mu          sync.Mutex
	identifiers map[int]mykey.ID // what each holder was told
	applicants  map[int]int      // whose application each account is in
	refused     map[int]bool     // holders whose account was another's before
	answers     atomic.Int64
	retries     atomic.Int64
}

// Every holder comes to two terminals, and every account to two holders.
func (f *fleet) holders() int           { return f.terminals * f.visits / 2 }
func (f *fleet) holderAt(visit int) int { return visit % f.holders() }
func (f *fleet) accountOf(n int) int    { return n % (f.holders() / 2) }

// names are the terminals.
func (f *fleet) names() (list []registry.Terminal) {
	for n := range f.terminals {
		list = append(list, terminal(fmt.Sprint("terminal-", n)))
	}
	return list
}

// patiently repeats what fails for want of a database, under the same operation,
// as a kiosk does while it shows that it is out of service. A terminal that the database
// lost sight of while it started has to wait until its name is free.
func retryUnavailable[T any](ctx context.Context, do func() (T, error)) (T, error) {
	for {
		result, err := do()
		if !errors.Is(err, registry.ErrUnavailable) && !errors.Is(err, registry.ErrTerminalTaken) || ctx.Err() != nil {
			return result, err
		}
	}
}

// run has every terminal serve its visitors, one after the other.
func (f *fleet) run(ctx context.Context, url string) error {
	f.identifiers, f.applicants, f.refused = map[int]mykey.ID{}, map[int]int{}, map[int]bool{}
	errs := make(chan error, f.terminals)
	for terminal := range f.terminals {
		go func() {
			err := f.terminal(ctx, url, terminal)
			if err != nil {
				err = fmt.Errorf("terminal %d: %w", terminal, err)
			}
			errs <- err
		}()
	}
	var all error
	for range f.terminals {
		all = errors.Join(all, <-errs)
	}
	return all
}

func (f *fleet) terminal(ctx context.Context, url string, number int) error {
	r, err := retryUnavailable(ctx, func() (*registry.Registry, error) {
		return registry.Open(ctx, url, f.names()[number], generation(f.t, "points.example", 1),
			registry.WithOperator(operator.PublicKey()), registry.WithIdentifierCount(uint64(4*f.holders())), registry.WithAttempts(32),
			registry.WithoutMigrations(), registry.OnRetry(func(error) { f.retries.Add(1) }))
	})
	if err != nil {
		return err
	}
	defer r.Close()
	for visit := range f.visits {
		if err := f.visit(ctx, r, f.holderAt(number*f.visits+visit)); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) visit(ctx context.Context, r *registry.Registry, n int) error {
	operation := registry.NewOperation()
	mine, err := retryUnavailable(ctx, func() (*registry.Reservation, error) {
		return r.Reserve(ctx, operation, holder(n), registry.RecoveryCode{})
	})
	if err != nil {
		return err
	}
	f.answers.Add(1)
	f.mu.Lock()
	earlier, known := f.identifiers[n]
	f.identifiers[n] = mine.ID
	f.mu.Unlock()
	if known && earlier != mine.ID {
		return fmt.Errorf("holder %d was told %s and %s", n, earlier, mine.ID)
	}

	operation = registry.NewOperation()
	preview, err := retryUnavailable(ctx, func() (registry.Preview, error) { return r.Preview(ctx, holder(n), account(f.accountOf(n))) })
	if err == nil {
		_, err = retryUnavailable(ctx, func() (*registry.Reservation, error) { return r.Confirm(ctx, operation, preview) })
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case errors.Is(err, registry.ErrApplied):
		return nil // at the other terminal
	case errors.Is(err, registry.ErrAccountUsed):
		f.refused[n] = true
		return nil
	case err != nil:
		return err
	}
	f.answers.Add(1)
	if other, used := f.applicants[f.accountOf(n)]; used {
		return fmt.Errorf("account %d was confirmed to holders %d and %d", f.accountOf(n), other, n)
	}
	f.applicants[f.accountOf(n)] = n
	return nil
}

// check compares what was told with what is there.
func (f *fleet) check(t *testing.T, url string) {
	r := open(t, url, registry.WithIdentifierCount(uint64(4*f.holders())))
	owner := map[mykey.ID]int{}
	for n := range f.holders() {
		found, err := r.Find(ctx, holder(n))
		require.NoError(t, err, "holder %d", n)
		require.Equal(t, f.identifiers[n], found.ID)
		require.NotContains(t, owner, found.ID, "an identifier twice")
		owner[found.ID] = n
		assert.Equal(t, f.applicants[f.accountOf(n)] == n, found.Application != nil, "holder %d", n)
		assert.Equal(t, f.applicants[f.accountOf(n)] != n, f.refused[n], "holder %d", n)
	}
	require.Len(t, f.applicants, f.holders()/2, "every account is in one application")
	list := applications(t, r)
	require.Len(t, list, len(f.applicants))
	for _, a := range list {
		opened, err := a.Open(operator)
		require.NoError(t, err)
		n := owner[a.ID]
		assert.Equal(t, parts(account(f.accountOf(n))), parts(opened))
		assert.Equal(t, n, f.applicants[f.accountOf(n)])
	}

	heads, err := verify(r)
	require.NoError(t, err)
	var records int64
	for _, h := range heads {
		records += h.Number
	}
	assert.Equal(t, int64(f.holders()+len(f.applicants)+1), records, "every change once, and the export")
	var reservations int
	require.NoError(t, r.DB().QueryRow(`SELECT count(*) FROM reservations`).Scan(&reservations))
	assert.Equal(t, f.holders(), reservations)
}

// Two hundred terminals at a PostgreSQL server that is killed twice in the
// middle lose nothing that they were told, give no identifier twice, and take no
// application twice.
func TestFleetOutlivesTheServer(t *testing.T) {
	s := postgres(t) // other tests find it running again
	url := s.Database(t)
	open(t, url) // makes the tables
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &fleet{t: t, terminals: 200, visits: 2}
	begin := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- f.run(ctx, url) }()
	for _, kill := range []int64{60, 150} {
		f.waitFor(kill)
		killed := time.Now()
		s.Kill()
		require.Less(t, f.answers.Load(), int64(f.terminals*f.visits), "the server was killed in the middle")
		require.NoError(t, s.Launch())
		t.Logf("killed at %d answers, back after %s", kill, time.Since(killed))
	}
	f.waitFor(int64(f.holders()))
	require.NoError(t, <-ended)
	t.Logf("%d answers, %d tries repeated, %s", f.answers.Load(), f.retries.Load(), time.Since(begin))
	f.check(t, url)
}

// waitFor waits for a number of answers, for as long as there are more now and then:
// how fast they come is the machine's affair.
func (f *fleet) waitFor(answers int64) {
	f.t.Helper()
	for count, since := int64(-1), time.Now(); count < answers; time.Sleep(time.Millisecond) {
		if now := f.answers.Load(); now > count {
			count, since = now, time.Now()
		}
		require.Less(f.t, time.Since(since), 2*time.Minute, "no answer after %d", count)
	}
}

// The same without a kill, and on one machine's file.
func TestFleet(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		open(t, url)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		f := &fleet{t: t, terminals: 16, visits: 8}
		begin, ended := time.Now(), make(chan error, 1)
		go func() { ended <- f.run(ctx, url) }()
		var keys []registry.TerminalKey
		for _, terminal := range f.names() {
			keys = append(keys, terminal.Public())
		}
		auditor, running := open(t, url), true
		for running { // beside the terminals
			_, err := verifyWith(auditor, keys)
			require.NoError(t, err)
			select {
			case err := <-ended:
				require.NoError(t, err)
				running = false
			default:
			}
		}
		t.Logf("%d answers, %d tries repeated, %s", f.answers.Load(), f.retries.Load(), time.Since(begin))
		f.check(t, url)
	})
}
