package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/reader"
)

func (p *program) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use: "watch", Short: p.say(textWatchShort), Long: p.say(textWatchLong), Args: noArguments,
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
	for event, err := range p.driver.Watch(ctx) {
		if err != nil {
			return err
		}
		if event.Reader != "" && !p.chosen(event.Reader) {
			continue
		}
		if err := p.showEvent(event); err != nil {
			return err
		}
	}
	return nil // interrupted: that is how it ends
}

func (p *program) showEvent(event reader.Event) error {
	name := message.Printable(event.Reader)
	if p.json {
		return writeJSON(p.stdout, watchedEvent{
			Time: timestamp(p.now()), Event: event.Kind.String(), Reader: name, ATR: fmt.Sprintf("%X", event.ATR),
		})
	}
	line := p.now().Local().Format(time.TimeOnly) + "  " + p.say(textEvent[event.Kind])
	if name != "" {
		line += ": " + name
	}
	_, err := fmt.Fprintln(p.stdout, line)
	return err
}
