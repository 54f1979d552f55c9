package reader

import (
	"context"
	"errors"
	"time"
)

// probeAgain is how often a card that could not be probed is probed again: what keeps
// it busy tells nobody when it ends.
const probeAgain = time.Second

// Wait is like [Find] but blocks until a card is there that probe accepts, or ctx ends.
// It probes every card, even if there is only one, and goes on beside those that probe
// rejects: other cards may stay in readers permanently. A card that can't be probed is probed again from time to time. A nil probe
// accepts any card. Wait also waits for a service and for a reader. At a deadline it
// fails with what Find said last, and otherwise with ctx's error.
func Wait(ctx context.Context, d Driver, name string, probe Probe) (Reader, error) {
	seen := map[string]probed{}
	found, err := find(ctx, d, name, probe, seen)
	err = unanswered(ctx, err)
	if !worthWaiting(err) {
		return found, err
	}
	watching, stop := context.WithCancel(ctx)
	events := make(chan Event)
	failed := make(chan error, 1)
	defer func() {
		stop()
		for range events { // until the watch has ended
		}
	}()
	go func() {
		defer close(events)
		for event, err := range d.Watch(watching) {
			if err != nil {
				failed <- err
				return
			}
			select {
			case events <- event:
			case <-watching.Done():
				return
			}
		}
	}()
	for {
		var again <-chan time.Time
		for _, p := range seen {
			if p.err != nil {
				again = time.After(probeAgain)
			}
		}
		select {
		case event, ok := <-events:
			if !ok {
				select {
				case err := <-failed:
					return Reader{}, err
				default:
				}
				return Reader{}, ended(ctx, err)
			}
			switch event.Kind {
			case CardInserted, CardRemoved, ReaderRemoved:
				// An inserted card may have come after the probe of another in its place, which
				// was before the watch began.
				delete(seen, event.Reader)
			case ServiceDown:
				clear(seen)
			}
		case <-again:
		}
		now, nowErr := find(ctx, d, name, probe, seen)
		if ctx.Err() != nil {
			if worthWaiting(nowErr) { // it was cut short, and saw a card all the same
				err = nowErr
			}
			return Reader{}, ended(ctx, err)
		}
		if found, err = now, nowErr; !worthWaiting(err) {
			return found, err
		}
	}
}

// ended is why waiting has ended: last, at a deadline.
func ended(ctx context.Context, last error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return last
}

func worthWaiting(err error) bool {
	for _, passing := range []error{ErrNoService, ErrNoReader, ErrNoCard, ErrNoMatch} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
