package tty

import (
	"context"
	"errors"
	"sync"

	"github.com/mykeykit/mykeykit/reader"
)

// Unsuspended returns a driver whose connections hold suspension.
func Unsuspended(d reader.Driver, s *Suspension) reader.Driver { return unsuspended{d, s} }

// unsuspended is a driver whose connections hold suspension: a process that is
// stopped inside a transaction leaves the card unlocked, and blocks every other
// program that wants it.
type unsuspended struct {
	reader.Driver
	suspension *Suspension
}

// Connect connects, and holds suspension until the connection is closed.
func (d unsuspended) Connect(ctx context.Context, name string) (reader.Card, error) {
	release := d.suspension.hold()
	card, err := d.Driver.Connect(ctx, name)
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

// KeepPower implements reader.PowerKeeper, if the card does.
func (c *unsuspendedCard) KeepPower() {
	if keeper, ok := c.Card.(reader.PowerKeeper); ok {
		keeper.KeepPower()
	}
}

// Close closes the connection, and then lets a suspension that was held take effect. A
// connection that PC/SC does not let go of may still have the transaction, so suspension
// stays held.
func (c *unsuspendedCard) Close() error {
	err := c.Card.Close()
	if !errors.Is(err, reader.ErrBusy) {
		c.release()
	}
	return err
}
