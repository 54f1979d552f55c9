package pcsc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

// Faults: F03, F25.
func TestWatchSurvivesTheService(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s, onLinux)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	steps := []func(){
		func() { s.change(func() { s.readers["Reader"] = 0x00010020 }) },           // inserted
		func() { s.change(func() { s.readers["Reader"] = 0x00030020 }) },           // exchanged between two waits
		func() { s.change(func() { s.plug("Second", 0x00010020|0x0100|0x0200) }) }, // a reader with a card, odd flags
		func() { s.change(func() { s.down = true }) },
		func() { s.change(func() { s.down = false; s.unplug("Second"); s.plug("Reader", 0x10) }) },
		func() { s.change(func() { s.unplug("Reader") }) },
		cancel,
	}
	expect := [][]string{
		{"reader-added Reader"},
		{"card-inserted Reader"},
		{"card-removed Reader", "card-inserted Reader"},
		{"reader-added Second", "card-inserted Second"},
		{"service-down "},
		{"service-up ", "reader-added Reader"},
		{"reader-removed Reader"},
	}
	var got []string
	at := 0
	for event, err := range d.Watch(ctx) {
		require.NoError(t, err)
		got = append(got, fmt.Sprintf("%s %s", event.Kind, event.Reader))
		last := expect[at][len(expect[at])-1]
		if got[len(got)-1] == last {
			if at < 4 { // the readers go with the service, in any order
				assert.Equal(t, expect[at], got[len(got)-len(expect[at]):])
			}
			steps[at]()
			at++
		}
	}
	assert.Equal(t, len(steps), at, "%v", got)
	s.clean(t)
}

// Faults: F13.
func TestWatchersShareOneWait(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s, onLinux)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for event := range d.Watch(ctx) {
				if event.Kind == reader.CardInserted {
					return
				}
			}
		})
	}
	for range 100 {
		list, err := d.Readers(ctx)
		require.NoError(t, err)
		require.Len(t, list, 1)
	}
	scopes, _ := s.open()
	assert.LessOrEqual(t, scopes, 2, "one context for all watchers and perhaps one for Readers")
	s.change(func() { s.readers["Reader"] = 0x00010020 })
	group.Wait()
	s.clean(t)
}

// If a watch begins while look waits for the turn, look takes the state from the watch,
// since the watch keeps the turn.
// Faults: F79.
func TestLookUsesAWatchThatBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMonitor(newService(), onLinux)
		m.turn <- struct{}{} // as taken by the watching goroutine
		looked := make(chan feed.State)
		go func() {
			state, err := m.look(t.Context())
			assert.NoError(t, err)
			looked <- state
		}()
		synctest.Wait() // look has found no watch
		m.mu.Lock()
		m.begin(func() {})
		m.mu.Unlock()
		synctest.Wait()
		m.publish(m.run, feed.State{Slots: []feed.Slot{{Reader: reader.Reader{Name: "Reader"}}}}, nil)
		close(m.run.ready)
		assert.Len(t, (<-looked).Slots, 1)
	})
}

// A look that waits for the first state of a watch asks PC/SC itself if the watch ends
// before that.
func TestLookOutlivesTheWatcher(t *testing.T) {
	s := newService("Reader")
	b := &slowBinding{service: s, release: make(chan struct{})}
	d := newDriver(b, onLinux)
	watchCtx, stop := context.WithCancel(context.Background())
	watchEnded := make(chan struct{})
	go func() {
		defer close(watchEnded)
		for range d.Watch(watchCtx) {
			t.Error("an event without a service")
		}
	}()
	require.Eventually(t, func() bool {
		d.monitor.mu.Lock()
		defer d.monitor.mu.Unlock()
		return d.monitor.run != nil
	}, 5*time.Second, time.Millisecond)

	listed := make(chan error, 1)
	go func() {
		_, err := d.Readers(context.Background())
		listed <- err
	}()
	stop()
	<-watchEnded
	close(b.release)
	select {
	case err := <-listed:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Readers does not return")
	}
	s.clean(t)
}

// If a reader is unplugged between listing the readers and waiting for them, PC/SC
// reports no state of the others. They are listed again and not reported as empty.
//
// Faults: F08.
func TestReaderUnpluggedBeforeTheWait(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = 0x00010020
	s.unknown = 2
	list, err := newDriver(s, onLinux).Readers(context.Background())
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.True(t, list[0].Present)

	s.change(func() { s.unknown = 1000 })
	_, err = newDriver(s, onLinux).Readers(context.Background())
	require.Error(t, err, "it does not return a list of empty readers")

	s.change(func() { s.unknown = 2 })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for event := range newDriver(s, onLinux).Watch(ctx) {
		if event.Kind == reader.CardInserted {
			break
		}
		assert.Equal(t, reader.ReaderAdded, event.Kind)
	}
	s.clean(t)
}

