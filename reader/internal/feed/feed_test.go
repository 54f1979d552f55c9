package feed

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/reader"
)

func slot(name string, present bool, count uint64) Slot {
	return Slot{Reader: reader.Reader{Name: name, Present: present, Changes: count}}
}

func (s Slot) with(atr ...byte) Slot {
	s.ATR = atr
	return s
}

// Faults: F08, F25.
func TestChanges(t *testing.T) {
	down := State{ServiceDown: true}
	for _, tt := range []struct {
		name        string
		before, now State
		events      []string
	}{
		{"no change without readers", State{}, State{}, nil},
		{"no change", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", true, 1)}}, nil},
		{"a reader added with a card", State{}, State{Slots: []Slot{slot("A", true, 1)}}, []string{"reader-added A", "card-inserted A"}},
		{"a card inserted", State{Slots: []Slot{slot("A", false, 1)}}, State{Slots: []Slot{slot("A", true, 2)}}, []string{"card-inserted A"}},
		{"a card removed", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", false, 2)}}, []string{"card-removed A"}},
		{"a card exchanged", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", true, 3)}}, []string{"card-removed A", "card-inserted A"}},
		{"a card exchanged without a count", State{Slots: []Slot{slot("A", true, 0).with(0x3B, 0x01)}}, State{Slots: []Slot{slot("A", true, 0).with(0x3B, 0x02)}}, []string{"card-removed A", "card-inserted A"}},
		{"a card that reports its ATR later", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", true, 1).with(0x3B)}}, nil},
		{"a card that no longer reports its ATR", State{Slots: []Slot{slot("A", true, 1).with(0x3B)}}, State{Slots: []Slot{slot("A", true, 1)}}, nil},
		{"a reader removed with its card", State{Slots: []Slot{slot("A", true, 1), slot("B", false, 0)}}, State{Slots: []Slot{slot("B", false, 0)}}, []string{"card-removed A", "reader-removed A"}},
		{"the service stops", State{Slots: []Slot{slot("A", true, 1)}}, down, []string{"card-removed A", "reader-removed A", "service-down "}},
		{"the service starts", down, State{Slots: []Slot{slot("A", true, 1)}}, []string{"service-up ", "reader-added A", "card-inserted A"}},
		{"the service stays down", down, down, nil},
		{"two readers at once", State{}, State{Slots: []Slot{slot("A", false, 0), slot("B", false, 0)}}, []string{"reader-added A", "reader-added B"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f Feed
			w := f.watch()
			f.Set(tt.before)
			f.events(w)
			f.Set(tt.now)
			var got []string
			for _, e := range f.events(w) {
				got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Reader))
			}
			assert.Equal(t, tt.events, got)
		})
	}
}

// A watcher that was not reading gets the events that lead to the current state. No
// events are queued for it.
// Faults: F78.
func TestSlowWatchersCatchUp(t *testing.T) {
	up := State{Slots: []Slot{slot("A", false, 0), slot("B", true, 1)}}
	for _, tt := range []struct {
		name    string
		changes []State
		events  []string
	}{
		{"a card inserted", []State{{Slots: []Slot{slot("A", true, 1), slot("B", true, 1)}}}, []string{"card-inserted A"}},
		{"a card inserted and removed", []State{{Slots: []Slot{slot("A", true, 1), slot("B", true, 1)}}, {Slots: []Slot{slot("A", false, 2), slot("B", true, 1)}}}, nil},
		{"a card exchanged without a count", []State{
			{Slots: []Slot{slot("A", false, 0), slot("B", false, 1)}}, {Slots: []Slot{slot("A", false, 0), slot("B", true, 1)}},
		}, []string{"card-removed B", "card-inserted B"}},
		{"a reader removed and added", []State{{Slots: []Slot{slot("A", false, 0)}}, up}, []string{"card-removed B", "reader-removed B", "reader-added B", "card-inserted B"}},
		{"a service that restarted", []State{{ServiceDown: true}, up}, []string{
			"reader-removed A", "card-removed B", "reader-removed B", "service-down ", "service-up ", "reader-added A", "reader-added B", "card-inserted B",
		}},
		{"a service that restarted and stopped", []State{{ServiceDown: true}, up, {ServiceDown: true}}, []string{"reader-removed A", "card-removed B", "reader-removed B", "service-down "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f Feed
			f.Set(State{ServiceDown: true}) // before the watch begins, so it is not reported
			set := func(s State) { f.Set(State{ServiceDown: s.ServiceDown, Slots: slices.Clone(s.Slots)}) }
			set(up)
			var got []string
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			for e := range f.Watch(ctx) {
				got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Reader))
				if len(got) == 3 {
					assert.Equal(t, []string{"reader-added A", "reader-added B", "card-inserted B"}, got)
					for range 10_000 {
						for _, s := range tt.changes {
							set(s)
						}
						if len(tt.changes) < 2 || tt.changes[len(tt.changes)-1].ServiceDown {
							break
						}
					}
					if tt.events == nil {
						break
					}
				}
				if len(got) == 3+len(tt.events) {
					break
				}
			}
			assert.Equal(t, tt.events, append([]string(nil), got[3:]...))
			assert.Empty(t, f.watchers, "the watcher is removed when the loop ends")
		})
	}
	assert.Equal(t, "event-99", reader.EventKind(99).String())
}

// Changing one reader at a time gives the same events as setting the whole state.
func TestOneReaderAtATime(t *testing.T) {
	var f Feed
	w := f.watch()
	events := func() (got []string) {
		for _, e := range f.events(w) {
			got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Reader))
		}
		return got
	}
	f.Put(slot("B", false, 0))
	f.Put(slot("A", true, 1))
	assert.Equal(t, []string{"reader-added B", "reader-added A", "card-inserted A"}, events(), "in the order in which they were added")
	f.Put(slot("B", true, 1))
	f.Put(slot("A", true, 3))
	assert.Equal(t, []string{"card-removed A", "card-inserted B", "card-inserted A"}, events())
	f.Remove("B")
	f.Put(slot("B", false, 0))
	f.Put(slot("C", false, 0))
	f.Remove("C")
	f.Remove("D")
	assert.Equal(t, []string{"card-removed B", "reader-removed B", "reader-added B"}, events())
	readers := func() (list []string) {
		for _, s := range f.State().Slots {
			list = append(list, s.Name)
		}
		return list
	}
	assert.Equal(t, []string{"A", "B"}, readers(), "B is a new reader, after A")
	f.Set(State{ServiceDown: true})
	assert.Equal(t, []string{"card-removed A", "reader-removed A", "reader-removed B", "service-down "}, events())
	f.Set(State{Slots: []Slot{slot("B", false, 0), slot("A", true, 3)}})
	assert.Equal(t, []string{"B", "A"}, readers())
	f.Put(slot("C", false, 0))
	assert.Equal(t, []string{"B", "A", "C"}, readers())
	assert.Equal(t, []string{"service-up ", "reader-added B", "reader-added A", "card-inserted A", "reader-added C"}, events())
}
