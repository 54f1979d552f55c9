package applet

import (
	"context"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

const (
	// logOutWithin bounds logging out, before the grace.
	logOutWithin = 3 * time.Second
	// grace is how long an exchange may go on after ctx has ended. A signature takes
	// about a second.
	grace = 2 * time.Second
)

// transport sends a session's commands to the card. From the first secret on, an
// exchange that is under way when ctx ends gets the grace to finish: abandoning it
// would lose the connection, and with it the means to log the card out.
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
