package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

const (
	firstOpening = 3 * time.Second // a terminal starts without its registry then
	reopening    = 2 * time.Second // between two attempts to open it
	holding      = 5 * time.Second // between two signs of life
)

// pending is a registry that may not be there yet, as when the server starts after the
// terminal. Until it is open everything fails with the reason, for which a terminal is
// closed: [registry.ErrUnavailable] or [registry.ErrTerminalTaken].
type pending struct {
	openRegistry func(context.Context) (*registry.Registry, error)
	waits        func(error)   // hears why it can't be opened yet
	pause        time.Duration // between two attempts

	opened atomic.Pointer[registry.Registry]
	why    atomic.Pointer[error] // it is not open yet
}

var _ terminal.Registry = (*pending)(nil)

// open opens the registry within a time. It returns errors only that waiting does not
// mend, as wrong keys.
func (p *pending) open(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r, err := p.openRegistry(ctx)
	switch {
	case err == nil:
		p.opened.Store(r)
	case !mends(err):
		return err
	default:
		p.why.Store(&err)
		p.waits(err)
	}
	return nil
}

// keepOpening opens the registry as soon as that is possible. It returns when ctx ends,
// or with an error that waiting does not mend.
func (p *pending) keepOpening(ctx context.Context) error {
	for p.opened.Load() == nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(p.pause):
		}
		if err := p.open(ctx, time.Minute); err != nil {
			return err
		}
	}
	p.hold(ctx)
	return context.Cause(ctx)
}

// hold keeps the terminal's name for this process until ctx ends: a registry that
// hears nothing for a while gives it to the next one.
func (p *pending) hold(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(holding):
		}
		if err := p.Ping(ctx); errors.Is(err, registry.ErrTerminalTaken) {
			p.waits(err)
		}
	}
}

// mends tells whether an error may be gone later.
func mends(err error) bool {
	return errors.Is(err, registry.ErrUnavailable) || errors.Is(err, registry.ErrTerminalTaken)
}

// Close closes what was opened.
func (p *pending) Close() error {
	if r := p.opened.Load(); r != nil {
		return r.Close()
	}
	return nil
}

func (p *pending) registry() (*registry.Registry, error) {
	if r := p.opened.Load(); r != nil {
		return r, nil
	}
	if why := p.why.Load(); why != nil {
		return nil, *why
	}
	return nil, registry.ErrUnavailable
}

// Find implements terminal.Registry.
func (p *pending) Find(ctx context.Context, holder *jpki.Authentication) (*registry.Reservation, error) {
	r, err := p.registry()
	if err != nil {
		return nil, err
	}
	return r.Find(ctx, holder)
}

// Reserve implements terminal.Registry.
func (p *pending) Reserve(ctx context.Context, operation registry.Operation, holder *jpki.Authentication, code registry.RecoveryCode) (*registry.Reservation, error) {
	r, err := p.registry()
	if err != nil {
		return nil, err
	}
	return r.Reserve(ctx, operation, holder, code)
}

// Preview implements terminal.Registry.
func (p *pending) Preview(ctx context.Context, holder *jpki.Authentication, account registry.Account) (registry.Preview, error) {
	r, err := p.registry()
	if err != nil {
		return registry.Preview{}, err
	}
	return r.Preview(ctx, holder, account)
}

// Confirm implements terminal.Registry.
func (p *pending) Confirm(ctx context.Context, operation registry.Operation, preview registry.Preview) (*registry.Reservation, error) {
	r, err := p.registry()
	if err != nil {
		return nil, err
	}
	return r.Confirm(ctx, operation, preview)
}

// Renew implements terminal.Registry.
func (p *pending) Renew(ctx context.Context, operation registry.Operation, holder *jpki.Authentication, proof registry.Proof, code registry.RecoveryCode) (*registry.Reservation, error) {
	r, err := p.registry()
	if err != nil {
		return nil, err
	}
	return r.Renew(ctx, operation, holder, proof, code)
}

// NewCode gives a holder a new recovery code.
func (p *pending) NewCode(ctx context.Context, operation registry.Operation, holder *jpki.Authentication, code registry.RecoveryCode) (*registry.Reservation, error) {
	r, err := p.registry()
	if err != nil {
		return nil, err
	}
	return r.NewCode(ctx, operation, holder, code)
}

// Tally counts an event.
func (p *pending) Tally(ctx context.Context, event string) error {
	r, err := p.registry()
	if err != nil {
		return err
	}
	return r.Tally(ctx, event)
}

// Ping implements terminal.Registry.
func (p *pending) Ping(ctx context.Context) error {
	r, err := p.registry()
	if err != nil {
		return err
	}
	return r.Ping(ctx)
}

// isMissingFile tells whether a registry's URL names a file that is not there.
func isMissingFile(url string) bool {
	path, ok := strings.CutPrefix(url, "sqlite:")
	_, err := os.Stat(path)
	return ok && path != "" && errors.Is(err, fs.ErrNotExist)
}

// registryKind is the engine that a registry's URL names. The URL may have a password.
func registryKind(url string) string {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return "postgres"
	case "sqlite":
		return "sqlite"
	}
	return "unknown"
}
