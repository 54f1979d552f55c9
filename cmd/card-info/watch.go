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

// watch shows the readers and cards that are present, then every change, until it is
// interrupted. With --reader it omits other readers.
func (p *program) watch(ctx context.Context) error {
	s := selection{name: p.reader}
	if err := s.init(ctx, p.driver); err != nil {
		return err
	}
	for event, err := range p.driver.Watch(ctx) {
		if err != nil {
			return err
		}
		if !s.update(event) {
			continue
		}
		if err := p.showEvent(event); err != nil {
			return err
		}
	}
	return nil // interrupted: the normal end
}

// selection finds the reader that --reader names among those present.
type selection struct {
	name   string // the value of --reader; empty selects all
	known  []string
	chosen string // empty while no reader matches
}

// init chooses among the readers that are present. It returns a
// [*reader.AmbiguousError] if several match.
func (s *selection) init(ctx context.Context, d reader.Driver) error {
	if s.name == "" {
		return nil
	}
	readers, _ := d.Readers(ctx) // Watch reports a missing service
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

// update records an event and reports whether to show it. A chosen reader stays chosen
// until it is removed.
func (s *selection) update(e reader.Event) bool {
	if s.name == "" || e.Reader == "" {
		return true
	}
	if e.Kind == reader.ReaderAdded && !slices.Contains(s.known, e.Reader) {
		s.known = append(s.known, e.Reader)
	}
	if s.chosen == "" {
		_ = s.choose()
	}
	selected := e.Reader == s.chosen
	if e.Kind == reader.ReaderRemoved {
		s.known = slices.DeleteFunc(s.known, func(name string) bool { return name == e.Reader })
		if selected {
			s.chosen = ""
		}
	}
	return selected
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
