// Package feed turns what a driver sees into events for any number of
// watchers. Each watcher has a queue of its own, so that a slow one holds up
// nobody, and gets first what is there and then what changes.
package feed

import (
	"bytes"
	"context"
	"iter"
	"sync"

	"github.com/mykeykit/mykeykit/reader"
)

// Slot is a reader and how often its card has come or gone.
type Slot struct {
	reader.Reader
	Count uint64 // always the same where the system does not count
}

// exchanged tells whether a card that is there before and now was taken out
// meanwhile. Where the system does not count, another ATR tells.
func exchanged(before, now Slot) bool {
	return now.Count != before.Count ||
		len(before.ATR) > 0 && len(now.ATR) > 0 && !bytes.Equal(before.ATR, now.ATR)
}

// State is everything a driver sees.
type State struct {
	ServiceDown bool
	Slots       []Slot
}

// Feed is the current state and who watches it. The zero value is a running
// service without readers.
type Feed struct {
	mu       sync.Mutex
	state    State
	watchers map[*watcher]struct{}
}

// State returns the last state that was set.
func (f *Feed) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// Set makes now the state and tells every watcher what changed. The feed keeps
// now's memory.
func (f *Feed) Set(now State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	events := changes(f.state, now)
	f.state = now
	for w := range f.watchers {
		w.push(events)
	}
}

// Watch yields what is there and then what changes, until ctx or the loop
// ends.
func (f *Feed) Watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	return func(yield func(reader.Event, error) bool) {
		w := &watcher{wake: make(chan struct{}, 1)}
		f.mu.Lock()
		w.push(changes(State{}, f.state))
		if f.watchers == nil {
			f.watchers = map[*watcher]struct{}{}
		}
		f.watchers[w] = struct{}{}
		f.mu.Unlock()

		defer func() {
			f.mu.Lock()
			delete(f.watchers, w)
			f.mu.Unlock()
		}()
		for {
			for _, event := range w.take() {
				if ctx.Err() != nil || !yield(event, nil) {
					return
				}
			}
			select {
			case <-w.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}

// changes lists what leads from before to now: removals first, then the
// service, then additions.
func changes(before, now State) []reader.Event {
	old := map[string]Slot{}
	for _, s := range before.Slots {
		old[s.Name] = s
	}
	current := map[string]Slot{}
	for _, s := range now.Slots {
		current[s.Name] = s
	}

	var events []reader.Event
	for _, s := range before.Slots {
		next, stays := current[s.Name]
		if s.Present && (!stays || !next.Present || exchanged(s, next)) {
			events = append(events, reader.Event{Kind: reader.CardRemoved, Reader: s.Name})
		}
		if !stays {
			events = append(events, reader.Event{Kind: reader.ReaderRemoved, Reader: s.Name})
		}
	}
	switch {
	case now.ServiceDown && !before.ServiceDown:
		events = append(events, reader.Event{Kind: reader.ServiceDown})
	case before.ServiceDown && !now.ServiceDown:
		events = append(events, reader.Event{Kind: reader.ServiceUp})
	}
	for _, s := range now.Slots {
		last, known := old[s.Name]
		if !known {
			events = append(events, reader.Event{Kind: reader.ReaderAdded, Reader: s.Name})
		}
		if s.Present && (!known || !last.Present || exchanged(last, s)) {
			events = append(events, reader.Event{Kind: reader.CardInserted, Reader: s.Name, ATR: s.ATR})
		}
	}
	return events
}

// watcher is an unbounded queue: events are few and small, and losing one
// would leave a watcher wrong for ever.
type watcher struct {
	mu    sync.Mutex
	queue []reader.Event
	wake  chan struct{}
}

func (w *watcher) push(events []reader.Event) {
	if len(events) == 0 {
		return
	}
	w.mu.Lock()
	w.queue = append(w.queue, events...)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []reader.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.queue
	w.queue = nil
	return events
}
