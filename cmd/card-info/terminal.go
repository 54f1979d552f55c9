package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/term"

	"github.com/mykeykit/mykeykit/jpki"
)

// terminal is where a person sits: never standard input or output, which may
// be pipes.
type terminal interface {
	io.Writer
	// readHidden reads a line without showing it.
	readHidden(ctx context.Context) ([]byte, error)
	Close() error
}

// askPIN asks the person at the terminal, after saying how many tries are left.
func (p *program) askPIN(ctx context.Context, counter jpki.Counter) (jpki.PIN, error) {
	t, err := p.terminal()
	if err != nil {
		return jpki.PIN{}, &usageError{fmt.Errorf("--pin-stdin: %w", err)}
	}
	defer t.Close()
	fmt.Fprintf(t, p.say(textAskPIN), counter.Remaining)
	line, err := t.readHidden(ctx)
	fmt.Fprintln(t)
	defer clear(line)
	if ctx.Err() != nil {
		return jpki.PIN{}, ctx.Err()
	}
	if err != nil {
		return jpki.PIN{}, &usageError{fmt.Errorf("%w: %w", jpki.ErrPINFormat, err)}
	}
	pin, err := jpki.ParsePIN(withoutLineEnd(line))
	if err != nil {
		return jpki.PIN{}, &usageError{err}
	}
	return pin, nil
}

// openTerminal opens the terminal that controls the process.
func openTerminal() (terminal, error) {
	if runtime.GOOS == "windows" {
		in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
		if err != nil {
			in.Close()
			return nil, err
		}
		return &systemTerminal{in: in, out: out}, nil
	}
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &systemTerminal{in: file, out: file}, nil
}

type systemTerminal struct{ in, out *os.File }

func (t *systemTerminal) Write(b []byte) (int, error) { return t.out.Write(b) }

func (t *systemTerminal) Close() error {
	if t.out != t.in {
		t.out.Close()
	}
	return t.in.Close()
}

// readHidden reads on a goroutine, for a read can't be interrupted: when ctx
// ends the terminal shows again what is typed, and the read is left behind.
func (t *systemTerminal) readHidden(ctx context.Context) ([]byte, error) {
	fd := int(t.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type result struct {
		line []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		results <- result{line, err}
	}()
	select {
	case r := <-results:
		return r.line, r.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return nil, ctx.Err()
	}
}
