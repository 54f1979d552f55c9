package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/reader"
)

// waiting is a driver that says, to a person at a terminal, that a card is waited for:
// once in a run, and only when somebody begins to watch, which nobody does for a card
// that is there.
type waiting struct {
	reader.Driver
	program *program
}

// Watch says so, and watches.
func (w waiting) Watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	w.program.sayWaiting(ctx, w.Driver)
	return w.Driver.Watch(ctx)
}

func (p *program) sayWaiting(ctx context.Context, d reader.Driver) {
	if p.JSON || !p.attended {
		return
	}
	p.saidWaiting.Do(func() {
		readers, err := d.Readers(ctx)
		text := textWaiting
		switch {
		case err != nil:
			text = textWaitingForService
		case len(readers) == 0:
			text = textWaitingForReader
		}
		lines := p.Say(text) + "\n"
		for _, r := range readers {
			lines += "  " + termtext.Printable(r.Name) + "\n"
		}
		fmt.Fprint(p.stderr, lines)
	})
}
