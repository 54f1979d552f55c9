package reader

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// removalWithin bounds how long WaitGone waits for the event that tells why a card was
// removed: because it was exchanged or because the smart-card service stopped. That
// event follows at once, but is dropped when another card comes and goes meanwhile.
const removalWithin = time.Second

// WaitGone blocks until the card that [Wait] or [Find] has found is no longer in its
// reader: it was removed or exchanged, or the reader was unplugged. A program that
// serves one card after another calls it before the next Wait, so that it does not
// use the same card twice. If the card has already left, WaitGone returns at once.
//
// WaitGone recognizes the card by the fields Name, ATR and Changes of found, as far as the driver
// reports them. A Reader with only a Name stands for the card that is in that reader at the time of
// the call.
//
// While the smart-card service is down, WaitGone can't tell whether the card was removed, and
// keeps waiting. When the service is back, a card with the same ATR in the same reader counts as
// the same card. So a card that stayed in the reader is never taken for a new one; otherwise a
// program might send it the same wrong PIN again. If the card was replaced by one with the same
// ATR during that time, the new card has to be taken out and inserted again.
//
// WaitGone returns ctx's error if ctx ends first, and the driver's error if watching
// fails.
func WaitGone(ctx context.Context, d Driver, found Reader) error {
	if gone, err := hasLeft(ctx, d, found); gone || err != nil {
		return err
	}
	w := startWatch(ctx, d)
	defer w.stop()
	removed := false // a removal was reported, perhaps because the service stopped
	for {
		var expired <-chan time.Time
		if removed {
			expired = time.After(removalWithin)
		}
		select {
		case event, open := <-w.events:
			switch {
			case !open:
				return w.ended(ctx)
			case event.Kind == ServiceDown:
				removed = false
			case event.Kind == ServiceUp:
			case event.Reader != found.Name:
				continue
			case event.Kind == CardRemoved || event.Kind == ReaderRemoved:
				removed = true
			case removed: // the service did not stop, and a card or the reader is back
				return nil
			}
			if gone, err := hasLeft(ctx, d, found); gone || err != nil {
				return err
			}
		case <-expired:
			return nil
		}
	}
}

// hasLeft reports whether a card is certain to have left its reader. It is not while
// the service is down.
func hasLeft(ctx context.Context, d Driver, found Reader) (bool, error) {
	readers, err := d.Readers(ctx)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, ErrNoService):
		return false, nil
	case err != nil && !errors.Is(err, ErrNoReader):
		return false, err
	}
	for _, now := range readers {
		if now.Name == found.Name {
			return !now.Present || exchanged(found, now), nil
		}
	}
	return true, nil
}

// exchanged reports whether a reader is certain to hold another card than before. A
// lower count of changes only shows that the service has restarted.
func exchanged(before, now Reader) bool {
	return before.Changes != 0 && now.Changes > before.Changes ||
		len(before.ATR) > 0 && len(now.ATR) > 0 && !bytes.Equal(before.ATR, now.ATR)
}
