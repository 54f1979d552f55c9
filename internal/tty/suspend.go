package tty

import (
	"context"
	"errors"
	"sync"

	"github.com/mykeykit/mykeykit/reader"
)

// Unsuspended wraps a driver so that the process is not suspended while a card is
// connected.
func Unsuspended(d reader.Driver, s *Suspension) reader.Driver { return unsuspended{d, s} }

// unsuspended is a driver whose connections delay suspension. A process that is stopped
// inside a transaction would leave the card unlocked and block other programs.
type unsuspended struct {
	reader.Driver
	suspension *Suspension
}

// Connect connects to a card and delays suspension until the connection is closed. It does
// both at the same time: no command is sent before.
func (d unsuspended) Connect(ctx context.Context, name string) (reader.Card, error) {
	held := make(chan func(), 1)
	go func() { held <- d.suspension.hold() }()
	card, err := d.Driver.Connect(ctx, name)
	release := <-held
	if err != nil {
		release()
		return nil, err
	}
	return &unsuspendedCard{card, sync.OnceFunc(release)}, nil
}

type unsuspendedCard struct {
	reader.Card
	release func()
}

var _ reader.PowerKeeper = (*unsuspendedCard)(nil)

// KeepPower implements reader.PowerKeeper if the card does.
func (c *unsuspendedCard) KeepPower() {
	if keeper, ok := c.Card.(reader.PowerKeeper); ok {
		keeper.KeepPower()
	}
}

// Close closes the connection, and then a delayed suspension takes effect. If PC/SC does
// not release the connection, the transaction may still be open, so suspension stays
// delayed.
func (c *unsuspendedCard) Close() error {
	err := c.Card.Close()
	if !errors.Is(err, reader.ErrBusy) {
		c.release()
	}
	return err
}
