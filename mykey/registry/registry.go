package registry

import (
	"context"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
)

// maxConnections bounds the open connections of a registry with one chain. A terminal
// needs one, and another one for a clerk.
const maxConnections = 4

// Registry stores the reservations and applications of one namespace. Several
// namespaces can share a database. It is safe for concurrent use.
type Registry struct {
	storage        *storage
	namespace      string
	current        Generation
	others         []Generation
	terminal       Terminal
	origin         *Origin  // of the requests through this view, or nil; see From
	session        [16]byte // identifies this process among those with the terminal's name
	issuers        []trust.Issuer
	linked         []trust.Issuer // see LinkBySubject
	operator       hpke.PublicKey
	maxAttempts    uint32
	skipMigrations bool // see WithoutMigrations
	now            func() time.Time
	random         io.Reader

	// derive derives candidates. Tests of collisions replace it.
	derive func(g Generation, attempt uint32, holder *proof.Holder) (mykey.ID, error)
	sleep  func(context.Context, time.Duration) error
	// retryTime bounds how long a change is repeated, and attemptTimeout each attempt.
	retryTime, attemptTimeout time.Duration
	// onRetry is called with each error that leads to a retry, in tests.
	onRetry func(error)

	pageSize int // number of rows that an export reads per query

	chainCount int
	chains     []*chain
	freeChains chan *chain // see takeChain

	shared *shared
}

// shared is what changes while the views of a registry use it, see [Registry.From].
type shared struct {
	cleaned atomic.Int64 // see deleteChallenges

	mu       sync.Mutex
	enrolled map[string]readEnrolled // by name, see [Registry.Terminal]
}

// Option configures [Open] and [OpenDesk].
type Option func(*Registry)

// WithOtherGenerations sets generations of keys other than the current one. Holders who are
// registered under them are found, and moved to the current generation by their next
// [Registry.Reserve]. Keep a generation for 5 years and 3 months, the longest lifetime of a
// certificate.
//
// To introduce a generation, first restart all programs with the new generation passed to
// WithOtherGenerations. Then make it the current one.
func WithOtherGenerations(generations ...Generation) Option {
	return func(r *Registry) { r.others = append(r.others, generations...) }
}

// WithOperator sets the public key with which [Registry.Confirm] encrypts accounts.
// Only the private key opens them, with [Application.Open].
func WithOperator(key hpke.PublicKey) Option { return func(r *Registry) { r.operator = key } }

// AcceptIssuers sets which issuers are accepted. The default is trust.IssuerPinned and
// trust.IssuerCaller. trust.IssuerUnknown accepts certificates that anybody can make;
// trust.IssuerSimulator is for demonstrations.
func AcceptIssuers(issuers ...trust.Issuer) Option { return func(r *Registry) { r.issuers = issuers } }

// WithAttempts bounds the number of candidates for a holder's identifier. The minimum is 1. The
// default is 8: among 10^8 holders, a holder needs more with a probability below 10^-32.
func WithAttempts(n uint32) Option { return func(r *Registry) { r.maxAttempts = max(n, 1) } }

// WithoutMigrations disables the migration of tables and the storing of generations,
// for database roles without the privileges. Call [Migrate] with another role first.
// Otherwise [Open] returns [ErrSchema] or mykey.ErrKey.
func WithoutMigrations() Option { return func(r *Registry) { r.skipMigrations = true } }

// WithClock sets the clock for records and for claims of names. The default is time.Now.
func WithClock(now func() time.Time) Option { return func(r *Registry) { r.now = now } }

// WithRandom sets the source of the random numbers for holders in the audit log, for the claim of
// the terminal's name, and for retry pauses. The default is crypto/rand.Reader. It must be safe
// for concurrent use.
func WithRandom(random io.Reader) Option { return func(r *Registry) { r.random = random } }

