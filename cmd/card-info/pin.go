package main

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

// pipedPIN reads one line of standard input.
func (p *program) pipedPIN(ctx context.Context) (jpki.PIN, error) {
	if tty.IsTerminal(p.stdin) {
		return jpki.PIN{}, p.Misuse(textPINStdinTerminal, errors.New("--pin-stdin: standard input is a terminal"))
	}
	line, err := tty.UntilDone(ctx, func() ([]byte, error) { return readPiped(p.stdin) })
	defer clear(line)
	if ctx.Err() != nil {
		return jpki.PIN{}, ctx.Err()
	}
	if err != nil {
		return jpki.PIN{}, jpki.ErrPINFormat // too long for one, or unreadable
	}
	return jpki.ParsePIN(trimmed(line))
}

// readPiped reads up to the first line feed, or to the end, into one buffer, which is
// the caller's to wipe.
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
	return line, errors.New("longer than a line with a PIN")
}

// trimmed is the first line of what was piped, without what programs leave around a
// PIN: the byte order mark of PowerShell, line ends, spaces, and those of Japanese
// input methods.
func trimmed(piped []byte) []byte {
	line, _, _ := bytes.Cut(piped, []byte("\n"))
	return bytes.Trim(bytes.TrimPrefix(line, []byte("\uFEFF")), " \t\r\u3000")
}

// typedPIN asks the person at the terminal, after asking the card what would
// refuse the PIN and how many tries are left. No connection is open while the
// person types: the card may be taken away and put back. The PIN is for the
// card that was shown, in the reader whose name is returned.
func (p *program) typedPIN(ctx context.Context, options []jpki.CardOption) (name string, pin jpki.PIN, shown jpki.Readiness, err error) {
	t, err := p.terminal()
	if err != nil {
		return "", pin, shown, tty.NoTerminal(err)
	}
	defer t.Close()
	// What is typed while the card is waited for is no answer to the prompt, and is
	// not shown either: it may be the PIN.
	if err := t.Hide(); err != nil {
		return "", pin, shown, tty.NoTerminal(err)
	}
	err = p.withApplication(ctx, func(found string, _ reader.Card, a *jpki.Application) error {
		name = found
		shown, err = a.Ready(ctx)
		return err
	}, options...)
	if err != nil {
		return "", pin, shown, err
	}
	pin, err = tty.ReadPIN(ctx, tty.At(t), p.Say(tty.PromptPIN(shown.Counter)))
	return name, pin, shown, err
}
