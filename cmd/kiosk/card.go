package main

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

// cards are where a holder proves with a card at a terminal.
type cards struct {
	*program
	tty    tty.Terminal
	reader string
	chain  []jpki.CardOption
}

// authenticate waits for a card, shows its attempts left, asks for the PIN, and has the
// card prove its key. No connection is open while the holder types.
func (c *cards) authenticate(ctx context.Context, place Text, options ...jpki.CardOption) (holder *jpki.Authentication, name string, err error) {
	// What is typed while the card is waited for is no answer to the prompt, and is not
	// shown either: it may be the PIN.
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
	err = c.use(ctx, found.Name, func(card reader.Card) error {
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
	err = c.use(ctx, found.Name, func(card reader.Card) (err error) {
		holder, err = jpki.Authenticate(ctx, card, pin, append(options, jpki.ForCard(shown))...)
		return err
	})
	return holder, found.Name, err
}

// taken asks for the card in a reader to be taken away, and waits for that: the next PIN
// must not go to the same card.
func (c *cards) taken(ctx context.Context, name string) error {
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

func (c *cards) use(ctx context.Context, name string, use func(reader.Card) error) error {
	card, err := c.driver.Connect(ctx, name)
	if err != nil {
		return err
	}
	defer card.Close()
	return use(card)
}
