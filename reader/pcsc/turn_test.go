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

// interrupted is a context that calls meanwhile when its Done channel is asked
// for: when a look has decided how to get the state, and before it waits.
type interrupted struct {
	context.Context
	once      sync.Once
	meanwhile func()
}

func (c *interrupted) Done() <-chan struct{} {
	c.once.Do(c.meanwhile)
	return c.Context.Done()
}

// A look that found nobody watching follows the watch that begins before it
// waits, which keeps the turn as long as it lasts.
//
// Faults: F79.
func TestLookFollowsAWatchThatBeginsMeanwhile(t *testing.T) {
	for name, lasts := range map[string]time.Duration{
		"and goes on": time.Hour, "and ends at once": 0, "and ends soon": wakeEvery,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService("A")
				d := newDriver(s, onLinux)
				watching, stop := context.WithCancel(t.Context())
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				list, err := d.Readers(&interrupted{Context: ctx, meanwhile: func() {
					go func() {
						for range d.Watch(watching) {
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

// While one look hangs in PC/SC, other looks and watches end with their
// contexts, and all get the state when it comes back, in any order.
//
// Faults: F13, F79.
func TestAHungLookHoldsNobodyForLongerThanItself(t *testing.T) {
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
		hung, second := look(time.Second), look(time.Hour) // with nobody watching
		impatient, patient := watch(t, s, d), watch(t, s, d)
		short, third := look(time.Second), look(time.Hour) // behind the watches

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
