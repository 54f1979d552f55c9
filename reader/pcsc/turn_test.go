package pcsc

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// interrupted is a context that calls meanwhile before it first returns its Done channel:
// after a look has decided how to get the state, and before it waits.
type interrupted struct {
	context.Context
	once      sync.Once
	meanwhile func()
}

func (c *interrupted) Done() <-chan struct{} {
	c.once.Do(c.meanwhile)
	return c.Context.Done()
}

// If a watch begins after look has found none and before it waits, look takes the state
// from the watch, which keeps the turn until it ends.
//
// Faults: F79.
func TestLookUsesAWatchThatBeginsMeanwhile(t *testing.T) {
	for name, lasts := range map[string]time.Duration{
		"it continues": time.Hour, "it ends at once": 0, "it ends soon": wakeEvery,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService("A")
				d := newDriver(s, onLinux)
				watchCtx, stop := context.WithCancel(t.Context())
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				list, err := d.Readers(&interrupted{Context: ctx, meanwhile: func() {
					go func() {
						for range d.Watch(watchCtx) {
						}
					}()
					synctest.Wait() // until its loop has the turn and waits for events
					time.AfterFunc(lasts, stop)
					if lasts == 0 {
						synctest.Wait()
					}
				}})
				require.NoError(t, err)
				require.Len(t, list, 1)
				assert.Less(t, time.Since(start), 2*soon)
				stop()
				s.clean(t)
			})
		})
	}
}

// While a call of Readers hangs in PC/SC, other calls and watches end with their
// contexts. When PC/SC returns, all remaining ones get the state.
//
// Faults: F13, F79.
func TestHangingLookDelaysOthersOnlyWhileItHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService("A")
		b := &slowBinding{service: s, release: make(chan struct{})}
		d := newDriver(b, onLinux)
		look := func(limit time.Duration) <-chan error {
			ended := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, err := d.Readers(ctx)
				ended <- err
			}()
			synctest.Wait()
			return ended
		}
		hung, second := look(time.Second), look(time.Hour) // without a watch
		impatient, patient := watch(t, s, d), watch(t, s, d)
		short, third := look(time.Second), look(time.Hour) // after the watches

		require.ErrorIs(t, <-hung, context.DeadlineExceeded)
		require.ErrorIs(t, <-short, context.DeadlineExceeded)
		assert.Empty(t, impatient.within(time.Minute))
		impatient.stop()

		close(b.release)
		require.NoError(t, <-second)
		require.NoError(t, <-third)
		assert.Equal(t, []string{"reader-added A"}, patient.within(soon))
		patient.stop()
	})
}
