package feed

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/reader"
)

// Whatever happens while a watcher sleeps, nothing is kept of it but the current
// state: not of cards, and not of readers that come under ever new names.
// Faults: F78.
func TestASleepingWatcherCostsNothing(t *testing.T) {
	const changes = 100_000
	var f Feed
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.Set(State{Slots: []Slot{slot("A", true, 1)}})
	wake, seen := make(chan struct{}), make(chan string)
	go func() {
		defer close(seen)
		for e := range f.Watch(ctx) {
			seen <- fmt.Sprintf("%s %s", e.Kind, e.Reader)
			if e.Kind == reader.CardInserted {
				<-wake
			}
		}
	}()
	assert.Equal(t, "reader-added A", <-seen)
	assert.Equal(t, "card-inserted A", <-seen)

	before := heap()
	for n := range uint64(changes) {
		f.Set(State{Slots: []Slot{slot("A", n%2 == 1, 1), slot(fmt.Sprint("Reader ", n), true, 0)}})
	}
	after := heap()
	assert.Less(t, int64(after)-int64(before), int64(4<<20), "bytes kept of %d changes", changes)
	close(wake)
	var got []string
	for range 4 {
		got = append(got, <-seen)
	}
	assert.Equal(t, []string{"card-removed A", "card-inserted A", "reader-added Reader 99999", "card-inserted Reader 99999"}, got)
	cancel()
	<-seen
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
