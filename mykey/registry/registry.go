package registry

import (
	"context"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/internal/publickey"
)

// ErrProof: the holder did not prove to be one: no PIN that the card
// accepted, no possession of the key, a key in another encoding than DER's, a
// certificate that is not valid, or an issuer that this registry does not
// accept.
var ErrProof = errors.New("holder is not proved")

// connections is how many a registry holds open at most. A terminal needs one,
// and another for a clerk who looks something up.
const maxConnections = 4

// Registry keeps the reservations of one namespace in a database, which may hold
// others' too.
type Registry struct {
	storage        *storage
	namespace      string
	current        Generation
	earlier        []Generation
	terminal       Terminal
	session        [16]byte // names this process among those of the terminal's name
	chains         []trust.Chain
	operator       hpke.PublicKey
	maxAttempts    uint32
	skipMigrations bool // migrations are somebody else's
	now            func() time.Time
	random         io.Reader

	// derive is the namespace's, except in tests of collisions.
	derive func(g Generation, attempt uint32, holder *jpki.Authentication) (mykey.ID, error)
	sleep  func(context.Context, time.Duration) error
	// patience is how long something is tried again, and tryLimit what one try of
	// a visit's may take.
	retryTime, attemptTimeout time.Duration
	// repeated hears of every error that is tried again, in tests.
	onRetry func(error)

	pageSize int // rows that are read at once

	writeLock chan struct{} // see lock
	head      *Head         // of the chain, if known; whoever writes has it
}

// Option changes what [Open] opens.
type Option func(*Registry)

// WithEarlier gives the generations of keys before the current one. Who was
// registered under one is found, and moved to the current one by the next
// [Registry.Reserve]. A certificate lives 5 years; so does a use for its key.
// Before any program has a new generation for its current one, all have to know
// it: give it as "earlier" first.
func WithEarlier(generations ...Generation) Option {
	return func(r *Registry) { r.earlier = append(r.earlier, generations...) }
}

// WithOperator gives the public key for which [Registry.Confirm] seals accounts.
// Who has the private key opens them with [Application.Open]; the registry can't.
func WithOperator(key hpke.PublicKey) Option { return func(r *Registry) { r.operator = key } }

// AcceptChains says whose certificates are accepted, in place of
// trust.Pinned and trust.Caller. trust.Unknown lets everybody in who
// can make a certificate; trust.Simulator is for demonstrations.
func AcceptChains(chains ...trust.Chain) Option { return func(r *Registry) { r.chains = chains } }

// WithAttempts bounds how many identifiers are tried for a holder, 1 or more.
// The default is 8: among 10^8 holders one in 10^32 needs more.
func WithAttempts(n uint32) Option { return func(r *Registry) { r.maxAttempts = max(n, 1) } }

// WithoutMigrations leaves the tables as they are, and writes no generation down:
// for terminals whose role may not do that. [Migrate] does it for them. Tables of
// another version are [ErrSchema].
func WithoutMigrations() Option { return func(r *Registry) { r.skipMigrations = true } }

// WithClock sets the time of records. The default is time.Now.
func WithClock(now func() time.Time) Option { return func(r *Registry) { r.now = now } }

// WithRandom sets the source of lineages, salts and pauses. The default is
// crypto/rand; any other must be safe for concurrent use.
func WithRandom(random io.Reader) Option { return func(r *Registry) { r.random = random } }

// Open opens the registry of a namespace in the database that url names:
//
//   - sqlite:FILE, a file of this machine, made if there is none;
//   - postgres://…, a server that speaks PostgreSQL's protocol. What the URL
//     leaves out pgx takes from where libpq does: PGPASSWORD, PGPASSFILE and others.
//
// It makes the tables, or brings them up to date. It returns [ErrURL], mykey.ErrKey
// (also for keys that are not those the database was filled with, and where a
// generation that it was filled with is missing), [ErrTerminal], [ErrTerminalTaken],
// [ErrSchema], or [ErrUnavailable].
func Open(ctx context.Context, url string, terminal Terminal, current Generation, options ...Option) (*Registry, error) {
	if terminal.key.Reveal() == nil {
		return nil, ErrTerminal
	}
	r := newRegistry(options)
	r.terminal = terminal
	if err := r.setGenerations(current, r.earlier); err != nil {
		return nil, err
	}
	if err := r.open(ctx, url, modeCreate, r.storeGenerations, r.claimTerminal); err != nil {
		return nil, err
	}
	return r, nil
}

