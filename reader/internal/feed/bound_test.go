package feed

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/reader"
)

// While a watcher does not read, the feed keeps nothing but the current state: neither
// past changes of cards nor readers that have come and gone under many names.
// Faults: F78.
func TestIdleWatcherUsesNoMemory(t *testing.T) {
	const changes = 100_000
	var f Feed
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.Set(State{Slots: []Slot{slot("A", true, 1)}})
	wake, events := make(chan struct{}), make(chan string)
	go func() {
		defer close(events)
		for e := range f.Watch(ctx) {
			events <- fmt.Sprintf("%s %s", e.Kind, e.Reader)
			if e.Kind == reader.CardInserted {
				<-wake
			}
		}
	}()
	assert.Equal(t, "reader-added A", <-events)
	assert.Equal(t, "card-inserted A", <-events)

	before := heapInUse()
	for n := range uint64(changes) {
		f.Set(State{Slots: []Slot{slot("A", n%2 == 1, 1), slot(fmt.Sprint("Reader ", n), true, 0)}})
	}
	after := heapInUse()
	assert.Less(t, int64(after)-int64(before), int64(4<<20), "bytes kept after %d changes", changes)
	close(wake)
	var got []string
	for range 4 {
		got = append(got, <-events)
	}
	assert.Equal(t, []string{"card-removed A", "card-inserted A", "reader-added Reader 99999", "card-inserted Reader 99999"}, got)
	cancel()
	<-events
}

// heapInUse returns the number of bytes in use.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
