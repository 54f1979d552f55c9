package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/reader"
)

// announcingDriver is a driver that announces on a terminal, once per run, that the
// program waits for a card. It does so when Watch is called: reader.Wait calls it only if
// no card is present.
type announcingDriver struct {
	reader.Driver
	program *program
}

// Watch announces the wait and calls the driver's Watch.
func (w announcingDriver) Watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	w.program.announceWait(ctx, w.Driver)
	return w.Driver.Watch(ctx)
}

func (p *program) announceWait(ctx context.Context, d reader.Driver) {
	if p.JSON || !p.interactive {
		return
	}
	p.waitAnnounced.Do(func() {
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
