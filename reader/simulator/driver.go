package simulator

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

// Driver is a set of simulated readers. Use [New].
type Driver struct {
	now func() time.Time // for the idle reset; nil: there is none

	mu      sync.Mutex
	readers []*Reader
	stopped bool
	feed    feed.Feed
}

var _ reader.Driver = (*Driver)(nil)

// DriverOption changes how a [Driver] works.
type DriverOption func(*Driver)

// idleLimit is how long Windows lets a transaction be without a command.
const idleLimit = 5 * time.Second

// WithIdleReset makes readers do as Windows does: a card in a transaction in
// which nothing happens for more than five seconds, by this clock, is reset at
// whatever is asked of it next. It stays verified, as after any warm reset. The
// clock is asked with the driver locked, so it must not call the driver.
func WithIdleReset(now func() time.Time) DriverOption { return func(d *Driver) { d.now = now } }

// New returns a driver without readers, its service running.
func New(options ...DriverOption) *Driver {
	d := &Driver{}
	for _, option := range options {
		option(d)
	}
	return d
}

// AddReader adds an empty reader. Names are the caller's to keep apart: a name
// that is taken gets a number behind it.
func (d *Driver) AddReader(name string) *Reader {
	d.mu.Lock()
	defer d.mu.Unlock()
	unique := name
	for n := 2; d.find(unique) != nil; n++ {
		unique = fmt.Sprintf("%s %d", name, n)
	}
	r := newReader(d, unique)
	d.readers = append(d.readers, r)
	d.publish()
	return r
}

// RemoveReader unplugs a reader, with its card if it holds one.
func (d *Driver) RemoveReader(r *Reader) {
	d.mu.Lock()
	d.readers = slices.DeleteFunc(d.readers, func(other *Reader) bool { return other == r })
	d.mu.Unlock()
	r.Remove() // which tells the watchers, of the reader too
}

// StopService makes every call fail with reader.ErrNoService, and takes the
// readers out of sight, until StartService.
func (d *Driver) StopService() { d.setStopped(true) }

// StartService ends what StopService began. The readers are there again; a
// card in one of them starts from cold.
func (d *Driver) StartService() { d.setStopped(false) }

func (d *Driver) setStopped(stopped bool) {
	d.mu.Lock()
	var cards []*Card
	if d.stopped != stopped {
		d.stopped = stopped
		for _, r := range d.readers {
			if r.card != nil {
				cards = append(cards, r.card)
			}
			r.die(reader.ErrNoService)
		}
		d.publish()
	}
	d.mu.Unlock()
	for _, card := range cards {
		card.PowerOff()
	}
}

// Readers implements reader.Driver.
func (d *Driver) Readers(ctx context.Context) ([]reader.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return nil, reader.ErrNoService
	}
	var list []reader.Reader
	for _, r := range d.readers {
		list = append(list, r.describe().Reader)
	}
	return list, nil
}

// Watch implements reader.Driver.
func (d *Driver) Watch(ctx context.Context) iter.Seq2[reader.Event, error] { return d.feed.Watch(ctx) }

// Connect implements reader.Driver.
func (d *Driver) Connect(ctx context.Context, name string) (reader.Card, error) {
	r, err := d.lookup(name)
	if err != nil {
		return nil, err
	}
	var s *session
	_, err = r.perform(ctx, Connect, nil, func() (_ []byte, err error) {
		s, err = r.join(ctx)
		return nil, err
	})
	switch {
	case err != nil:
		if s != nil { // made, and lost on the way
			_ = s.Close()
		}
		return nil, err
	case s == nil: // a fault that answers, where there is nothing to answer
		return nil, reader.ErrTransport
	}
	return s, nil
}

func (d *Driver) lookup(name string) (*Reader, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return nil, reader.ErrNoService
	}
	if r := d.find(name); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: %q", reader.ErrUnknownReader, name)
}

func (d *Driver) find(name string) *Reader {
	for _, r := range d.readers {
		if r.name == name {
			return r
		}
	}
	return nil
}

// publish tells the watchers what is there now; d.mu is held.
func (d *Driver) publish() {
	state := feed.State{ServiceDown: d.stopped}
	if !d.stopped {
		for _, r := range d.readers {
			state.Slots = append(state.Slots, r.describe())
		}
	}
	d.feed.Set(state)
}
