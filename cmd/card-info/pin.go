package main

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

// piped returns an error if a secret would be read from a terminal: it would be shown.
func (p *program) piped(flag string) error {
	if tty.IsTerminal(p.stdin) {
		return p.Misuse(cli.Formatted(textStdinTerminal, flag), errors.New(flag+": standard input is a terminal"))
	}
	return nil
}

// errAskedAgain reports that the card needs a secret again that was piped once.
var errAskedAgain = errors.New("standard input has the secret once, and the card asks for it again")

// pipedSecret parses a secret from one line of standard input. It returns malformed if the line is too long for a
// secret, or unreadable, and an error for a second question.
func (p *program) pipedSecret(ctx context.Context, malformed error, parse func([]byte) error) error {
	if p.secretWasRead {
		return cli.Because(errAskedAgain, codeAskedAgain, textAskedAgain, textAskedAgainNext)
	}
	p.secretWasRead = true
	line, err := tty.UntilDone(ctx, func() ([]byte, error) { return readPiped(p.stdin) })
	defer clear(line)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return malformed
	}
	return parse(trimPIN(line))
}

// pipedPIN reads the PIN from one line of standard input.
func (p *program) pipedPIN(ctx context.Context) (pin jpki.PIN, err error) {
	if err := p.piped("--pin-stdin"); err != nil {
		return pin, err
	}
	err = p.pipedSecret(ctx, jpki.ErrPINFormat, func(typed []byte) (err error) {
		pin, err = jpki.ParsePIN(typed)
		return err
	})
	return pin, err
}

// readPiped reads until the first line feed or the end into one buffer. The caller must
// wipe it.
func readPiped(r io.Reader) ([]byte, error) {
	line := make([]byte, tty.MaxTyped)
	for n := 0; n < len(line); {
		more, err := r.Read(line[n:])
		end := bytes.IndexByte(line[n:n+more], '\n')
		n += more
		switch {
		case end >= 0, errors.Is(err, io.EOF):
			return line[:n], nil
		case err != nil:
			return line, err
		}
	}
	return line, errors.New("line is too long for a PIN")
}

// trimPIN returns the first line of the input without what programs add around a PIN:
// PowerShell's byte order mark, line ends, and spaces, including the full-width space of
// Japanese input methods.
func trimPIN(piped []byte) []byte {
	line, _, _ := bytes.Cut(piped, []byte("\n"))
	return bytes.Trim(bytes.TrimPrefix(line, []byte("\uFEFF")), " \t\r\u3000")
}

// typedPIN asks for the PIN at the terminal. Before that it checks that the card is ready
// for a PIN and reads the attempts left. The connection is closed while the user types,
// so the card may be removed and put back. The PIN is meant for the card of ready, in the
// reader of the returned name.
func (p *program) typedPIN(ctx context.Context, options []jpki.CardOption) (name string, pin jpki.PIN, ready jpki.Readiness, err error) {
	t, err := p.terminal()
	if err != nil {
		return "", pin, ready, tty.NoTerminal(err)
	}
	defer t.Close()
	// Keys pressed before the prompt may be the PIN: they are not echoed, and discarded.
	if err := t.Hide(); err != nil {
		return "", pin, ready, tty.NoTerminal(err)
	}
	err = p.withApplication(ctx, func(found reader.Reader, a *jpki.Application) error {
		name = found.Name
		ready, err = a.Ready(ctx)
		return err
	}, options...)
	if err != nil {
		return "", pin, ready, err
	}
	pin, err = tty.ReadPIN(ctx, tty.At(t), p.Say(tty.PromptPIN(ready.Counter)))
	return name, pin, ready, err
}
