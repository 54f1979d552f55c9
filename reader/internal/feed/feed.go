// Package feed turns the state that a driver sees into events for its watchers. A
// watcher first gets the events that lead to the current state and then those of each
// change. Events are computed when a watcher asks for them, from the state that it
// last knew: a slow watcher delays nobody, and no events are queued for it. It
// misses what has come and gone in the meantime, but never that a card was exchanged
// or that the service restarted.
//
// The cost of a change does not depend on the number of readers: for each watcher, the
// feed records which readers have changed and what the watcher knew about them.
package feed

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/mykeykit/mykeykit/reader"
)

// Slot is a reader as the driver sees it.
type Slot struct {
	reader.Reader

	// Set by the feed: numbers that identify the reader and, if there is one, the
	// card in it, and the position of the reader among the others.
	reader, card, position uint64
}

// exchanged reports whether a card that is present before and now was removed in the
// meantime. If the system does not count changes, only a different ATR shows that.
func exchanged(before, now *Slot) bool {
	return now.Changes != before.Changes || now.card != before.card ||
		len(before.ATR) > 0 && len(now.ATR) > 0 && !bytes.Equal(before.ATR, now.ATR)
}

// State is the state of the service and of all readers.
type State struct {
	ServiceDown bool
	Slots       []Slot
}

// service is the state of the service.
type service struct {
	down  bool
	stops uint64 // how often it went down
}

// Feed holds the current state and its watchers. It is safe for concurrent use. The
// zero value is a running service without readers.
type Feed struct {
	mu         sync.Mutex
	service    service
	slots      map[string]*Slot // by name; a Slot is replaced, never modified
	lastNumber uint64           // the last number given to a reader or card
	watchers   map[*watcher]struct{}
}

// State returns the current state.
func (f *Feed) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := State{ServiceDown: f.service.down}
	for _, s := range slices.SortedFunc(maps.Values(f.slots), byPosition) {
		state.Slots = append(state.Slots, *s)
	}
	return state
}

func byPosition(a, b *Slot) int { return cmp.Compare(a.position, b.position) }

// Set replaces the state and wakes the watchers if it differs.
func (f *Feed) Set(now State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	current := make(map[string]bool, len(now.Slots))
	for _, s := range now.Slots {
		current[s.Name] = true
	}
	changed := now.ServiceDown != f.service.down
	for name := range f.slots {
		if !current[name] {
			changed = f.change(name, nil) || changed
		}
	}
	if now.ServiceDown && !f.service.down {
		f.service.stops++
	}
	f.service.down = now.ServiceDown
	for i, s := range now.Slots {
		s.position = uint64(i)
		changed = f.change(s.Name, &s) || changed
	}
	if changed {
		f.wake()
	}
}

// Put adds a reader after all others, or replaces the one with the same name, and wakes
// the watchers if the state differs.
func (f *Feed) Put(now Slot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.slots[now.Name]; last != nil {
		now.position = last.position
	} else {
		now.position = f.lastNumber + 1 // after all others
	}
	if f.change(now.Name, &now) {
		f.wake()
	}
}

// Remove removes the named reader and wakes the watchers if there was one.
func (f *Feed) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.change(name, nil) {
		f.wake()
	}
}

// change replaces the named slot, or deletes it if now is nil, and reports whether that
// causes events.
func (f *Feed) change(name string, now *Slot) bool {
	last := f.slots[name]
	if now == nil {
		delete(f.slots, name)
	} else {
		f.number(last, now)
		if f.slots == nil {
			f.slots = map[string]*Slot{}
		}
		f.slots[name] = now
	}
	for w := range f.watchers {
		w.note(name, last, now)
	}
	return len(removals(last, now))+len(additions(last, now)) > 0
}

// number gives a new reader and a new card a fresh number, and keeps the numbers of
// those that stay.
func (f *Feed) number(last, now *Slot) {
	if last != nil {
		now.reader, now.card = last.reader, last.card
	} else {
		f.lastNumber++
		now.reader = f.lastNumber
	}
	if last == nil || !last.Present || exchanged(last, now) {
		f.lastNumber++
		now.card = f.lastNumber
	}
}

