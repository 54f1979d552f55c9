package registry

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"
)

// maxChains bounds the chains of a program, since each can take a connection.
const maxChains = 64

// WithChains sets how many chains of records the program extends, 1 to 64. The default is 1.
// A change waits until one is free, so a server for many terminals needs several. With SQLite
// one is enough, because only one transaction writes at a time.
//
// The chains of the terminal NAME are called NAME, NAME.2, NAME.3 and so on, and the same key
// signs all of them. [Open] claims all the names.
func WithChains(n int) Option {
	return func(r *Registry) { r.chainCount = min(max(n, 1), maxChains) }
}

// chain is a chain of records that this program extends. Only who has taken it from
// Registry.freeChains may use it.
type chain struct {
	name string
	head *Head        // nil if unknown
	last atomic.Int64 // number of the last known record; safe for concurrent use
}

// setHead notes the head of a chain.
func (c *chain) setHead(head Head) {
	c.head = &head
	c.last.Store(head.Number)
}

// HeadNumbers returns the number of the last record of each chain that this program extends, by
// the chain's name. A number is 0 if the chain has no records. It does not read the database: the
// numbers are those that this program has found or written.
func (r *Registry) HeadNumbers() map[string]int64 {
	numbers := map[string]int64{}
	for _, c := range r.chains {
		numbers[c.name] = c.last.Load()
	}
	return numbers
}

// setChains names the chains. It returns [ErrTerminal] if a name is too long.
func (r *Registry) setChains() error {
	r.freeChains = make(chan *chain, r.chainCount)
	for n := 1; n <= r.chainCount; n++ {
		c := &chain{name: r.terminal.name}
		if n > 1 {
			c.name = fmt.Sprintf("%s.%d", r.terminal.name, n)
		}
		if !terminalName.MatchString(c.name) {
			return fmt.Errorf("%w: %s", ErrTerminal, c.name)
		}
		r.chains = append(r.chains, c)
		r.freeChains <- c
	}
	return nil
}

var furtherChain = regexp.MustCompile(`^(.+)\.([2-9]|[1-9][0-9])$`)

// chainKey returns the key that signs a chain, nil if none was given. The chain NAME.2 of a
// program is signed with the key of NAME, unless the name NAME.2 has a key of its own.
func chainKey(keys map[string]ed25519.PublicKey, chain string) ed25519.PublicKey {
	if key := keys[chain]; key != nil {
		return key
	}
	if parts := furtherChain.FindStringSubmatch(chain); parts != nil {
		return keys[parts[1]]
	}
	return nil
}

// takeChain blocks until a chain is free: each change extends one, and the changes of a
// chain are made one after the other. The chain that has been free for the longest time
// comes first, so that the leases of all are renewed. The returned function gives it back.
func (r *Registry) takeChain(ctx context.Context) (c *chain, release func(), err error) {
	select {
	case c = <-r.freeChains:
		return c, func() { r.freeChains <- c }, nil
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

// Ping writes to the database and renews the claim to the terminal's name. Call it before
// you ask for a PIN: if it succeeds, the registry can store the result of the visit. Ping
// retries only conflicts with other programs. It returns [ErrUnavailable] or
// [ErrTerminalTaken].
func (r *Registry) Ping(ctx context.Context) error {
	first, release, err := r.takeChain(ctx)
	if err != nil {
		return err
	}
	defer release()
	chains := []*chain{first}
	for range len(r.freeChains) { // changes renew the claims of the others
		select {
		case c := <-r.freeChains:
			defer func() { r.freeChains <- c }()
			chains = append(chains, c)
		default:
		}
	}
	return r.retryConflicts(ctx, func() error {
		return r.serializable(ctx, false, func(tx queryer) error {
			for _, c := range chains {
				if err := r.renewLease(ctx, tx, c); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// retryConflicts is like retry, but retries only conflicts with other transactions, so that it
// fails soon if the database can't be written.
func (r *Registry) retryConflicts(ctx context.Context, fn func() error) error {
	for attempt := 0; ; attempt++ {
		err := r.storage.checkPresent()
		if err == nil {
			err = fn()
		}
		var failed *storageError
		if err == nil || !errors.As(err, &failed) {
			return err
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx) // the driver may only report a bad connection
		} else if attempt < maxConflicts && r.storage.classify(err) == conflict && r.sleep(ctx, r.pause(attempt)) == nil {
			continue
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}

// maxConflicts is how often retryConflicts retries.
const maxConflicts = 6
