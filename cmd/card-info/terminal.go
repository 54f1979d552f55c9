package main

import (
	"context"
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// terminal is where a person sits: never standard input or output, which may
// be pipes.
type terminal interface {
	io.Writer
	// readHidden reads a line without showing it.
	readHidden(ctx context.Context) ([]byte, error)
	// discardTyped forgets what was typed before a question.
	discardTyped()
	// background tells whether another program has the terminal: to read from
	// it would stop this one.
	background() bool
	Close() error
}

// isTerminal tells whether a stream of the program is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
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

// readHidden hides what is typed until a line is there or ctx ends. It can't be
// suspended: the shell that takes over would show what is typed, and so would
// the terminal when the program goes on.
func (t *systemTerminal) readHidden(ctx context.Context) ([]byte, error) {
	defer holdSuspension()()
	return readHiddenLine(ctx, int(t.in.Fd()))
}

func (t *systemTerminal) discardTyped() { discardTyped(int(t.in.Fd())) }

func (t *systemTerminal) background() bool { return inBackground(int(t.in.Fd())) }

// untilDone returns what read returns, or ctx's error if it ends first. A read
// that can't be interrupted is left behind.
func untilDone(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		line []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		line, err := read()
		results <- result{line, err}
	}()
	select {
	case r := <-results:
		return r.line, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
