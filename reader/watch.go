package reader

import (
	"context"
	"fmt"
)

// watch is a Driver's Watch that runs on a goroutine of its own, so that its events
// can be awaited together with a timer.
type watch struct {
	events chan Event // closed when the watch has ended
	err    error      // the error of the watch; to be read when events is closed
	cancel context.CancelFunc
}

func startWatch(ctx context.Context, d Driver) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{events: make(chan Event), cancel: cancel}
	go func() {
		defer close(w.events)
		for event, err := range d.Watch(ctx) {
			if err != nil {
				w.err = err
				return
			}
			select {
			case w.events <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return w
}

// ended returns why events was closed.
func (w *watch) ended(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case w.err != nil:
		return w.err
	}
	return fmt.Errorf("%w: the driver stopped watching", ErrNoService)
}

// stop ends the watch and returns when its goroutine has ended.
func (w *watch) stop() {
	w.cancel()
	for range w.events {
	}
}
