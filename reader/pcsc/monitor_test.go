package pcsc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

func TestWatchSurvivesTheService(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	steps := []func(){
		func() { s.change(func() { s.readers["Reader"] = 0x00010020 }) },                   // inserted
		func() { s.change(func() { s.readers["Reader"] = 0x00030020 }) },                   // exchanged between two looks
		func() { s.change(func() { s.readers["Second"] = 0x00010020 | 0x0100 | 0x0200 }) }, // a reader with a card, odd flags
		func() { s.change(func() { s.down = true }) },
		func() { s.change(func() { s.down = false; s.readers = map[string]uint32{"Reader": 0x10} }) },
		func() { s.change(func() { s.readers = map[string]uint32{} }) },
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
	var seen []string
	at := 0
	for event, err := range d.Watch(ctx) {
		require.NoError(t, err)
		seen = append(seen, fmt.Sprintf("%s %s", event.Kind, event.Reader))
		last := expect[at][len(expect[at])-1]
		if seen[len(seen)-1] == last {
			if at < 4 { // readers go with the service, in any order
				assert.Equal(t, expect[at], seen[len(seen)-len(expect[at]):])
			}
			steps[at]()
			at++
		}
	}
	assert.Equal(t, len(steps), at, "%v", seen)
	s.clean(t)
}

func TestWatchersShareOneWait(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s)
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
	s.mu.Lock()
	assert.LessOrEqual(t, s.open, 2, "one context for all watchers, perhaps one for a look")
	s.mu.Unlock()
	s.change(func() { s.readers["Reader"] = 0x00010020 })
	group.Wait()
	s.clean(t)
}

// A look that waits for a watcher's first state finds another way when the
// watcher goes before it.
func TestLookOutlivesTheWatcher(t *testing.T) {
	s := newService("Reader")
	b := &slowBinding{service: s, release: make(chan struct{})}
	d := newDriver(b)
	watching, stop := context.WithCancel(context.Background())
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		for range d.Watch(watching) {
			t.Error("an event, with no service to tell it")
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
	<-watcher
	close(b.release)
	select {
	case err := <-listed:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the list never comes")
	}
	s.clean(t)
}

// A reader unplugged between list and wait makes PC/SC say nothing of the
// others. They are looked at again, and not reported as empty.
func TestReadersThatPCSCDoesNotAgreeAbout(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = 0x00010020
	s.unknown = 2
	list, err := newDriver(s).Readers(context.Background())
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.True(t, list[0].Present)

	s.change(func() { s.unknown = 1000 })
	_, err = newDriver(s).Readers(context.Background())
	require.Error(t, err, "and not a list of empty readers")

	s.change(func() { s.unknown = 2 })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for event := range newDriver(s).Watch(ctx) {
		if event.Kind == reader.CardInserted {
			break
		}
		assert.Equal(t, reader.ReaderAdded, event.Kind)
	}
	s.clean(t)
}

// While the service hangs, whoever gives up leaves nothing behind.
func TestAHungServiceCollectsNothing(t *testing.T) {
	s := newService("Reader")
	b := &slowBinding{service: s, release: make(chan struct{})}
	d := newDriver(b)
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := d.Readers(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for range d.Watch(ctx) {
		}
		cancel()
	}
	assert.LessOrEqual(t, b.entered.Load(), int32(2), "calls of the service under way")
	close(b.release)
	s.clean(t)
}

// Watchers come and go beside looks: never do two waits run at once, which
// clean checks.
func TestOneWaitAtATime(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				for range d.Watch(ctx) {
					cancel() // leaves while the run begins its next wait
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

func TestFirstStateComesAtOnce(t *testing.T) {
	s := newService()
	d := newDriver(s)
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
	}, 5*time.Second, time.Millisecond, "the service's code is not lost")
	cancel()
	s.clean(t)
}
