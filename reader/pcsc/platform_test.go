package pcsc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// watcher collects the events of a Watch in a test that uses [synctest.Test].
type watcher struct {
	mu     sync.Mutex
	events []string
	stop   func() // ends the Watch and waits until everything is closed
}

func watch(t *testing.T, s *service, d *Driver) *watcher {
	t.Helper()
	w := &watcher{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event, err := range d.Watch(ctx) {
			assert.NoError(t, err)
			w.mu.Lock()
			w.events = append(w.events, fmt.Sprintf("%s %s", event.Kind, event.Reader))
			w.mu.Unlock()
		}
	}()
	w.stop = func() {
		cancel()
		<-ended
		s.clean(t)
	}
	return w
}

// within waits for d and returns the events that came in that time.
func (w *watcher) within(d time.Duration) []string {
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

// soon is the time limit for an event that PC/SC reports.
const soon = 50 * time.Millisecond

func TestPlatforms(t *testing.T) {
	assert.Equal(t, platform{plugAndPlay: true}, onLinux)
	assert.Equal(t, platform{plugAndPlay: true}, onWindows)
	assert.Equal(t, platform{}, onMacOS)
}

// Readers and cards come and go, also two at once and with the same names as before, on
// systems that report new readers and on the three kinds of systems that don't.
//
// Faults: F06, F08, F09.
func TestReadersComeAndGo(t *testing.T) {
	for _, tt := range []struct {
		name     string
		platform platform
		pnp      pnp
		within   time.Duration // a new reader is reported
	}{
		{"Linux", onLinux, pnpReports, soon},
		{"Windows", onWindows, pnpReports, soon},
		{"macOS", onMacOS, pnpUnknown, waitSlice + soon},
		{"no pseudo-reader, reported by a code", onLinux, pnpUnknown, waitSlice + soon},
		{"no pseudo-reader, reported by a flag", onLinux, pnpFlagged, waitSlice + soon},
		{"a pseudo-reader that always reports a change", onLinux, pnpSpins, soon},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService()
				s.pnp = tt.pnp
				w := watch(t, s, newDriver(s, tt.platform))
				assert.Empty(t, w.within(3*time.Second), "without readers there is neither an event nor a failure")

				s.change(func() { s.plug("A", 0x10); s.plug("B", 0x00010020) })
				assert.Equal(t, []string{"reader-added A", "reader-added B", "card-inserted B"}, w.within(tt.within))
				assert.Empty(t, w.within(3*time.Second))

				s.change(func() { s.readers["A"] = 0x00010020 })
				assert.Equal(t, []string{"card-inserted A"}, w.within(soon))

				s.change(func() { s.unplug("A", "B") })
				assert.Equal(t, []string{"card-removed A", "reader-removed A", "card-removed B", "reader-removed B"}, w.within(tt.within))

				s.change(func() { s.plug("A", 0x10) })
				assert.Equal(t, []string{"reader-added A"}, w.within(tt.within), "the same name again")
				w.stop()
			})
		})
	}
}

// Faults: F08.
func TestUnreportedReadersAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.silent = true
		w := watch(t, s, newDriver(s, onLinux))
		require.Empty(t, w.within(soon))
		s.mu.Lock()
		s.plug("A", 0x10)
		s.mu.Unlock()
		assert.Equal(t, []string{"reader-added A"}, w.within(waitSlice+soon))
		w.stop()
	})
}

// Faults: F08, F25.
func TestExchangedCardsAreFoundWithoutACounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService("A")
		s.pnp = pnpUnknown
		card := func(state flags, atr ...byte) func() {
			return func() { s.readers["A"], s.atrs["A"] = state, atr }
		}
		w := watch(t, s, newDriver(s, onMacOS))
		require.Equal(t, []string{"reader-added A"}, w.within(soon))
		s.change(card(statePresent, 0x3B, 0x01))
		require.Equal(t, []string{"card-inserted A"}, w.within(soon))
		// The new card has the same state. The wait ends because another program
		// uses the card.
		s.change(card(statePresent|0x100, 0x3B, 0x02))
		assert.Equal(t, []string{"card-removed A", "card-inserted A"}, w.within(soon))
		s.change(card(statePresent, 0x3B, 0x02))
		assert.Empty(t, w.within(soon))
		w.stop()
	})
}

