package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

// pipedPIN reads one line of standard input.
func (p *program) pipedPIN(ctx context.Context) (jpki.PIN, error) {
	if isTerminal(p.stdin) {
		return jpki.PIN{}, misuse(textPINStdinTerminal, errors.New("--pin-stdin: standard input is a terminal"))
	}
	line, err := untilDone(ctx, func() ([]byte, error) {
		const longest = 256
		return bufio.NewReaderSize(io.LimitReader(p.stdin, longest), longest).ReadSlice('\n')
	})
	defer clear(line)
	if ctx.Err() != nil {
		return jpki.PIN{}, ctx.Err()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return jpki.PIN{}, jpki.ErrPINFormat // too long for one, or unreadable
	}
	return jpki.ParsePIN(withoutLineEnd(line))
}

// typedPIN asks the person at the terminal, after asking the card what would
// refuse the PIN and how many tries are left. No connection is open while the
// person types: the card may be taken away and put back. The PIN is for the
// card that was shown, in the reader whose name is returned.
func (p *program) typedPIN(ctx context.Context, options []jpki.Option) (name string, pin jpki.PIN, shown jpki.Readiness, err error) {
	t, err := p.terminal()
	if err != nil {
		return "", pin, shown, &failure{err: err, message: message.Message{Code: codeNoTerminal, What: textNoTerminal, Next: textNoTerminalNext}}
	}
	defer t.Close()
	err = p.withApplication(ctx, func(found string, _ reader.Card, a *jpki.Application) error {
		name = found
		shown, err = a.Ready(ctx)
		return err
	}, options...)
	if err != nil {
		return "", pin, shown, err
	}
	pin, err = p.askPIN(ctx, t, shown.Counter)
	return name, pin, shown, err
}

// askPIN asks the person at the terminal, after saying how many tries are left.
func (p *program) askPIN(ctx context.Context, t terminal, counter jpki.Counter) (jpki.PIN, error) {
	if counter.Remaining == 1 {
		fmt.Fprintln(t, p.say(textAskLastTry))
	}
	fmt.Fprintf(t, p.say(textAskPIN), counter.Remaining)
	line, err := t.readHidden(ctx)
	fmt.Fprintln(t)
	defer clear(line)
	if ctx.Err() != nil {
		return jpki.PIN{}, ctx.Err()
	}
	if err != nil {
		return jpki.PIN{}, fmt.Errorf("%w: %w", jpki.ErrPINFormat, err)
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
