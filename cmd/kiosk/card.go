package main

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

// cardPrompt authenticates a card holder at the terminal.
type cardPrompt struct {
	*program
	tty    tty.Terminal
	reader string
	chain  []jpki.CardOption
}

// authenticate waits for a card, asks for the PIN and shows the remaining attempts, and
// authenticates the holder. No connection is open while the holder types.
func (c *cardPrompt) authenticate(ctx context.Context, place Text, options ...jpki.CardOption) (holder *jpki.Authentication, name string, err error) {
	// Hide the input while waiting for the card too, since it may be the PIN. The prompt
	// discards it.
	if err := c.tty.Hide(); err != nil {
		return nil, "", tty.NoTerminal(err)
	}
	fmt.Fprintln(c.tty, c.Say(place))
	found, err := reader.Wait(ctx, c.driver, c.reader, jpki.Present)
	if err != nil {
		return nil, "", err
	}
	options = append(options, c.chain...)
	var shown jpki.Readiness
	err = c.withCard(ctx, found.Name, func(card reader.Card) error {
		return jpki.Do(ctx, card, func(a *jpki.Application) (err error) {
			shown, err = a.Ready(ctx)
			return err
		}, options...)
	})
	if err != nil {
		return nil, "", err
	}
	pin, err := tty.ReadPIN(ctx, tty.At(c.tty), c.Say(tty.PromptPIN(shown.Counter)))
	if err != nil {
		return nil, "", err
	}
	defer pin.Wipe()
	err = c.withCard(ctx, found.Name, func(card reader.Card) (err error) {
		holder, err = jpki.Authenticate(ctx, card, pin, append(options, jpki.ForCard(shown))...)
		return err
	})
	return holder, found.Name, err
}

// waitForRemoval asks the holder to remove the card from a reader and waits for that, so
// that the next PIN is not sent to the same card.
func (c *cardPrompt) waitForRemoval(ctx context.Context, name string) error {
	asked := false
	for e, err := range c.driver.Watch(ctx) {
		switch {
		case err != nil:
			return err
		case e.Reader != name:
		case e.Kind == reader.CardInserted && !asked:
			asked = true
			fmt.Fprintln(c.tty, c.Say(textTakeCard))
		case e.Kind == reader.CardRemoved, e.Kind == reader.ReaderRemoved:
			return nil
		}
	}
	return ctx.Err()
}

func (c *cardPrompt) withCard(ctx context.Context, name string, use func(reader.Card) error) error {
	card, err := c.driver.Connect(ctx, name)
	if err != nil {
		return err
	}
	defer card.Close()
	return use(card)
}
