package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/term"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// terminal is where a person sits: never standard input or output where those are
// pipes.
type terminal interface {
	io.Writer
	// hide stops showing what is typed, until Close.
	hide() error
	// discardTyped forgets what was typed before a question.
	discardTyped()
	// readHidden reads a line. It comes after hide.
	readHidden(ctx context.Context) ([]byte, error)
	// background tells whether another program has the terminal: to read from
	// it would stop this one.
	background() bool
	Close() error
}

// isTerminal tells whether a stream of the program is a terminal.
func isTerminal(stream any) bool {
	if o, ok := stream.(*cli.Output); ok {
		stream = o.Writer
	}
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// opener returns what opens the terminal that controls the process. Where there is
// none, as in containers, it is the one at standard input, if that is one.
func opener(stdin, stderr *os.File, s *suspension) func() (terminal, error) {
	return func() (terminal, error) {
		t, err := controllingTerminal()
		if err != nil && isTerminal(stdin) {
			var other error
			if t, other = terminalOf(stdin, stderr); other != nil {
				err = errors.Join(err, other)
			} else {
				err = nil
			}
		}
		if err != nil {
			return nil, err
		}
		t.suspension = s
		return t, nil
	}
}

func controllingTerminal() (*systemTerminal, error) {
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
		return &systemTerminal{in: in, out: out, opened: []*os.File{in, out}}, nil
	}
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &systemTerminal{in: file, out: file, opened: []*os.File{file}}, nil
}

// terminalOf is the terminal at standard input, with questions on standard error, or
// on the terminal itself if standard error is something else.
func terminalOf(stdin, stderr *os.File) (*systemTerminal, error) {
	if isTerminal(stderr) {
		return &systemTerminal{in: stdin, out: stderr}, nil
	}
	if _, err := stdin.Write(nil); err == nil { // open for writing too
		return &systemTerminal{in: stdin, out: stdin}, nil
	}
	out, err := os.OpenFile("/dev/fd/0", os.O_WRONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return &systemTerminal{in: stdin, out: out, opened: []*os.File{out}}, nil
}

// systemTerminal is a terminal of the system.
type systemTerminal struct {
	in, out    *os.File
	opened     []*os.File // to be closed
	suspension *suspension
	before     *modes // how the terminal was before what is typed was hidden; nil while it shows
}

func (t *systemTerminal) Write(b []byte) (int, error) { return t.out.Write(b) }

// Close shows again what is typed, and forgets what was typed and not read.
func (t *systemTerminal) Close() (err error) {
	t.suspension.show(t)
	for _, file := range t.opened {
		err = errors.Join(err, file.Close())
	}
	return err
}

func (t *systemTerminal) hide() error { return t.suspension.hide(t) }

// readHidden reads until a line is there or ctx ends. It can't be suspended.
func (t *systemTerminal) readHidden(ctx context.Context) ([]byte, error) {
	defer t.suspension.prompt()()
	return readLine(ctx, t.in.Fd())
}

func (t *systemTerminal) discardTyped() { discardTyped(t.in.Fd()) }

func (t *systemTerminal) background() bool { return inBackground(t.in.Fd()) }

// hideTyped and showTyped are for suspension, which calls one at a time.
func (t *systemTerminal) hideTyped() error {
	if t.before != nil {
		return nil
	}
	before, err := hideTyped(t.in.Fd())
	if err == nil {
		t.before = before
	}
	return err
}

func (t *systemTerminal) showTyped() {
	if t.before != nil {
		showTyped(t.in.Fd(), t.before)
		t.before = nil
	}
}

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
