package registry

import (
	"context"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/internal/publickey"
)

var (
	// ErrTerminal: what can't name a terminal.
	ErrTerminal = errors.New("a terminal's name is 1 to 64 letters, digits, dots, hyphens and underscores")
	// ErrProof: the holder did not prove to be one: no PIN that the card
	// accepted, no possession of the key, a key in another encoding than DER's, a
	// certificate that is not valid, or an issuer that this registry does not
	// accept.
	ErrProof = errors.New("holder is not proved")
)

// connections is how many a registry holds open at most. A terminal needs one,
// and another for a clerk who looks something up.
const connections = 4

// Registry keeps the reservations of one namespace in a database, which may hold
// others' too.
type Registry struct {
	storage  *storage
	current  Generation
	earlier  []Generation
	terminal string
	chains   []jpki.Chain
	operator hpke.PublicKey
	attempts uint32
	manual   bool // migrations are somebody else's
	now      func() time.Time
	random   io.Reader

	// derive is the namespace's, except in tests of collisions.
	derive func(g Generation, attempt uint32, holder *jpki.Authentication) (mykey.ID, error)
	sleep  func(context.Context, time.Duration) error
	// patience is how long something is tried again, and tryLimit what one try of
	// a visit's may take.
	patience, tryLimit time.Duration
	// repeated hears of every error that is tried again, in tests.
	repeated func(error)

	page int // rows that are read at once

	// writing lets one change at a time through: all are links of one chain.
	writing chan struct{}
	end     *Head // of the chain, if known; whoever writes has it
	// hashing lets one recovery code at a time be hashed, which takes memory.
	hashing chan struct{}
}

// Option changes what [Open] opens.
type Option func(*Registry)

// WithTerminal names the terminal, 1 to 64 letters, digits, dots, hyphens and
// underscores. Its audit records are a chain of their own, so every terminal of
// a fleet has another name. The default is "terminal".
func WithTerminal(name string) Option { return func(r *Registry) { r.terminal = name } }

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
// jpki.ChainPinned and jpki.ChainCaller. jpki.ChainUnknown lets everybody in who
// can make a certificate; jpki.ChainSimulator is for demonstrations.
func AcceptChains(chains ...jpki.Chain) Option { return func(r *Registry) { r.chains = chains } }

// WithAttempts bounds how many identifiers are tried for a holder, 1 or more.
// The default is 8: among 10^8 holders one in 10^32 needs more.
func WithAttempts(n uint32) Option { return func(r *Registry) { r.attempts = max(n, 1) } }

// WithoutMigrations leaves the tables as they are: for terminals whose role may
// not change them. Tables of another version are [ErrSchema].
func WithoutMigrations() Option { return func(r *Registry) { r.manual = true } }

// WithClock sets the time of records. The default is time.Now.
func WithClock(now func() time.Time) Option { return func(r *Registry) { r.now = now } }

// WithRandom sets the source of lineages, salts and pauses. The default is
// crypto/rand; any other must be safe for concurrent use.
func WithRandom(random io.Reader) Option { return func(r *Registry) { r.random = random } }

var terminalName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Open opens the registry of a namespace in the database that url names:
//
//   - sqlite:FILE, a file of this machine, made if there is none;
//   - postgres://…, a server that speaks PostgreSQL's protocol. What the URL
//     leaves out pgx takes from where libpq does: PGPASSWORD, PGPASSFILE and others.
//
// It makes the tables, or brings them up to date. It fails with [ErrURL],
// mykey.ErrKey (also for keys that are not those the database was filled with),
// [ErrTerminal], [ErrSchema], or [ErrUnavailable].
func Open(ctx context.Context, url string, current Generation, options ...Option) (*Registry, error) {
	r := &Registry{
		current:  current,
		terminal: "terminal",
		chains:   []jpki.Chain{jpki.ChainPinned, jpki.ChainCaller},
		attempts: 8,
		now:      time.Now,
		random:   rand.Reader,
		derive: func(g Generation, attempt uint32, holder *jpki.Authentication) (mykey.ID, error) {
			return g.Namespace.DeriveAttempt(holder.Certificate, attempt)
		},
		sleep:    sleepFor,
		patience: mostPatience,
		tryLimit: mostTry,
		page:     500,
		writing:  make(chan struct{}, 1),
		hashing:  make(chan struct{}, 1),
	}
	for _, option := range options {
		option(r)
	}
	if !terminalName.MatchString(r.terminal) {
		return nil, ErrTerminal
	}
	numbers := map[uint32]bool{}
	for _, g := range r.generations() {
		if err := g.valid(); err != nil {
			return nil, err
		}
		if numbers[g.Number] || g.Namespace.Name() != r.namespace() {
			return nil, fmt.Errorf("%w: generation %d is there twice, or of another namespace", mykey.ErrKey, g.Number)
		}
		numbers[g.Number] = true
	}
	var err error
	if r.storage, err = connect(url); err != nil {
		return nil, err
	}
	err = r.migrate(ctx, r.manual)
	if err == nil {
		err = r.checkGenerations(ctx)
	}
	if err != nil {
		_ = r.storage.db.Close() // what failed first is the cause
		return nil, err
	}
	return r, nil
}

// namespace is the name of the registry's.
func (r *Registry) namespace() string { return r.current.Namespace.Name() }

// Close closes the connections. Changes that are being made fail.
func (r *Registry) Close() error { return r.storage.db.Close() }

// Ping tells whether the database answers: nil, or [ErrUnavailable] at once.
func (r *Registry) Ping(ctx context.Context) error {
	err := r.storage.db.PingContext(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx) // the driver may say only that the connection is bad
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// proved refuses a holder who has not proved to be one. An old card's
// certificate may have expired.
func (r *Registry) proved(holder *jpki.Authentication, old bool) error {
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
	case jpki.Valid, jpki.Expiring:
		return nil
	case jpki.Expired:
		if old {
			return nil
		}
	}
	return fmt.Errorf("%w: certificate %s", ErrProof, holder.Validity)
}