// Open opens the registry of a namespace in the database that url names:
//
//   - sqlite:FILE is a local file. Open creates it if it does not exist, unless
//     [WithoutMigrations] is given.
//   - postgres://… is a server with PostgreSQL's protocol. Like libpq, pgx takes
//     missing settings from PGPASSWORD, PGPASSFILE and other variables.
//
// Open creates or migrates the tables, and claims the terminal's name until Close.
//
// It returns [ErrURL]; mykey.ErrKey if a key is invalid or not the one that the database records
// for its generation, or if a generation is missing; [ErrTerminal]; [ErrOtherKey];
// [ErrTerminalTaken]; [ErrSchema]; or [ErrUnavailable].
func Open(ctx context.Context, url string, terminal Terminal, current Generation, options ...Option) (*Registry, error) {
	if terminal.key.Reveal() == nil {
		return nil, ErrTerminal
	}
	r := newRegistry(options)
	r.terminal = terminal
	if err := r.setGenerations(current, r.others); err != nil {
		return nil, err
	}
	mode := modeCreate
	if r.skipMigrations {
		mode = modeExisting
	}
	err := r.open(ctx, url, mode, r.storeGenerations, r.claimTerminal)
	switch {
	case r.skipMigrations && errors.Is(err, fs.ErrNotExist): // not ErrUnavailable: waiting does not help
		return nil, fmt.Errorf("%w: %w", ErrSchema, fs.ErrNotExist)
	case err != nil:
		return nil, err
	}
	return r, nil
}

// Migrate creates or migrates the tables of the database that url names, and stores the
// generations. Before terminals open the registry with [WithoutMigrations], call Migrate
// with the role that owns the tables. It returns [ErrURL], mykey.ErrKey, [ErrSchema] or
// [ErrUnavailable].
func Migrate(ctx context.Context, url string, current Generation, others ...Generation) error {
	r := newRegistry(nil)
	if err := r.setGenerations(current, others); err != nil {
		return err
	}
	if err := r.open(ctx, url, modeCreate, r.storeGenerations); err != nil {
		return err
	}
	return r.Close()
}

// Check checks the tables and keys like [Open], but does not change the database. It
// accepts generations that the database does not contain yet. It returns [ErrURL],
// mykey.ErrKey, [ErrSchema] or [ErrUnavailable].
func Check(ctx context.Context, url string, current Generation, others ...Generation) error {
	r := newRegistry(nil)
	if err := r.setGenerations(current, others); err != nil {
		return err
	}
	err := r.open(ctx, url, modeReadOnly, func(ctx context.Context) error {
		return r.snapshot(ctx, func(tx queryer) error {
			_, err := r.checkGenerations(ctx, tx)
			return err
		})
	})
	if err == nil {
		_ = r.Close() // nothing was written
	}
	return err
}

// open connects to the database, migrates or checks the tables, and runs the steps.
// It closes the database if any of them fails.
func (r *Registry) open(ctx context.Context, url string, mode mode, steps ...func(context.Context) error) (err error) {
	if r.storage, err = connect(mode, url); err != nil {
		return err
	}
	limitConnections(r.storage.db, r.chainCount)
	defer func() {
		if err != nil {
			_ = r.Close() // report the first error
		}
	}()
	if err := r.migrate(ctx, mode != modeCreate); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// claimTerminal claims the terminal's name and finds the heads of its chains.
func (r *Registry) claimTerminal(ctx context.Context) error {
	if err := r.setChains(); err != nil {
		return err
	}
	if err := r.claimName(ctx); err != nil {
		return err
	}
	return r.retry(ctx, func(ctx context.Context) error {
		for _, c := range r.chains {
			head, err := r.chainHead(ctx, c)
			if err != nil {
				return err
			}
			c.setHead(head)
		}
		return nil
	})
}

func newRegistry(options []Option) *Registry {
	r := &Registry{
		issuers:     []trust.Issuer{trust.IssuerPinned, trust.IssuerCaller},
		maxAttempts: 8,
		now:         time.Now,
		random:      rand.Reader,
		derive: func(g Generation, attempt uint32, holder *proof.Holder) (mykey.ID, error) {
			return g.Namespace.DeriveAttempt(holder, attempt)
		},
		sleep:          sleepFor,
		retryTime:      maxRetryTime,
		attemptTimeout: maxAttemptTime,
		pageSize:       500,
		chainCount:     1,
		shared:         &shared{enrolled: map[string]readEnrolled{}},
	}
	for _, option := range options {
		option(r)
	}
	return r
}

// Close releases the terminal's name and closes the connections. Changes in progress
// fail.
func (r *Registry) Close() error {
	r.releaseName()
	return r.storage.db.Close()
}
