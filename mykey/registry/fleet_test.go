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

// fleet simulates terminals that share a database, and collects their results.
type fleet struct {
	t         testing.TB
	terminals int
	visits    int // per terminal

	mu          sync.Mutex
	identifiers map[int]mykey.ID // by holder
	applicants  map[int]int      // holder by account
	refused     map[int]bool     // holders whose account was already used
	answers     atomic.Int64
	retries     atomic.Int64
}

// holders returns the number of holders. Every holder visits two terminals, and every account
// belongs to two holders.
func (f *fleet) holders() int           { return f.terminals * f.visits / 2 }
func (f *fleet) holderAt(visit int) int { return visit % f.holders() }
func (f *fleet) accountOf(n int) int    { return n % (f.holders() / 2) }

// names returns the terminals.
func (f *fleet) names() (list []registry.Terminal) {
	for n := range f.terminals {
		list = append(list, terminal(fmt.Sprint("terminal-", n)))
	}
	return list
}

// retryUnavailable repeats do while the database is unavailable, as a kiosk does while it is
// out of service. After an interrupted start the terminal's name is taken until the lease
// expires.
func retryUnavailable[T any](ctx context.Context, do func() (T, error)) (T, error) {
	for {
		result, err := do()
		if !errors.Is(err, registry.ErrUnavailable) && !errors.Is(err, registry.ErrTerminalTaken) || ctx.Err() != nil {
			return result, err
		}
	}
}

// run runs all terminals. Each serves its visitors one after the other.
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
	reservation, err := retryUnavailable(ctx, func() (*registry.Reservation, error) {
		return r.Reserve(ctx, operation, holder(n), registry.RecoveryCode{})
	})
	if err != nil {
		return err
	}
	f.answers.Add(1)
	f.mu.Lock()
	earlier, known := f.identifiers[n]
	f.identifiers[n] = reservation.ID
	f.mu.Unlock()
	if known && earlier != reservation.ID {
		return fmt.Errorf("holder %d got %s and %s", n, earlier, reservation.ID)
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
		return nil // applied at the other terminal
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

// check compares the results with the database.
func (f *fleet) check(t *testing.T, url string) {
	r := open(t, url, registry.WithIdentifierCount(uint64(4*f.holders())))
	owner := map[mykey.ID]int{}
	for n := range f.holders() {
		found, err := r.Find(ctx, holder(n))
		require.NoError(t, err, "holder %d", n)
		require.Equal(t, f.identifiers[n], found.ID)
		require.NotContains(t, owner, found.ID, "two holders have the same identifier")
		owner[found.ID] = n
		assert.Equal(t, f.applicants[f.accountOf(n)] == n, found.Application != nil, "holder %d", n)
		assert.Equal(t, f.applicants[f.accountOf(n)] != n, f.refused[n], "holder %d", n)
	}
	require.Len(t, f.applicants, f.holders()/2, "every account must be in one application")
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
	assert.Equal(t, int64(f.holders()+len(f.applicants)+1), records, "one record per change, and one for the export")
	var reservations int
	require.NoError(t, r.DB().QueryRow(`SELECT count(*) FROM reservations`).Scan(&reservations))
	assert.Equal(t, f.holders(), reservations)
}

// While 200 terminals work, the PostgreSQL server is killed twice. No result is lost, no
// identifier is assigned twice, and no application is made twice.
func TestFleetOutlivesTheServer(t *testing.T) {
	s := postgres(t) // it runs again after this test
	url := s.Database(t)
	open(t, url) // creates the tables
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
	t.Logf("%d answers, %d retries, %s", f.answers.Load(), f.retries.Load(), time.Since(begin))
	f.check(t, url)
}

// waitFor blocks until the terminals have received a number of answers. It fails only if there
// is no progress for two minutes.
func (f *fleet) waitFor(answers int64) {
	f.t.Helper()
	for count, since := int64(-1), time.Now(); count < answers; time.Sleep(time.Millisecond) {
		if now := f.answers.Load(); now > count {
			count, since = now, time.Now()
		}
		require.Less(f.t, time.Since(since), 2*time.Minute, "no answer after %d", count)
	}
}

// Terminals work at the same time with both engines, while the audit log is verified.
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
		for running { // while the terminals work
			_, err := verifyWith(auditor, keys)
			require.NoError(t, err)
			select {
			case err := <-ended:
				require.NoError(t, err)
				running = false
			default:
			}
		}
		t.Logf("%d answers, %d retries, %s", f.answers.Load(), f.retries.Load(), time.Since(begin))
		f.check(t, url)
	})
}
