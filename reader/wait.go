package reader

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Wait is like [Find] but blocks until there is a card, or ctx ends. It waits for the
// smart-card service and for a reader too.
//
// If name is empty, Wait probes every card, even if there is only one, and ignores those
// that probe rejects, since other cards may stay in readers permanently. It probes a card
// again from time to time if the probe failed. A nil probe accepts any card. If name is
// not empty, Wait returns as soon as that reader holds a card, and does not call probe.
//
// If ctx is canceled, Wait returns ctx's error. At ctx's deadline it returns the last
// error of Find.
func Wait(ctx context.Context, d Driver, name string, probe Probe) (Reader, error) {
	s := search{driver: d, name: name, probe: probe, probeAlways: true}
	found, last := s.look(ctx)
	if !isTemporary(last) {
		return found, last
	}
	w := startWatch(ctx, d)
	defer w.stop()
	for {
		select {
		case event, open := <-w.events:
			switch {
			case open:
				s.forget(event)
			case ctx.Err() == nil && w.err != nil:
				return Reader{}, w.err
			default:
				return Reader{}, waitError(ctx, last)
			}
		case <-s.probeTimer():
		}
		found, err := s.find(ctx)
		if ctx.Err() != nil {
			if isTemporary(err) { // it says more than that ctx has ended
				last = err
			}
			return Reader{}, waitError(ctx, last)
		}
		if !isTemporary(err) {
			return found, err
		}
		last = err
	}
}

// forget drops the results of probes that an event makes obsolete.
func (s *search) forget(event Event) {
	switch event.Kind {
	case CardInserted, CardRemoved, ReaderRemoved:
		// An insertion may be reported after the probe of the card that was there
		// before, since the first probes run before the watch has begun.
		delete(s.results, event.Reader)
	case ServiceDown:
		clear(s.results)
	}
}

// probeTimer returns a channel that fires when failed probes are due again. It is nil
// if there are none.
func (s *search) probeTimer() <-chan time.Time {
	for _, p := range s.results {
		if p.err != nil {
			return time.After(probeAgain)
		}
	}
	return nil
}

// waitError returns the error of Wait when ctx has ended.
func waitError(ctx context.Context, last error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return last
}

// isTemporary reports whether err may pass when readers and cards come or go.
func isTemporary(err error) bool {
	temporary := func(target error) bool { return errors.Is(err, target) }
	return slices.ContainsFunc([]error{ErrNoService, ErrNoReader, ErrNoCard, ErrNoMatch}, temporary)
}
