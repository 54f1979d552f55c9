package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

const (
	firstOpenTimeout = 3 * time.Second // then the terminal starts without its registry
	retryInterval    = 2 * time.Second // between attempts to open the registry
	leaseInterval    = 5 * time.Second // between pings that keep the terminal's name
)

// pendingRegistry is a registry that may become available later, for example when the
// server starts after the terminal. Until it is open, every method returns the error that
// keeps the terminal closed: [registry.ErrUnavailable] or [registry.ErrTerminalTaken].
type pendingRegistry struct {
	openRegistry func(context.Context) (*registry.Registry, error)
	trust        trust.Policy  // which cards' issuers are trusted
	onError      func(error)   // called with the reason why the registry is unavailable
	interval     time.Duration // between attempts

	opened  atomic.Pointer[openRegistry]
	openErr atomic.Pointer[error] // why it is not open
}

// openRegistry is a registry that is open.
type openRegistry struct {
	*registry.Registry
	service *fleet.Local
}

// registryBackend is the backend of a terminal that works alone.
type registryBackend struct {
	*pendingRegistry
	counts *counts
}

// count implements backend.
func (b registryBackend) count(e terminal.Event) { b.counts.add(e) }

// tasks implements backend.
func (b registryBackend) tasks() []func(context.Context) error {
	return []func(context.Context) error{b.run, b.counts.run}
}

var _ fleet.Service = (*pendingRegistry)(nil)

// open tries to open the registry within timeout. It returns only permanent errors, such
// as wrong keys.
func (p *pendingRegistry) open(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := p.openRegistry(ctx)
	switch {
	case err == nil:
		p.opened.Store(&openRegistry{r, fleet.NewLocal(r, p.trust)})
	case !isTemporary(err):
		return err
	default:
		p.openErr.Store(&err)
		p.onError(err)
	}
	return nil
}

// run opens the registry as soon as possible and then keeps the terminal's name. It
// returns when ctx is done or on a permanent error.
func (p *pendingRegistry) run(ctx context.Context) error {
	for p.opened.Load() == nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(p.interval):
		}
		if err := p.open(ctx, time.Minute); err != nil {
			return err
		}
	}
	p.keepName(ctx)
	return context.Cause(ctx)
}

// keepName pings the registry until ctx is done. Without pings the registry would give
// the terminal's name to another process.
func (p *pendingRegistry) keepName(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(leaseInterval):
		}
		if err := p.Ping(ctx); errors.Is(err, registry.ErrTerminalTaken) {
			p.onError(err)
		}
	}
}

// isTemporary reports whether an error may go away by itself.
func isTemporary(err error) bool {
	return errors.Is(err, registry.ErrUnavailable) || errors.Is(err, registry.ErrTerminalTaken)
}

// Close closes the registry if it is open.
func (p *pendingRegistry) Close() error {
	if r := p.opened.Load(); r != nil {
		return r.Close()
	}
	return nil
}

func (p *pendingRegistry) registry() (*openRegistry, error) {
	if r := p.opened.Load(); r != nil {
		return r, nil
	}
	if err := p.openErr.Load(); err != nil {
		return nil, *err
	}
	return nil, registry.ErrUnavailable
}

// Challenge implements fleet.Service.
func (p *pendingRegistry) Challenge(ctx context.Context) (proof.Challenge, error) {
	r, err := p.registry()
	if err != nil {
		return proof.Challenge{}, err
	}
	return r.service.Challenge(ctx)
}

// Identify implements fleet.Service.
func (p *pendingRegistry) Identify(ctx context.Context, evidence proof.Evidence) (fleet.Visit, error) {
	r, err := p.registry()
	if err != nil {
		return nil, err
	}
	return r.service.Identify(ctx, evidence)
}

// Tally implements eventCounter.
func (p *pendingRegistry) Tally(ctx context.Context, event string) error {
	r, err := p.registry()
	if err != nil {
		return err
	}
	return r.Tally(ctx, event)
}

// Ping implements fleet.Service.
func (p *pendingRegistry) Ping(ctx context.Context) error {
	r, err := p.registry()
	if err != nil {
		return err
	}
	return r.Ping(ctx)
}