// Migrate makes the tables of the database that url names, or brings them up to
// date, and writes the generations down: for a role that owns the tables, before
// terminals open the registry [WithoutMigrations]. It returns what [Open] returns.
func Migrate(ctx context.Context, url string, current Generation, earlier ...Generation) error {
	r := newRegistry(nil)
	if err := r.setGenerations(current, earlier); err != nil {
		return err
	}
	if err := r.open(ctx, url, modeCreate, r.storeGenerations); err != nil {
		return err
	}
	return r.Close()
}

// Check looks whether [Open] would accept the tables and keys, and makes and writes
// nothing. Generations that the database does not know yet are accepted. It returns
// [ErrURL], mykey.ErrKey, [ErrSchema] or [ErrUnavailable].
func Check(ctx context.Context, url string, current Generation, earlier ...Generation) error {
	r := newRegistry(nil)
	if err := r.setGenerations(current, earlier); err != nil {
		return err
	}
	err := r.open(ctx, url, modeReadOnly, func(ctx context.Context) error {
		return r.snapshot(ctx, func(tx queryer) error {
			_, err := r.checkGenerations(ctx, tx)
			return err
		})
	})
	if err == nil {
		_ = r.Close() // it only read
	}
	return err
}

// start connects, makes the tables or looks whether they are the right ones, and takes
// the steps. On an error nothing stays open.
func (r *Registry) open(ctx context.Context, url string, mode mode, steps ...func(context.Context) error) (err error) {
	if r.storage, err = connect(mode, url); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = r.Close() // what failed first is the cause
		}
	}()
	if err := r.migrate(ctx, r.skipMigrations || mode != modeCreate); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin takes the terminal's name and finds the end of its chain.
func (r *Registry) claimTerminal(ctx context.Context) error {
	if err := r.claimName(ctx); err != nil {
		return err
	}
	return r.retry(ctx, func(ctx context.Context) error {
		head, err := r.chainHead(ctx)
		if err == nil {
			r.head = &head
		}
		return err
	})
}

func newRegistry(options []Option) *Registry {
	r := &Registry{
		chains:      []trust.Chain{trust.Pinned, trust.Caller},
		maxAttempts: 8,
		now:         time.Now,
		random:      rand.Reader,
		derive: func(g Generation, attempt uint32, holder *jpki.Authentication) (mykey.ID, error) {
			return g.Namespace.DeriveAttempt(holder.Certificate, attempt)
		},
		sleep:          sleepFor,
		retryTime:      maxRetryTime,
		attemptTimeout: maxAttemptTime,
		pageSize:       500,
		writeLock:      make(chan struct{}, 1),
	}
	for _, option := range options {
		option(r)
	}
	return r
}

// Close closes the connections and gives up the terminal's name. Changes that are
// being made fail.
func (r *Registry) Close() error {
	r.releaseName()
	return r.storage.db.Close()
}

// proved refuses a holder who has not proved to be one. An old card's
// certificate may have expired.
func (r *Registry) checkHolder(holder *jpki.Authentication, allowExpired bool) error {
	if holder == nil {
		return fmt.Errorf("%w: nobody", ErrProof)
	}
	if _, ok := publickey.Of(holder.Certificate); !ok { // it could come back as another holder
		return fmt.Errorf("%w: %w", ErrProof, mykey.ErrCertificate)
	}
	switch {
	case !holder.CardAcceptedPIN:
		return fmt.Errorf("%w: no PIN", ErrProof)
	case !holder.Possession:
		return fmt.Errorf("%w: no possession of the key", ErrProof)
	case !slices.Contains(r.chains, holder.Chain):
		return fmt.Errorf("%w: issuer %s", ErrProof, holder.Chain)
	}
	switch holder.Validity {
	case trust.Valid, trust.Expiring:
		return nil
	case trust.Expired:
		if allowExpired {
			return nil
		}
	}
	return fmt.Errorf("%w: certificate %s", ErrProof, holder.Validity)
}
