package pcsc

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// Unless a test uses synctest, it measures real time and compares medians, since the
// machine may be busy.

func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}

// idle blocks until the monitor waits for PC/SC.
func idle(t *testing.T, s *service) {
	t.Helper()
	require.Eventually(t, func() bool {
		s.usage.mu.Lock()
		defer s.usage.mu.Unlock()
		return s.waits == 1
	}, 5*time.Second, time.Millisecond)
}

func TestInsertedCardsAreReportedAtOnce(t *testing.T) {
	s := newService("Reader")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reports := make(chan time.Time)
	go func() {
		defer close(reports)
		for range newDriver(s, onLinux).Watch(ctx) {
			reports <- time.Now()
		}
	}()
	<-reports // the reader was added

	// latency changes the reader's state and returns how long the report took.
	latency := func(state flags) time.Duration {
		idle(t, s)
		var at time.Time
		s.change(func() { s.readers["Reader"], at = state, time.Now() })
		return (<-reports).Sub(at)
	}
	var inserted, removed []time.Duration
	for n := range flags(51) {
		inserted = append(inserted, latency((2*n+1)<<16|statePresent))
		removed = append(removed, latency((2*n+2)<<16|0x10))
	}
	t.Logf("median of %d: inserted %s, removed %s", len(inserted), median(inserted), median(removed))
	assert.Less(t, median(inserted), soon)
	assert.Less(t, median(removed), soon)
	cancel()
	for range reports {
	}
	s.clean(t)
}

// In synctest, time passes only in the pauses of the package: a card that is inserted
// right after another event is delayed by at most one of them.
//
// Faults: F09.
func TestCardIsDelayedByAtMostOnePause(t *testing.T) {
	for _, pnp := range []pnp{pnpReports, pnpSpins} {
		synctest.Test(t, func(t *testing.T) {
			s := newService("Reader")
			s.pnp = pnp
			w := watch(t, s, newDriver(s, onLinux))
			require.Len(t, w.within(soon), 1)
			for n := range flags(200) {
				s.change(func() { s.readers["Reader"] = (2*n + 1) << 16 })
				w.within(time.Duration(n) * time.Millisecond / 4)
				s.change(func() { s.readers["Reader"] = (2*n+2)<<16 | statePresent })
				require.Equal(t, []string{"card-inserted Reader"}, w.within(wakeEvery))
				require.Empty(t, w.within(time.Duration(n)*time.Millisecond/3))
				s.change(func() { s.readers["Reader"] = (2*n + 3) << 16 })
				require.Equal(t, []string{"card-removed Reader"}, w.within(wakeEvery))
			}
			w.stop()
		})
	}
}

// Faults: F12.
func TestCancelTakesEffectAtOnce(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, d *Driver){
		"Watch": func(ctx context.Context, d *Driver) {
			for range d.Watch(ctx) {
			}
		},
		"Wait": func(ctx context.Context, d *Driver) {
			_, err := reader.Wait(ctx, d, "", nil)
			assert.ErrorIs(t, err, context.Canceled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService("Reader")
			d := newDriver(s, onLinux)
			var ended, released []time.Duration
			for range 51 {
				ctx, cancel := context.WithCancel(t.Context())
				over := make(chan struct{})
				go func() {
					defer close(over)
					wait(ctx, d)
				}()
				idle(t, s)
				start := time.Now()
				cancel()
				<-over
				ended = append(ended, time.Since(start))
				s.clean(t)
				released = append(released, time.Since(start))
			}
			t.Logf("median of %d: ended %s, PC/SC released %s", len(ended), median(ended), median(released))
			assert.Less(t, median(ended), soon)
			assert.Less(t, median(released), soon)
		})
	}
}
