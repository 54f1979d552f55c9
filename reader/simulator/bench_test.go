package simulator_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// BenchmarkNewCard measures the time to create a card whose keys are cached, and the
// memory that it keeps.
func BenchmarkNewCard(b *testing.B) {
	newCard(b, simulator.Contact)
	b.Run("time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			newCard(b, simulator.Contact)
		}
	})
	b.Run("memory", func(b *testing.B) {
		const cards = 1000
		kept := 0.0
		for b.Loop() {
			before := heap()
			all := make([]*simulator.Card, cards)
			for i := range all {
				all[i] = newCard(b, simulator.Contact)
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

// BenchmarkEvents measures the time from inserting a card to its event, and from removing
// it to its event, with n readers.
func BenchmarkEvents(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 8000, 64_000} {
		b.Run("readers="+strconv.Itoa(n), func(b *testing.B) {
			driver := simulator.New()
			slots := make([]*simulator.Reader, n)
			for i := range slots {
				slots[i] = driver.AddReader("Reader " + strconv.Itoa(i))
			}
			card := newCard(b, simulator.Contact)
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
				<-events // one for each reader that exists already
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

// BenchmarkAddReaders measures adding n readers with one name while a watcher runs.
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
