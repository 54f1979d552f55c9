package registry

import (
	"context"
	"crypto/ed25519"
	"slices"

	"github.com/mykeykit/mykeykit/mykey"
)

// Operator reads the registry of a namespace for its operator: it verifies the audit
// log and returns statistics. It needs no secret keys and never writes. It is safe for
// concurrent use.
type Operator struct {
	registry *Registry // without generations
	keys     map[string]ed25519.PublicKey
}

// OpenOperator opens the registry of a namespace in an existing database. keys are the
// public keys of all terminals, servers and desks that have written to it, and of the
// terminals and clerks whose requests a server has carried out.
//
// It returns [ErrURL], [ErrTerminal] if a key is invalid, [ErrSchema] if the tables are
// missing or of another version, or [ErrUnavailable], including if the database does not
// exist.
func OpenOperator(ctx context.Context, url, namespace string, keys []TerminalKey) (*Operator, error) {
	return openOperator(ctx, url, namespace, keys, modeReadOnly, nil)
}

func openOperator(ctx context.Context, url, namespace string, keys []TerminalKey, mode mode, options []Option) (*Operator, error) {
	o := &Operator{registry: newRegistry(options), keys: map[string]ed25519.PublicKey{}}
	o.registry.namespace = namespace
	for _, k := range keys {
		if !terminalName.MatchString(k.Name) || len(k.Key) != ed25519.PublicKeySize {
			return nil, ErrTerminal
		}
		o.keys[k.Name] = k.Key
	}
	if err := o.registry.open(ctx, url, mode); err != nil {
		return nil, err
	}
	return o, nil
}

// Close closes the connections.
func (o *Operator) Close() error { return o.registry.Close() }

// Lookup returns the reservation of an identifier, even if it was withdrawn. It returns
// [ErrNotFound] or [ErrUnavailable].
func (o *Operator) Lookup(ctx context.Context, id mykey.ID) (*Reservation, error) {
	return o.registry.Lookup(ctx, id)
}

// Desk is an [Operator] that also exports applications, erases accounts, enrolls and
// revokes terminals and clerks, and purges the namespace. It appends an audit record of
// each under its own name and key, like a terminal.
type Desk struct{ *Operator }

// OpenDesk is like [OpenOperator], and opens the registry for a desk with this name and
// key. It honors [WithClock] and [WithRandom]. It also returns [ErrTerminal] if desk is the
// zero Terminal, [ErrOtherKey], and [ErrTerminalTaken].
func OpenDesk(ctx context.Context, url, namespace string, keys []TerminalKey, desk Terminal, options ...Option) (*Desk, error) {
	if desk.key.Reveal() == nil {
		return nil, ErrTerminal
	}
	o, err := openOperator(ctx, url, namespace, slices.Concat(keys, []TerminalKey{desk.Public()}), modeExisting, options)
	if err != nil {
		return nil, err
	}
	o.registry.terminal = desk
	if err := o.registry.claimTerminal(ctx); err != nil {
		_ = o.Close() // report the first error
		return nil, err
	}
	return &Desk{o}, nil
}
