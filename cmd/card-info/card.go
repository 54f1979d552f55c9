package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/internal/annotate"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const (
	simulatedReader = "Simulated Reader"
	// simulatorSeed makes simulated cards the same in every run. Their keys are
	// public knowledge.
	simulatorSeed = "card-info"
)

// useSimulator replaces the driver by one with a simulated card if --simulator is set.
func (p *program) useSimulator() error {
	if p.simulator == "" {
		return nil
	}
	card, err := p.simulatedCard("--simulator", p.simulator)
	if err != nil {
		return err
	}
	p.simulated = card
	driver := simulator.New()
	p.driver = driver
	return driver.AddReader(simulatedReader).Insert(card)
}

// simulatedCard returns a new simulated card of the profile that a flag names.
func (p *program) simulatedCard(flag, profile string) (*simulator.Card, error) {
	card, err := simulator.NewCard(simulator.Profile(profile),
		simulator.WithInsecureSeed(simulatorSeed), simulator.WithClock(p.now))
	if err != nil {
		return nil, unknownValue(p, flag, simulator.Profile(profile), simulator.Profiles())
	}
	return card, nil
}

// find returns the reader that matches name and whose card probe accepts. With --wait it
// blocks until there is one, or the time is over.
func (p *program) find(ctx context.Context, name string, probe reader.Probe) (reader.Reader, error) {
	if p.wait == 0 {
		return reader.Find(ctx, p.tracedDriver(), name, probe)
	}
	limited, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	found, err := reader.Wait(limited, announcingDriver{p.tracedDriver(), p}, name, probe)
	if ctx.Err() != nil {
		return reader.Reader{}, ctx.Err()
	}
	return found, err
}

// tracedDriver returns the driver; with --trace, its cards show every exchange.
func (p *program) tracedDriver() reader.Driver {
	if p.trace {
		return &tracing{Driver: p.driver, program: p}
	}
	return p.driver
}

// tracing is a driver that writes every exchange with its cards to standard error.
type tracing struct {
	reader.Driver
	mu      sync.Mutex
	program *program
}

func (t *tracing) Connect(ctx context.Context, name string) (reader.Card, error) {
	card, err := t.Driver.Connect(ctx, name)
	if err != nil {
		return nil, err
	}
	var l lengths
	var commands annotate.Annotator
	return reader.Trace(card, func(e reader.Exchange) {
		t.mu.Lock() // cards are probed concurrently
		defer t.mu.Unlock()
		before, after := l.next(e)
		t.program.comment(before)
		t.program.showExchange(commands.Command(e.Command), e)
		t.program.comment(after)
	}), nil
}

// connect finds a My Number Card and connects to it.
func (p *program) connect(ctx context.Context, name string) (string, reader.Card, error) {
	found, err := p.find(ctx, name, jpki.Present)
	if err != nil {
		return "", nil, err
	}
	card, err := p.tracedDriver().Connect(ctx, found.Name)
	return found.Name, card, err
}

// withCard connects to a card, calls use, and closes the connection. It ignores an error
// of Close (another program may use the card): use has logged the card out, or failed.
func (p *program) withCard(ctx context.Context, name string, use func(name string, card reader.Card) error) error {
	name, card, err := p.connect(ctx, name)
	if err != nil {
		return err
	}
	defer card.Close()
	return use(name, card)
}

// withApplication finds a My Number Card and calls use with its JPKI application: twice if the
// reader breaks the connection, as jpki.DoWith does.
func (p *program) withApplication(ctx context.Context, use func(found reader.Reader, a *jpki.Application) error, options ...jpki.CardOption) error {
	found, err := p.find(ctx, p.reader, jpki.Present)
	if err != nil {
		return err
	}
	return jpki.DoWith(ctx, p.tracedDriver().Connect, found.Name, func(a *jpki.Application) error { return use(found, a) }, options...)
}

// comment writes a comment line about how files are read to the trace. doctor chooses the
// size of its reads itself, so it writes none.
func (p *program) comment(t Text) {
	if t != (Text{}) && !p.examining {
		fmt.Fprintf(p.stderr, "# %s\n", p.Say(t))
	}
}

// showExchange writes one exchange of the trace. An exchange holds no secret; of a
// response it shows only the length.
func (p *program) showExchange(what string, e reader.Exchange) {
	fmt.Fprintf(p.stderr, "> %-36s  %s\n", e.Command.String(), what)
	switch {
	case e.Err != nil:
		fmt.Fprintf(p.stderr, "< %s\n", termtext.Printable(e.Err.Error()))
	case e.Malformed:
		fmt.Fprintln(p.stderr, "< no status word")
	default:
		answer := fmt.Sprintf("%04X", uint16(e.Status))
		if e.Length > 0 {
			answer = fmt.Sprintf("[%d bytes] %s", e.Length, answer)
		}
		_, meaning, _ := strings.Cut(e.Status.Error(), ": ")
		if left, ok := e.Status.Retries(); ok {
			meaning = fmt.Sprintf("attempts left: %d", left)
		}
		fmt.Fprintf(p.stderr, "< %-36s  %s\n", answer, meaning)
	}
}

// timestamp formats a time as RFC 3339 in Japan Standard Time. The end of the year 9999,
// which stands for no expiry (RFC 5280 §4.1.2.5), falls in the year 10000 there, which
// RFC 3339 can't express: it stays in UTC.
func timestamp(t time.Time) string {
	local := t.In(trust.Japan)
	if local.Year() > 9999 {
		local = t.UTC()
	}
	return local.Format(time.RFC3339)
}
