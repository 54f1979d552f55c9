package pcsc

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// A Watch ends with its context and releases everything, even if canceling the wait comes
// too early or late, fails, or has no effect. The next Watch is delayed by at most one
// wait, and usually not at all.
//
// Faults: F12, F14.
func TestWatchEndsEvenIfCancelFails(t *testing.T) {
	const slow = 100 * time.Millisecond
	for _, tt := range []struct {
		name   string
		set    func(s *service)
		fault  func(call string) error
		within time.Duration
	}{
		{name: "works", within: soon},
		{name: "has no effect", set: func(s *service) { s.lostCancel = true }, within: 1100 * time.Millisecond},
		{name: "fails", fault: func(call string) error {
			if call == "cancel" {
				return codeInvalidHandle
			}
			return nil
		}, within: 1100 * time.Millisecond},
		{name: "is late", fault: func(call string) error {
			if call == "cancel" {
				time.Sleep(slow)
			}
			return nil
		}, within: slow + soon},
		{name: "comes before the wait", fault: func(call string) error {
			if call == "wait" {
				time.Sleep(slow)
			}
			return nil
		}, within: 2*slow + soon},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for n := range 20 {
					s := newService("A")
					if s.fault = tt.fault; tt.set != nil {
						tt.set(s)
					}
					d := newDriver(s, onLinux)
					ctx, cancel := context.WithTimeout(t.Context(), soon+time.Duration(n)*53*time.Millisecond)
					for range d.Watch(ctx) {
					}
					deadline, _ := ctx.Deadline()
					require.Zero(t, time.Since(deadline), "the Watch ends at once")
					cancel()

					for event := range d.Watch(t.Context()) {
						require.Equal(t, reader.ReaderAdded, event.Kind)
						break
					}
					require.LessOrEqual(t, time.Since(deadline), tt.within, "the first event of the next Watch")
					stopped := time.Now()
					s.clean(t)
					require.LessOrEqual(t, time.Since(stopped), tt.within, "everything is released")
				}
			})
		})
	}
}
