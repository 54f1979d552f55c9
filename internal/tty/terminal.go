// Package tty asks a person at a terminal for what must not be shown, as a PIN. What is
// typed too early is discarded, and neither a signal nor Ctrl-Z leaves the terminal
// silent or a card unlocked.
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

// Terminal is where a person sits: never standard input or output where those are
// pipes.
type Terminal interface {
	io.Writer
	// Hide stops showing what is typed, until Close.
	Hide() error
	// DiscardTyped forgets what was typed before a question.
	DiscardTyped()
	// ReadHidden reads a line. It comes after Hide.
	ReadHidden(ctx context.Context) ([]byte, error)
	// Background tells whether another program has the terminal: to read from
	// it would stop this one.
	Background() bool
	Close() error
}

// IsTerminal tells whether a stream of the program is a terminal.
func IsTerminal(stream any) bool {
	if o, ok := stream.(*cli.Output); ok {
		stream = o.Writer
	}
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Opener returns what opens the terminal that controls the process. Where there is
// none, as in containers, it is the one at standard input, if that is one.
func Opener(stdin, stderr *os.File, s *Suspension) func() (Terminal, error) {
	return func() (Terminal, error) {
		t, err := controllingTerminal()
		if err != nil && IsTerminal(stdin) {
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

// New returns a terminal of the system, with questions on out.
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

// terminalOf is the terminal at standard input, with questions on standard error, or
// on the terminal itself if standard error is something else.
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
	opened     []*os.File // to be closed
	suspension *Suspension
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

func (t *systemTerminal) Hide() error { return t.suspension.hide(t) }

// ReadHidden reads until a line is there or ctx ends. It can't be suspended.
func (t *systemTerminal) ReadHidden(ctx context.Context) ([]byte, error) {
	defer t.suspension.prompt()()
	return readLine(ctx, t.in.Fd())
}

func (t *systemTerminal) DiscardTyped() { discardTyped(t.in.Fd()) }

func (t *systemTerminal) Background() bool { return inBackground(t.in.Fd()) }

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

// MaxTyped bounds what is taken for a PIN, in bytes: far more than any.
const MaxTyped = 256

// UntilDone returns what read returns, or ctx's error if it ends first. A read
// that can't be interrupted is left behind.
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
