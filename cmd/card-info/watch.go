package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/reader"
)

func (p *program) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use: "watch", Short: p.Say(textWatchShort), Long: p.Say(textWatchLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.watch(c.Context()) },
	}
}

// watchedEvent is one line of watch --json.
type watchedEvent struct {
	Time   string `json:"time"`
	Event  string `json:"event"`
	Reader string `json:"reader,omitempty"`
	ATR    string `json:"atr,omitempty"`
}

// watch shows what happens to service, readers and cards until interrupted,
// first what is there. With --reader it leaves out what happens to others.
func (p *program) watch(ctx context.Context) error {
	s := selection{name: p.reader}
	if err := s.begin(ctx, p.driver); err != nil {
		return err
	}
	for event, err := range p.driver.Watch(ctx) {
		if err != nil {
			return err
		}
		if !s.shows(event) {
			continue
		}
		if err := p.showEvent(event); err != nil {
			return err
		}
	}
	return nil // interrupted: that is how it ends
}

// selection is the reader that --reader means, out of those that there are.
type selection struct {
	name   string // as it was given; empty for all
	known  []string
	chosen string // empty while there is none
}

// begin chooses among the readers of now. It fails if several have the name.
func (s *selection) begin(ctx context.Context, d reader.Driver) error {
	if s.name == "" {
		return nil
	}
	readers, _ := d.Readers(ctx) // without a service, the watch tells
	for _, r := range readers {
		s.known = append(s.known, r.Name)
	}
	return s.choose()
}

func (s *selection) choose() error {
	chosen, err := reader.FullName(s.known, s.name)
	if errors.As(err, new(*reader.AmbiguousError)) {
		return err
	}
	s.chosen = chosen
	return nil
}

// shows tells whether an event is one to be shown, and takes it in. A reader that
// was chosen is so until it is gone.
func (s *selection) shows(e reader.Event) bool {
	if s.name == "" || e.Reader == "" {
		return true
	}
	if e.Kind == reader.ReaderAdded && !slices.Contains(s.known, e.Reader) {
		s.known = append(s.known, e.Reader)
	}
	if s.chosen == "" {
		_ = s.choose()
	}
	shows := e.Reader == s.chosen
	if e.Kind == reader.ReaderRemoved {
		s.known = slices.DeleteFunc(s.known, func(name string) bool { return name == e.Reader })
		if shows {
			s.chosen = ""
		}
	}
	return shows
}

func (p *program) showEvent(event reader.Event) error {
	name := termtext.Printable(event.Reader)
	if p.JSON {
		return cli.WriteJSON(p.stdout, watchedEvent{
			Time: timestamp(p.now()), Event: event.Kind.String(), Reader: name, ATR: fmt.Sprintf("%X", event.ATR),
		})
	}
	line := p.now().Local().Format(time.TimeOnly) + "  " + p.Say(textEvent()[event.Kind])
	if name != "" {
		line += ": " + name
	}
	_, err := fmt.Fprintln(p.stdout, line)
	return err
}
