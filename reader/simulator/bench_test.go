package simulator_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func sharedKeys(b *testing.B) *simulator.Card {
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("test"))
	if err != nil {
		b.Fatal(err)
	}
	return card
}

// A card whose keys are made already, and what it keeps in memory.
func BenchmarkNewCard(b *testing.B) {
	sharedKeys(b)
	b.Run("time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sharedKeys(b)
		}
	})
	b.Run("memory", func(b *testing.B) {
		const cards = 1000
		kept := 0.0
		for b.Loop() {
			before := heap()
			all := make([]*simulator.Card, cards)
			for i := range all {
				all[i] = sharedKeys(b)
			}
			kept = float64(int64(heap()-before)) / cards
			runtime.KeepAlive(all)
		}
		b.ReportMetric(kept, "kept-B/card")
	})
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// From putting a card in to the event, and out again, among so many readers.
func BenchmarkEvents(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 8000, 64_000} {
		b.Run("readers="+strconv.Itoa(n), func(b *testing.B) {
			driver := simulator.New()
			slots := make([]*simulator.Reader, n)
			for i := range slots {
				slots[i] = driver.AddReader("Reader " + strconv.Itoa(i))
			}
			card := sharedKeys(b)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			events := make(chan reader.Event)
			go func() {
				defer close(events)
				for e, err := range driver.Watch(ctx) {
					if err != nil {
						return
					}
					select {
					case events <- e:
					case <-ctx.Done():
						return
					}
				}
			}()
			for range n {
				<-events // each reader, as it is there from the beginning
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				slot := slots[i%n]
				i++
				if err := slot.Insert(card); err != nil {
					b.Fatal(err)
				}
				<-events
				slot.Remove()
				<-events
			}
		})
	}
}

// So many readers of one name added, while a watcher sees each.
func BenchmarkAddReaders(b *testing.B) {
	for _, n := range []int{1000, 8000, 64_000} {
		b.Run("readers="+strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				watched(b, func(driver *simulator.Driver, next func() string) {
					for range n {
						driver.AddReader("Reader")
						next()
					}
				})
			}
		})
	}
}