func (f *Feed) wake() {
	for w := range f.watchers {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// watcher is the state of one call of Watch.
type watcher struct {
	known   map[string]*Slot // slots that have changed, as the watcher knows them; nil: unknown to it
	service service          // as the watcher knows it
	wake    chan struct{}    // holds a token if there may be new events
}

// note records that a slot changes. It drops the record of a slot that the watcher does
// not know and that is gone again.
func (w *watcher) note(name string, last, now *Slot) {
	known, noted := w.known[name]
	switch {
	case !noted:
		w.known[name] = last
	case known == nil && now == nil:
		delete(w.known, name)
	}
}

// watch adds a watcher that knows nothing yet.
func (f *Feed) watch() *watcher {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &watcher{
		known:   make(map[string]*Slot, len(f.slots)),
		service: service{stops: f.service.stops},
		wake:    make(chan struct{}, 1),
	}
	for name := range f.slots {
		w.known[name] = nil
	}
	if f.watchers == nil {
		f.watchers = map[*watcher]struct{}{}
	}
	f.watchers[w] = struct{}{}
	return w
}

func (f *Feed) unwatch(w *watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.watchers, w)
}

// step is a change of a slot; nil stands for no slot.
type step struct{ before, now *Slot }

// events returns the events that lead the watcher to the current state: removals
// first, then those of the service, then additions.
func (f *Feed) events(w *watcher) (events []reader.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var removed, added []step
	for name, before := range w.known {
		s := step{before, f.slots[name]}
		if s.before != nil {
			removed = append(removed, s)
		}
		if s.now != nil {
			added = append(added, s)
		}
	}
	slices.SortFunc(removed, func(a, b step) int { return byPosition(a.before, b.before) })
	slices.SortFunc(added, func(a, b step) int { return byPosition(a.now, b.now) })

	for _, s := range removed {
		events = append(events, removals(s.before, s.now)...)
	}
	if !w.service.down && (f.service.down || f.service.stops != w.service.stops) {
		events = append(events, reader.Event{Kind: reader.ServiceDown})
		w.service.down = true
	}
	if w.service.down && !f.service.down {
		events = append(events, reader.Event{Kind: reader.ServiceUp})
	}
	for _, s := range added {
		events = append(events, additions(s.before, s.now)...)
	}
	w.known, w.service = map[string]*Slot{}, f.service
	return events
}

// Watch yields the current state, as events, and then each change, until ctx or the
// loop ends.
func (f *Feed) Watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	return func(yield func(reader.Event, error) bool) {
		w := f.watch()
		defer f.unwatch(w)
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

// sameReader reports whether before and now are the same reader.
func sameReader(before, now *Slot) bool {
	return before != nil && now != nil && before.reader == now.reader
}

// sameCard reports whether before and now hold the same card in the same reader.
func sameCard(before, now *Slot) bool {
	return sameReader(before, now) && before.Present && now.Present && !exchanged(before, now)
}

// removals returns the events for what was there before and is not there now.
func removals(before, now *Slot) (events []reader.Event) {
	if before != nil && before.Present && !sameCard(before, now) {
		events = append(events, reader.Event{Kind: reader.CardRemoved, Reader: before.Name})
	}
	if before != nil && !sameReader(before, now) {
		events = append(events, reader.Event{Kind: reader.ReaderRemoved, Reader: before.Name})
	}
	return events
}

// additions returns the events for what is there now and was not there before.
func additions(before, now *Slot) (events []reader.Event) {
	if now != nil && !sameReader(before, now) {
		events = append(events, reader.Event{Kind: reader.ReaderAdded, Reader: now.Name})
	}
	if now != nil && now.Present && !sameCard(before, now) {
		events = append(events, reader.Event{Kind: reader.CardInserted, Reader: now.Name, ATR: now.ATR})
	}
	return events
}
