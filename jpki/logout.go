package jpki

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

// LogOut logs out a card that another program may have left unlocked, as one that was
// killed does. It uses one transaction if the card has them, and no attempt. If it
// returns nil the card is logged out; a removed card counts as logged out.
//
// It selects the JPKI application first, since that leaves the state of every other
// kind of card as it is: such a card gets nothing more, and LogOut fails with
// [ErrNoApplication]. It fails with [ErrStillVerified], which wraps the cause, if the
// card may still be unlocked.
func LogOut(ctx context.Context, card apdu.Transmitter) error {
	err := Do(ctx, card, func(a *Application) error {
		a.sent = true // by whoever
		return nil
	})
	switch {
	case errors.Is(err, apdu.ErrRemoved):
		return nil
	case err == nil, errors.Is(err, ErrNoApplication), errors.Is(err, ErrStillVerified):
		return err
	}
	return fmt.Errorf("%w: %w", ErrStillVerified, err)
}
