// Package feed turns what a driver sees into events for any number of watchers. A
// watcher gets first what is there and then what changes. Each is told what leads
// from the state that it was last told to the current one, so a slow watcher holds
// up nobody and nothing is queued for it: it misses what has passed, and never that
// a card was exchanged or a service restarted.
//
// A change costs the same however many readers there are: for each watcher the feed
// keeps which readers changed, with what the watcher was told of them.
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

	// Set by the feed: which reader and, if one is there, which card it is, and the
	// reader's place among the others.
	reader, card, place uint64
}

// exchanged tells whether a card that is there before and now was taken out
// meanwhile. Where the system does not count, another ATR tells.
func exchanged(before, now *Slot) bool {
	return now.Changes != before.Changes || now.card != before.card ||
		len(before.ATR) > 0 && len(now.ATR) > 0 && !bytes.Equal(before.ATR, now.ATR)
}

// State is everything a driver sees.
type State struct {
	ServiceDown bool
	Slots       []Slot
}

// service is whether the service is down, and how often it has gone.
type service struct {
	down  bool
	times uint64
}

// Feed is the current state and who watches it. The zero value is a running
// service without readers.
type Feed struct {
	mu       sync.Mutex
	service  service
	slots    map[string]*Slot // by name; a slot is replaced, not changed
	numbers  uint64           // of readers and cards so far
	watchers map[*watcher]struct{}
}

// State returns the current state.
func (f *Feed) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := State{ServiceDown: f.service.down}
	for _, s := range slices.SortedFunc(maps.Values(f.slots), inPlace) {
		state.Slots = append(state.Slots, *s)
	}
	return state
}

func inPlace(a, b *Slot) int { return cmp.Compare(a.place, b.place) }

// Set makes now the state and wakes every watcher if something changed.
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
		f.service.times++
	}
	f.service.down = now.ServiceDown
	for i, s := range now.Slots {
		s.place = uint64(i)
		changed = f.change(s.Name, &s) || changed
	}
	if changed {
		f.wake()
	}
}

// Put adds a reader behind all others, or changes the one of that name, and wakes
// every watcher if something changed.
func (f *Feed) Put(now Slot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.slots[now.Name]; last != nil {
		now.place = last.place
	} else {
		now.place = f.numbers + 1 // above that of any other
	}
	if f.change(now.Name, &now) {
		f.wake()
	}
}

// Remove removes the reader of a name and wakes every watcher if there was one.
func (f *Feed) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.change(name, nil) {
		f.wake()
	}
}

// change makes now the slot of a name, nil that there is none, and tells whether
// that makes events.
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

// number gives a reader and a card that are new a number that none had before, and
// others the one that they have.
func (f *Feed) number(last, now *Slot) {
	if last != nil {
		now.reader, now.card = last.reader, last.card
	} else {
		f.numbers++
		now.reader = f.numbers
	}
	if last == nil || !last.Present || exchanged(last, now) {
		f.numbers++
		now.card = f.numbers
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

// watcher is somebody who watches.
type watcher struct {
	told    map[string]*Slot // the slots that changed since: as its events left them, nil for none
	service service          // as its events left it
	wake    chan struct{}    // holds a token when there may be more
}

// note keeps what the watcher was told of a slot that changes. Nothing is kept of one
// that came and went meanwhile.
func (w *watcher) note(name string, last, now *Slot) {
	told, noted := w.told[name]
	switch {
	case !noted:
		w.told[name] = last
	case told == nil && now == nil:
		delete(w.told, name)
	}
}

// watch adds a watcher that was told nothing.
func (f *Feed) watch() *watcher {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &watcher{
		told:    make(map[string]*Slot, len(f.slots)),
		service: service{times: f.service.times},
		wake:    make(chan struct{}, 1),
	}
	for name := range f.slots {
		w.told[name] = nil
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

// step is a slot before and now, nil for none.
type step struct{ before, now *Slot }

// events returns what leads to the current state, and takes it as told: removals
// first, then the service, then additions.
func (f *Feed) events(w *watcher) (events []reader.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var left, stay []step
	for name, before := range w.told {
		s := step{before, f.slots[name]}
		if s.before != nil {
			left = append(left, s)
		}
		if s.now != nil {
			stay = append(stay, s)
		}
	}
	slices.SortFunc(left, func(a, b step) int { return inPlace(a.before, b.before) })
	slices.SortFunc(stay, func(a, b step) int { return inPlace(a.now, b.now) })

	for _, s := range left {
		events = append(events, removals(s.before, s.now)...)
	}
	if !w.service.down && (f.service.down || f.service.times != w.service.times) {
		events = append(events, reader.Event{Kind: reader.ServiceDown})
		w.service.down = true
	}
	if w.service.down && !f.service.down {
		events = append(events, reader.Event{Kind: reader.ServiceUp})
	}
	for _, s := range stay {
		events = append(events, additions(s.before, s.now)...)
	}
	w.told, w.service = map[string]*Slot{}, f.service
	return events
}

// Watch yields what is there and then what changes, until ctx or the loop
// ends.
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

// same tells whether it is the same reader before and now.
func same(before, now *Slot) bool {
	return before != nil && now != nil && before.reader == now.reader
}

// cardStays tells whether the same card is in the same reader before and now.
func cardStays(before, now *Slot) bool {
	return same(before, now) && before.Present && now.Present && !exchanged(before, now)
}

// removals are the events of what was in a slot and is no more.
func removals(before, now *Slot) (events []reader.Event) {
	if before != nil && before.Present && !cardStays(before, now) {
		events = append(events, reader.Event{Kind: reader.CardRemoved, Reader: before.Name})
	}
	if before != nil && !same(before, now) {
		events = append(events, reader.Event{Kind: reader.ReaderRemoved, Reader: before.Name})
	}
	return events
}

// additions are the events of what is in a slot and was not.
func additions(before, now *Slot) (events []reader.Event) {
	if now != nil && !same(before, now) {
		events = append(events, reader.Event{Kind: reader.ReaderAdded, Reader: now.Name})
	}
	if now != nil && now.Present && !cardStays(before, now) {
		events = append(events, reader.Event{Kind: reader.CardInserted, Reader: now.Name, ATR: now.ATR})
	}
	return events
}