// The Windows service stops with its last reader and starts with the next one. Contexts
// from before are invalid.
//
// Faults: F01, F02.
func TestServiceStopsWithTheLastReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.stopsEmpty = true
		d := newDriver(s, onWindows)
		w := watch(t, s, d)
		assert.Equal(t, []string{"service-down "}, w.within(time.Second), "before the first reader")
		for range 3 {
			s.change(func() { s.plug("A", 0x00010020) })
			assert.Equal(t, []string{"service-up ", "reader-added A", "card-inserted A"}, w.within(serviceEvery+soon))
			card, err := d.Connect(t.Context(), "A")
			require.NoError(t, err)
			require.NoError(t, card.Close())

			s.change(func() { s.unplug("A") })
			assert.Equal(t, []string{"card-removed A", "reader-removed A", "service-down "}, w.within(soon))
			_, err = d.Readers(t.Context())
			assert.ErrorIs(t, err, reader.ErrNoService)
			_, err = d.Connect(t.Context(), "A")
			assert.ErrorIs(t, err, reader.ErrNoService)
			assert.Empty(t, w.within(time.Hour), "as long as there is no reader")
		}
		w.stop()
		_, err := d.Readers(t.Context())
		assert.ErrorIs(t, err, reader.ErrNoService)
	})
}

// The number of waits is bounded: on systems that count changes, on systems that don't,
// and if PC/SC always returns at once.
//
// Faults: F09.
func TestWakesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name     string
		platform platform
		pnp      pnp
		state    flags
		most     int32 // waits in ten seconds
	}{
		{"Linux", onLinux, pnpReports, 0x00050020, 12},
		{"Windows", onWindows, pnpReports, 0x00050120, 12},
		{"macOS", onMacOS, pnpUnknown, 0x20, 12},
		{"no pseudo-reader", onLinux, pnpUnknown, 0x00050020, 12},
		{"a pseudo-reader that is flagged as unknown", onLinux, pnpFlagged, 0x00050020, 12},
		{"a reader that always reports a change", onLinux, pnpReports, 0x00050020 | stateChanged, 500},
		{"a reader that reports no state", onLinux, pnpReports, stateChanged, 500},
		{"a pseudo-reader that always reports a change", onLinux, pnpSpins, 0x00050020, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService()
				s.pnp = tt.pnp
				s.plug("A", tt.state)
				w := watch(t, s, newDriver(s, tt.platform))
				require.Equal(t, "reader-added A", w.within(soon)[0])
				before := s.waitsBegun.Load()
				require.Empty(t, w.within(10*time.Second))
				waits := s.waitsBegun.Load() - before
				t.Logf("%d waits in 10 s", waits)
				assert.LessOrEqual(t, waits, tt.most)

				s.change(func() { s.plug("B", 0x10) })
				w.within(waitSlice + soon)
				s.change(func() { s.plug("B", 0x00010020) })
				assert.Equal(t, []string{"card-inserted B"}, w.within(soon))
				w.stop()
			})
		})
	}
}

// Without readers and without a pseudo-reader there is nothing to wait for. The readers
// are then listed at fixed intervals.
//
// Faults: F09.
func TestListsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		var lists atomic.Int32
		s.fault = func(call string) error {
			if call == "list" {
				lists.Add(1)
			}
			return nil
		}
		w := watch(t, s, newDriver(s, onMacOS))
		assert.Empty(t, w.within(10*time.Second))
		assert.LessOrEqual(t, lists.Load(), int32(12))
		w.stop()
	})
}

// A reader that PC/SC lists without knowing its state does not hide the others.
//
// Faults: F09, F11.
func TestReaderWithoutAStateDoesNotHideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService("A")
		s.ghost = "ghost"
		d := newDriver(s, onLinux)
		list, err := d.Readers(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 1)

		w := watch(t, s, d)
		assert.Equal(t, []string{"reader-added A"}, w.within(2*soon))
		for n := range flags(20) { // at any time, also when the ghost is included again
			assert.Empty(t, w.within(time.Second+time.Duration(n)*10*time.Millisecond))
			s.change(func() { s.readers["A"] = (2*n+1)<<16 | statePresent })
			assert.Equal(t, []string{"card-inserted A"}, w.within(soon))
			s.change(func() { s.readers["A"] = (2*n+2)<<16 | 0x10 })
			assert.Equal(t, []string{"card-removed A"}, w.within(soon))
		}
		s.change(func() { s.ghost = ""; s.plug("ghost", 0x10) })
		assert.Equal(t, []string{"reader-added ghost"}, w.within(2*waitSlice))
		w.stop()
	})
}

// If PC/SC reports no state of any reader, the context is unusable and the service
// counts as down.
func TestNoReaderHasAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService("A")
		s.unknown = 1 << 30
		d := newDriver(s, onLinux)
		_, err := d.Readers(t.Context())
		require.ErrorIs(t, err, reader.ErrNoService)
		w := watch(t, s, d)
		assert.Equal(t, []string{"service-down "}, w.within(time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = d.Readers(ctx)
		require.ErrorIs(t, err, reader.ErrNoService, "it fails instead of blocking")
		s.change(func() { s.unknown = 0 })
		assert.Equal(t, []string{"service-up ", "reader-added A"}, w.within(time.Second))
		w.stop()
	})
}
