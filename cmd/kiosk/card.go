package main

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
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
func (c *cardPrompt) authenticate(ctx context.Context, place Text, options ...jpki.CardOption) (*proof.Holder, reader.Reader, error) {
	found, err := c.wait(ctx, place)
	if err != nil {
		return nil, found, err
	}
	holder, err := jpki.AuthenticateWith(ctx, c.driver.Connect, found.Name, c.ask, append(options, c.chain...)...)
	return holder, found, err
}

// wait asks for a card and waits for it.
func (c *cardPrompt) wait(ctx context.Context, place Text) (reader.Reader, error) {
	// Hide the input while waiting for the card too, since it may be the PIN. The prompt
	// discards it.
	if err := c.tty.Hide(); err != nil {
		return reader.Reader{}, noTerminal(err)
	}
	fmt.Fprintln(c.tty, c.Say(place))
	return reader.Wait(ctx, c.driver, c.reader, jpki.Present)
}

// ask asks for the PIN and shows the remaining attempts.
func (c *cardPrompt) ask(ctx context.Context, shown jpki.Readiness) (jpki.PIN, error) {
	return tty.ReadPIN(ctx, tty.At(c.tty), c.Say(tty.PromptPIN(shown.Counter)))
}

// noTerminal returns an error with the message that there is no terminal to ask for the
// PIN.
func noTerminal(err error) error {
	return cli.Because(err, cli.CodeNoTerminal, tty.TextNoTerminal, textUseTerminal)
}

// waitForRemoval asks the holder to remove the card from a reader and waits for that, so
// that the next PIN is not sent to the same card.
func (c *cardPrompt) waitForRemoval(ctx context.Context, take Text, found reader.Reader) error {
	fmt.Fprintln(c.tty, c.Say(take))
	return reader.WaitGone(ctx, c.driver, found)
}
