// Package feed turns what a driver sees into events for any number of watchers. A
// watcher gets first what is there and then what changes. Each is told what leads
// from the state that it was last told to the current one, so a slow watcher holds
// up nobody and nothing is queued for it: it misses what has passed, and never that
// a card was exchanged or a service restarted.
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

	// Set by the feed: which reader and, if one is there, which card it is.
	reader, card uint64
}

// exchanged tells whether a card that is there before and now was taken out
// meanwhile. Where the system does not count, another ATR tells.
func exchanged(before, now Slot) bool {
	return now.Count != before.Count || now.card != before.card ||
		len(before.ATR) > 0 && len(now.ATR) > 0 && !bytes.Equal(before.ATR, now.ATR)
}

// State is everything a driver sees.
type State struct {
	ServiceDown bool
	Slots       []Slot

	downs uint64 // set by the feed: how often the service has gone
}

// Feed is the current state and who watches it. The zero value is a running
// service without readers.
type Feed struct {
	mu       sync.Mutex
	state    State
	numbers  uint64 // of readers and cards so far
	watchers map[*watcher]struct{}
}

// State returns the last state that was set.
func (f *Feed) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// Set makes now the state and wakes every watcher if something changed. The feed
// keeps now's memory.
func (f *Feed) Set(now State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now.downs = f.state.downs
	events := changes(f.state, f.number(now))
	if now.ServiceDown && !f.state.ServiceDown {
		now.downs++
	}
	f.state = now
	if len(events) == 0 {
		return
	}
	for w := range f.watchers {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// number gives readers and cards that are new a number that none had before, and
// the others the one that they have.
func (f *Feed) number(now State) State {
	before := map[string]Slot{}
	for _, s := range f.state.Slots {
		before[s.Name] = s
	}
	for i := range now.Slots {
		s := &now.Slots[i]
		last, stays := before[s.Name]
		if s.reader = last.reader; !stays {
			f.numbers++
			s.reader = f.numbers
		}
		if s.card = last.card; !stays || !last.Present || exchanged(last, *s) {
			f.numbers++
			s.card = f.numbers
		}
	}
	return now
}

// watcher is somebody who watches.
type watcher struct {
	told State         // what its events have led to
	wake chan struct{} // holds a token when there may be more
}

// events returns what leads to the current state, and takes it as told.
func (f *Feed) events(w *watcher) []reader.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	events := changes(w.told, f.state)
	w.told = f.state
	return events
}

// Watch yields what is there and then what changes, until ctx or the loop
// ends.
func (f *Feed) Watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	return func(yield func(reader.Event, error) bool) {
		w := &watcher{wake: make(chan struct{}, 1)}
		f.mu.Lock()
		w.told.downs = f.state.downs
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
			for _, event := range f.events(w) {
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
	if before.downs != now.downs && !before.ServiceDown && !now.ServiceDown {
		down := State{ServiceDown: true, downs: now.downs}
		return append(changes(before, down), changes(down, now)...)
	}
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
		stays = stays && next.reader == s.reader
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
		known = known && last.reader == s.reader
		if !known {
			events = append(events, reader.Event{Kind: reader.ReaderAdded, Reader: s.Name})
		}
		if s.Present && (!known || !last.Present || exchanged(last, s)) {
			events = append(events, reader.Event{Kind: reader.CardInserted, Reader: s.Name, ATR: s.ATR})
		}
	}
	return events
}
