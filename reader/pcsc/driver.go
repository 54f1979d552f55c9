package pcsc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"

	"github.com/mykeykit/mykeykit/reader"
)

// Driver implements reader.Driver with PC/SC. Create it with [New]. It is safe for
// concurrent use.
type Driver struct {
	binding binding
	monitor *monitor
}

var _ reader.Driver = (*Driver)(nil)

// system is shared by all callers of New, since there must be only one wait per process.
var system = sync.OnceValue(func() *Driver { return newDriver(systemBinding(), platformOf(runtime.GOOS)) })

// New returns a Driver for the system's PC/SC service. It does not connect to the
// service yet.
func New() *Driver { return system() }

func newDriver(b binding, p platform) *Driver {
	return &Driver{binding: b, monitor: newMonitor(b, p)}
}

// Readers implements reader.Driver.
func (d *Driver) Readers(ctx context.Context) ([]reader.Reader, error) {
	state, err := d.monitor.look(ctx)
	if err != nil {
		return nil, err
	}
	var list []reader.Reader
	for _, slot := range state.Slots {
		list = append(list, slot.Reader)
	}
	return list, nil
}

// Watch implements reader.Driver.
func (d *Driver) Watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	return d.monitor.watch(ctx)
}

// Connect implements reader.Driver.
func (d *Driver) Connect(ctx context.Context, name string) (reader.Card, error) {
	if name == "" || strings.Contains(name, "\x00") {
		return nil, fmt.Errorf("%w: %q", reader.ErrUnknownReader, name)
	}
	s := newSession()
	if err := s.open(ctx, d.binding, &d.monitor.spare, name); err != nil {
		s.abandon()
		if errors.Is(err, reader.ErrNoReader) || errors.Is(err, reader.ErrNoCard) {
			err = fmt.Errorf("reader %q: %w", name, err)
		}
		return nil, err
	}
	return s, nil
}
