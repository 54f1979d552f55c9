package reader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// Probe tells whether a connected card is of the kind that a program looks for, as
// jpki.Present does for My Number Cards. It sends no secret. It may be called for
// several cards at once.
type Probe func(ctx context.Context, card apdu.Transmitter) (bool, error)

// probeWithin bounds the probe of one card, of which another program may have a
// transaction.
const probeWithin = 3 * time.Second

// probed is what a probe said of a card.
type probed struct {
	accepted bool
	err      error // why it could not be probed
	at       time.Time
}

// PowerKeeper is an optional ability of a [Card], found by assertion. The cards of
// packages pcsc and simulator have it, also behind [Trace].
type PowerKeeper interface {
	// KeepPower makes the connection end without cutting the card's power, however
	// it ends, unless a command with a secret was sent over it. It is for cards that
	// belong to other programs.
	KeepPower()
}

// ProbeCard tells whether probe accepts the card in a reader, which keeps its power. It
// takes 3 seconds at most, and then fails with [ErrBusy].
func ProbeCard(ctx context.Context, d Driver, name string, probe Probe) (accepted bool, err error) {
	within, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	for range 2 { // once more where another program reset the card meanwhile
		if accepted, err = probeOnce(within, d, name, probe); !errors.Is(err, ErrChanged) {
			break
		}
	}
	switch {
	case err != nil && ctx.Err() == nil && within.Err() != nil:
		err = fmt.Errorf("reader %q: %w: no answer within %s", name, ErrBusy, probeWithin)
	case err != nil:
		err = fmt.Errorf("reader %q: %w", name, err)
	}
	return accepted && err == nil, err
}

// gone tells whether a card was not there any more when it was probed.
func (p probed) gone() bool {
	return errors.Is(p.err, ErrNoCard) || errors.Is(p.err, ErrRemoved) || errors.Is(p.err, ErrUnknownReader)
}

func probeOnce(ctx context.Context, d Driver, name string, probe Probe) (bool, error) {
	card, err := d.Connect(ctx, name)
	if err != nil {
		return false, err
	}
	defer card.Close()
	if keeper, ok := card.(PowerKeeper); ok {
		keeper.KeepPower()
	}
	return probe(ctx, card)
}
