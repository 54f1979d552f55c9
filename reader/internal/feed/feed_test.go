package feed

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/reader"
)

func slot(name string, present bool, count uint64) Slot {
	return Slot{Reader: reader.Reader{Name: name, Present: present}, Count: count}
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
		{"nothing", State{}, State{}, nil},
		{"the same", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", true, 1)}}, nil},
		{"a reader with a card", State{}, State{Slots: []Slot{slot("A", true, 1)}}, []string{"reader-added A", "card-inserted A"}},
		{"a card", State{Slots: []Slot{slot("A", false, 1)}}, State{Slots: []Slot{slot("A", true, 2)}}, []string{"card-inserted A"}},
		{"a card gone", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", false, 2)}}, []string{"card-removed A"}},
		{"a card exchanged", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", true, 3)}}, []string{"card-removed A", "card-inserted A"}},
		{"a card exchanged, and nobody counts", State{Slots: []Slot{slot("A", true, 0).with(0x3B, 0x01)}}, State{Slots: []Slot{slot("A", true, 0).with(0x3B, 0x02)}}, []string{"card-removed A", "card-inserted A"}},
		{"a card that is mute no more", State{Slots: []Slot{slot("A", true, 1)}}, State{Slots: []Slot{slot("A", true, 1).with(0x3B)}}, nil},
		{"a card that is mute now", State{Slots: []Slot{slot("A", true, 1).with(0x3B)}}, State{Slots: []Slot{slot("A", true, 1)}}, nil},
		{"a reader gone, with its card", State{Slots: []Slot{slot("A", true, 1), slot("B", false, 0)}}, State{Slots: []Slot{slot("B", false, 0)}}, []string{"card-removed A", "reader-removed A"}},
		{"the service gone", State{Slots: []Slot{slot("A", true, 1)}}, down, []string{"card-removed A", "reader-removed A", "service-down "}},
		{"the service back", down, State{Slots: []Slot{slot("A", true, 1)}}, []string{"service-up ", "reader-added A", "card-inserted A"}},
		{"the service still gone", down, down, nil},
		{"two readers at once", State{}, State{Slots: []Slot{slot("A", false, 0), slot("B", false, 0)}}, []string{"reader-added A", "reader-added B"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range changes(tt.before, tt.now) {
				got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Reader))
			}
			assert.Equal(t, tt.events, got)
		})
	}
}

func TestSlowWatchersLoseNothing(t *testing.T) {
	var f Feed
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const cycles = 1000
	f.Set(State{Slots: []Slot{slot("A", false, 0)}})
	inserted, first := 0, true
	for e := range f.Watch(ctx) {
		if first {
			first = false
			for n := range uint64(cycles) {
				f.Set(State{Slots: []Slot{slot("A", true, 2*n+1)}})
				f.Set(State{Slots: []Slot{slot("A", false, 2*n+2)}})
			}
		}
		if e.Kind == reader.CardInserted {
			inserted++
			if inserted == cycles {
				break
			}
		}
	}
	assert.Equal(t, cycles, inserted)
	assert.Empty(t, f.watchers, "unsubscribed when the loop ends")
	assert.Equal(t, "event-99", reader.EventKind(99).String())
}
