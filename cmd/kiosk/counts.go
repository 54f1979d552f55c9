package main

import (
	"context"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
)

// eventCounter counts events in a registry.
type eventCounter interface {
	Tally(ctx context.Context, event string) error
}

// counts counts a terminal's events for statistics in the background. It drops events
// that it can't count in time.
type counts struct {
	registry eventCounter
	events   chan string
}

func newCounts(r eventCounter) *counts { return &counts{r, make(chan string, 64)} }

// add counts visits and the reasons for problems and early ends. Identifiers and
// applications are counted from their audit records instead.
func (c *counts) add(e terminal.Event) {
	event := e.Name
	switch {
	case e.Name == "begun":
	case e.Code != "" && (e.Name == "refused" || e.Name == "cleared" || e.Name == "problem"):
		event += ":" + string(e.Code)
	default:
		return
	}
	select {
	case c.events <- event:
	default:
	}
}

// run counts the added events until ctx is done.
func (c *counts) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case event := <-c.events:
			tallyCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
			_ = c.registry.Tally(tallyCtx, event) // losing a count is acceptable
			cancel()
		}
	}
}
