package applet

import (
	"context"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

const (
	// logOutWithin limits the time for logging out, before the grace period.
	logOutWithin = 3 * time.Second
	// grace is how long an exchange may continue after ctx has ended. A signature takes
	// about a second.
	grace = 2 * time.Second
)

// transport sends a session's commands to the card. After a secret was sent, an exchange
// that is in progress when ctx ends may continue for the grace period. Abandoning it
// would end the connection, so that the session could not log the card out.
type transport struct {
	apdu.Transmitter
	session *Session
}

func (t *transport) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !t.session.sent {
		return t.Transmitter.Transmit(ctx, command)
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	response, err := t.Transmitter.Transmit(longer, command)
	if longer.Err() != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return response, err
}
