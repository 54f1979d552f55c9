package main

import (
	"context"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
)

// tallier counts events, as a registry does.
type tallier interface {
	Tally(ctx context.Context, event string) error
}

// counts counts what happens at a terminal, for statistics, beside the visits: nobody
// waits for it. What can't be counted in time is dropped.
type counts struct {
	registry tallier
	events   chan string
}

func newCounts(r tallier) *counts { return &counts{r, make(chan string, 64)} }

// add counts a visit, and why somebody was refused or a visit ended early. Identifiers
// and applications are counted by their audit records.
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

// keep has the events counted until ctx ends.
func (c *counts) keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case event := <-c.events:
			within, cancel := context.WithTimeout(ctx, 5*time.Second)
			_ = c.registry.Tally(within, event) // a count may be lost
			cancel()
		}
	}
}