// A wait may fail when readers come and go, or end early. That is neither a failure of
// the service nor a list without readers.
//
// Faults: F08, F09.
func TestTemporaryFailuresOfAWait(t *testing.T) {
	for _, code := range []Code{codeUnknownReader, codeReaderUnavailable, codeNoReadersAvailable, codeTimeout, codeCancelled} {
		t.Run(code.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService("A")
				var failing atomic.Int32
				s.fault = func(call string) error {
					if call == "wait" && failing.Add(-1) >= 0 {
						return code
					}
					return nil
				}
				d := newDriver(s, onLinux)
				failing.Store(1)
				list, err := d.Readers(t.Context())
				require.NoError(t, err)
				require.Len(t, list, 1)

				failing.Store(1)
				w := watch(t, s, d)
				require.Equal(t, []string{"reader-added A"}, w.within(soon))
				failing.Store(1)
				require.Empty(t, w.within(time.Minute))
				w.stop()
			})
		})
	}
}

// While the service hangs, canceled calls leave nothing behind.
func TestHangingServiceLeaksNothing(t *testing.T) {
	s := newService("Reader")
	b := &slowBinding{service: s, release: make(chan struct{})}
	d := newDriver(b, onLinux)
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := d.Readers(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for range d.Watch(ctx) {
		}
		cancel()
	}
	assert.LessOrEqual(t, b.entered.Load(), int32(2), "calls of the service that have not returned")
	close(b.release)
	s.clean(t)
}

// While watches begin and end and other goroutines call Readers, two waits never run at
// once. clean checks that.
//
// Faults: F13, F14.
func TestOneWaitAtATime(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s, onLinux)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				for range d.Watch(ctx) {
					cancel() // while the run begins its next wait
				}
				cancel()
			}
		})
		group.Go(func() {
			for range 50 {
				_, err := d.Readers(context.Background())
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	s.clean(t)
}

// The first state is available at once, even if there are no readers.
func TestFirstStateComesAtOnce(t *testing.T) {
	s := newService()
	d := newDriver(s, onLinux)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for range d.Watch(ctx) {
		}
	}()
	require.Eventually(t, func() bool {
		d.monitor.mu.Lock()
		defer d.monitor.mu.Unlock()
		return d.monitor.run != nil
	}, 5*time.Second, time.Millisecond)
	start := time.Now()
	list, err := d.Readers(ctx)
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.Less(t, time.Since(start), waitSlice/2)

	s.change(func() { s.down = true })
	require.Eventually(t, func() bool {
		_, err := d.Readers(ctx)
		var cause *Error
		return errors.As(err, &cause) && cause.Code == codeNoService && errors.Is(err, reader.ErrNoService)
	}, 5*time.Second, time.Millisecond, "the error keeps the service's code")
	cancel()
	s.clean(t)
}

type slowBinding struct {
	*service
	release chan struct{}
	entered atomic.Int32
}

func (b *slowBinding) establish() (scope, error) {
	b.entered.Add(1)
	<-b.release
	return b.service.establish()
}

// If the service fails, in any call and with any code, the watch reports it as down and
// continues in a new context as soon as possible.
//
// Faults: F01, F03, F04, F05, F65.
func TestWatchContinuesAfterEveryFailure(t *testing.T) {
	for _, call := range []string{"establish", "list", "wait"} {
		for _, code := range []Code{
			codeNoService, codeServiceStopped, codeCommError, codeInvalidHandle, codeNoAccess, codeSecurityViolation,
			codeSystemCancelled, codeShutdown, codeInternalError, codeInsufficientBuffer, 0x8010FFFF, 0x6D,
		} {
			t.Run(call+" "+code.Error(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newService("A")
					var failing atomic.Bool
					s.fault = func(c string) error {
						if failing.Load() && c == call {
							return code
						}
						return nil
					}
					d := newDriver(s, onLinux)
					failing.Store(true)
					_, err := d.Readers(t.Context())
					require.ErrorIs(t, err, code)
					require.True(t, hasMeaning(err))

					w := watch(t, s, d)
					require.Equal(t, []string{"service-down "}, w.within(time.Minute), "once")
					_, err = d.Readers(t.Context())
					require.ErrorIs(t, err, code, "the error keeps the cause")
					failing.Store(false)
					require.Equal(t, []string{"service-up ", "reader-added A"}, w.within(time.Second))
					w.stop()
				})
			})
		}
	}
}
