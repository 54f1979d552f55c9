package simulator

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

// Driver is a set of simulated readers. It implements reader.Driver. Create one with
// [New].
type Driver struct {
	now func() time.Time // clock of the idle reset; nil: none

	mu      sync.Mutex
	readers map[string]*Reader // by name
	added   uint64             // number of readers added so far
	numbers map[string]int     // by name, the number from which to search for a free one; absent: 2
	stopped bool
	feed    feed.Feed
}

var _ reader.Driver = (*Driver)(nil)

// DriverOption changes how a [Driver] works.
type DriverOption func(*Driver)

// idleLimit is how long Windows allows a transaction without a command.
const idleLimit = 5 * time.Second

// WithIdleReset makes readers behave as on Windows: if a transaction is idle for more
// than five seconds, by the clock now, the next access to the card resets it first. The
// card stays unlocked, as after any warm reset. The clock is read with the driver locked,
// so it must not call the driver.
func WithIdleReset(now func() time.Time) DriverOption { return func(d *Driver) { d.now = now } }

// New returns a driver without readers. Its service is running.
func New(options ...DriverOption) *Driver {
	d := &Driver{readers: map[string]*Reader{}, numbers: map[string]int{}}
	for _, option := range options {
		option(d)
	}
	return d
}

// AddReader adds an empty reader and returns it. If another reader has the name, the new
// one's name gets a number, as in "Reader 2".
func (d *Driver) AddReader(name string) *Reader {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := newReader(d, d.unique(name))
	d.added++
	r.number = d.added
	d.readers[r.name] = r
	d.publish(r)
	return r
}

// unique returns name or, if another reader has it, name with the first free number.
func (d *Driver) unique(name string) string {
	if d.readers[name] == nil {
		return name
	}
	for n := max(2, d.numbers[name]); ; n++ {
		if unique := fmt.Sprintf("%s %d", name, n); d.readers[unique] == nil {
			d.numbers[name] = n + 1
			return unique
		}
	}
}

// RemoveReader removes a reader, with its card if it holds one.
func (d *Driver) RemoveReader(r *Reader) {
	d.mu.Lock()
	known := d.readers[r.name] == r
	card := r.takeOut()
	if known {
		d.forget(r.name)
	}
	d.mu.Unlock()
	powerOff(card)
}

// forget removes a reader's name, which is free afterwards; d.mu is held.
func (d *Driver) forget(name string) {
	delete(d.readers, name)
	if !d.stopped {
		d.feed.Remove(name)
	}
	i := strings.LastIndexByte(name, ' ')
	if i < 0 {
		return
	}
	base := name[:i]
	if n, err := strconv.Atoi(name[i+1:]); err == nil && n >= 2 && n < d.numbers[base] {
		d.numbers[base] = n
	}
	if d.numbers[base] <= 2 {
		delete(d.numbers, base)
	}
}

// StopService stops the smart-card service. Until [Driver.StartService], Readers and
// Connect return reader.ErrNoService, and watchers see no readers. All cards lose their
// power, and open connections end with reader.ErrNoService.
func (d *Driver) StopService() { d.setStopped(true) }

// StartService starts the service again. The readers and their cards reappear.
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
			r.endLife(reader.ErrNoService)
		}
		state := feed.State{ServiceDown: stopped}
		if !stopped {
			for _, r := range d.list() {
				state.Slots = append(state.Slots, r.describe())
			}
		}
		d.feed.Set(state)
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
	for _, r := range d.list() {
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
		if s != nil { // connected, but a fault returned an error
			_ = s.Close()
		}
		return nil, err
	case s == nil: // a fault returned a response instead of connecting
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
	if r := d.readers[name]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: %q", reader.ErrUnknownReader, name)
}

// list returns the readers in the order in which they were added; d.mu is held.
func (d *Driver) list() []*Reader {
	return slices.SortedFunc(maps.Values(d.readers), func(a, b *Reader) int { return cmp.Compare(a.number, b.number) })
}

// publish sends the reader's state to the watchers, unless the reader was removed or the
// service is stopped; d.mu is held.
func (d *Driver) publish(r *Reader) {
	if !d.stopped && d.readers[r.name] == r {
		d.feed.Put(r.describe())
	}
}
