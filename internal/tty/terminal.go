// Package tty reads secrets such as a PIN from a terminal without echo. It discards input
// from before the prompt. Signals that can be caught, also those of Ctrl-C and
// Ctrl-Z, restore the echo and have the card logged out first.
package tty

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

// Terminal is an interactive terminal. Standard input and output may be pipes instead.
type Terminal interface {
	io.Writer
	// Hide turns the echo off until Close.
	Hide() error
	// DiscardTyped discards pending input.
	DiscardTyped()
	// ReadHidden reads a line. Call Hide first.
	ReadHidden(ctx context.Context) ([]byte, error)
	// Background reports whether the process is in the terminal's background, where
	// reading would stop it.
	Background() bool
	Close() error
}

// IsTerminal reports whether a stream of the program is a terminal.
func IsTerminal(stream any) bool {
	if o, ok := stream.(*cli.Output); ok {
		stream = o.Writer
	}
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Opener returns a function that opens the controlling terminal. If there is none, as in
// containers, the function uses standard input if that is a terminal.
func Opener(stdin, stderr *os.File, s *Suspension) func() (Terminal, error) {
	return func() (Terminal, error) {
		t, err := controllingTerminal()
		if err != nil && IsTerminal(stdin) {
			var stdinErr error
			if t, stdinErr = terminalOf(stdin, stderr); stdinErr != nil {
				err = errors.Join(err, stdinErr)
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

// New returns a system terminal that reads from in and writes to out.
func New(in, out *os.File) Terminal { return &systemTerminal{in: in, out: out} }

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

// terminalOf returns the terminal of standard input. It writes to standard error if that
// is a terminal, and otherwise to the terminal of standard input.
func terminalOf(stdin, stderr *os.File) (*systemTerminal, error) {
	if IsTerminal(stderr) {
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
	opened     []*os.File // to close
	suspension *Suspension
	before     *modes // the modes from before the echo was turned off; nil while it is on
}

func (t *systemTerminal) Write(b []byte) (int, error) { return t.out.Write(b) }

// Close turns the echo on again and discards pending input.
func (t *systemTerminal) Close() (err error) {
	t.suspension.show(t)
	for _, file := range t.opened {
		err = errors.Join(err, file.Close())
	}
	return err
}

func (t *systemTerminal) Hide() error { return t.suspension.hide(t) }

// ReadHidden reads a line or returns when ctx is done. The process can't be suspended
// meanwhile.
func (t *systemTerminal) ReadHidden(ctx context.Context) ([]byte, error) {
	defer t.suspension.prompt()()
	return readLine(ctx, t.in.Fd())
}

func (t *systemTerminal) DiscardTyped() { discardTyped(t.in.Fd()) }

func (t *systemTerminal) Background() bool { return inBackground(t.in.Fd()) }

// Suspension calls hideTyped and showTyped one at a time.
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

// MaxTyped is the maximum length of a line in bytes, far more than a PIN needs.
const MaxTyped = 256

// UntilDone calls read in a goroutine and returns its result, or ctx's error if ctx is
// done first. The goroutine then continues until read returns.
func UntilDone(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
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
