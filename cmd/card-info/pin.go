package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

// pipedPIN reads one line of standard input.
func (p *program) pipedPIN(ctx context.Context) (jpki.PIN, error) {
	if isTerminal(p.stdin) {
		return jpki.PIN{}, p.Misuse(textPINStdinTerminal, errors.New("--pin-stdin: standard input is a terminal"))
	}
	line, err := untilDone(ctx, func() ([]byte, error) { return readPiped(p.stdin) })
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
	line := make([]byte, maxTyped)
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
func (p *program) typedPIN(ctx context.Context, options []jpki.Option) (name string, pin jpki.PIN, shown jpki.Readiness, err error) {
	t, err := p.terminal()
	if err != nil {
		return "", pin, shown, noTerminal(err)
	}
	defer t.Close()
	// What is typed while the card is waited for is no answer to the prompt, and is
	// not shown either: it may be the PIN.
	if err := t.hide(); err != nil {
		return "", pin, shown, noTerminal(err)
	}
	err = p.withApplication(ctx, func(found string, _ reader.Card, a *jpki.Application) error {
		name = found
		shown, err = a.Ready(ctx)
		return err
	}, options...)
	if err != nil {
		return "", pin, shown, err
	}
	pin, err = readPIN(ctx, at(t), p.promptFor(shown.Counter))
	return name, pin, shown, err
}

// ask asks a person, who is shown the prompt, for a line that is not shown.
type ask func(ctx context.Context, prompt string) ([]byte, error)

// at asks at a terminal, which does not show what is typed until it is closed. What
// was typed before the prompt is discarded: keys pressed too early would cost an attempt.
func at(t terminal) ask {
	return func(ctx context.Context, prompt string) ([]byte, error) {
		line, err := []byte(nil), t.hide()
		if err == nil {
			t.discardTyped()
			fmt.Fprint(t, prompt)
			line, err = t.readHidden(ctx)
			fmt.Fprintln(t)
		}
		if err != nil {
			err = fmt.Errorf("%w: %w", jpki.ErrPINFormat, err)
		}
		return line, err
	}
}

func noTerminal(err error) error {
	return cli.Because(err, cli.CodeNoTerminal, textNoTerminal, textNoTerminalNext)
}

// promptFor says which PIN it is, and how many tries are left.
func (p *program) promptFor(counter jpki.Counter) string {
	prompt := fmt.Sprintf(p.Say(textAskPIN), counter.Remaining)
	if counter.Remaining == 1 {
		prompt = p.Say(textAskLastTry) + "\n" + prompt
	}
	return prompt
}

// maxTyped bounds what is taken for a PIN, in bytes: far more than any.
const maxTyped = 256

// readPIN takes what a person answers.
func readPIN(ctx context.Context, ask ask, prompt string) (jpki.PIN, error) {
	line, err := ask(ctx, prompt)
	defer clear(line)
	if ctx.Err() != nil {
		return jpki.PIN{}, ctx.Err()
	}
	if err != nil {
		return jpki.PIN{}, err
	}
	return jpki.ParsePIN(withoutLineEnd(line))
}

func withoutLineEnd(line []byte) []byte {
	for _, end := range []byte{'\n', '\r'} {
		if n := len(line); n > 0 && line[n-1] == end {
			line = line[:n-1]
		}
	}
	return line
}
