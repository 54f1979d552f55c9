package simulator_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// watched calls use with a driver and a function that returns the next event of a watcher.
func watched(t testing.TB, use func(driver *simulator.Driver, next func() string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	driver := simulator.New()
	events, ended := make(chan string), make(chan struct{})
	go func() {
		defer close(ended)
		for e := range driver.Watch(ctx) {
			select {
			case events <- e.Kind.String() + " " + e.Reader:
			case <-ctx.Done():
				return
			}
		}
	}()
	use(driver, func() string { return <-events })
	cancel()
	<-ended
}

// A watcher that keeps up sees every change of every reader, in order.
func TestWatcherSeesEveryChangeOfManyReaders(t *testing.T) {
	const n = 300
	watched(t, func(driver *simulator.Driver, next func() string) {
		card := newCard(t, simulator.Contact)
		slots := make([]*simulator.Reader, n)
		for i := range slots {
			slots[i] = driver.AddReader("Reader")
			require.Equal(t, "reader-added "+slots[i].Name(), next())
		}
		assert.Equal(t, fmt.Sprintf("Reader %d", n), slots[n-1].Name())
		for _, slot := range slots {
			require.NoError(t, slot.Insert(card))
			require.Equal(t, "card-inserted "+slot.Name(), next())
			slot.Remove()
			require.Equal(t, "card-removed "+slot.Name(), next())
		}
		list, err := driver.Readers(context.Background())
		require.NoError(t, err)
		for i, r := range list {
			require.Equal(t, reader.Reader{Name: slots[i].Name(), Changes: r.Changes}, r)
		}
		for _, slot := range slots {
			driver.RemoveReader(slot)
			require.Equal(t, "reader-removed "+slot.Name(), next())
		}
	})
}

// A new reader gets the first free number, also after a reader was removed.
func TestReaderNamesAreReused(t *testing.T) {
	driver := simulator.New()
	add := func(name string) *simulator.Reader { return driver.AddReader(name) }
	first, second, third := add("R"), add("R"), add("R 3")
	fourth := add("R")
	assert.Equal(t, []string{"R", "R 2", "R 3", "R 4"}, []string{first.Name(), second.Name(), third.Name(), fourth.Name()})
	driver.RemoveReader(third)
	driver.RemoveReader(second)
	driver.RemoveReader(second) // already removed
	assert.Equal(t, "R 2", add("R").Name())
	assert.Equal(t, "R 3", add("R").Name())
	assert.Equal(t, "R 5", add("R").Name())
	driver.RemoveReader(first)
	assert.Equal(t, "R", add("R").Name())
	assert.Equal(t, "R 2 2", add("R 2").Name())
}

// The memory that a reader takes does not grow with the number of readers.
func TestMemoryIsLinearInReaders(t *testing.T) {
	card := newCard(t, simulator.Contact)
	allocated := func(n int) (bytes uint64) {
		watched(t, func(driver *simulator.Driver, next func() string) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			slots := make([]*simulator.Reader, n)
			for i := range slots {
				slots[i] = driver.AddReader("Reader")
				next()
			}
			for _, slot := range slots {
				require.NoError(t, slot.Insert(card))
				next()
				slot.Remove()
				next()
			}
			for _, slot := range slots {
				driver.RemoveReader(slot)
				next()
			}
			runtime.ReadMemStats(&after)
			bytes = after.TotalAlloc - before.TotalAlloc
		})
		return bytes
	}
	few, many := allocated(250), allocated(2000)
	assert.Less(t, many, 2*8*few, "bytes for 8 times as many readers as take %d bytes", few)
}
