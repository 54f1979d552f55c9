package main

import (
	"io"

	"github.com/mykeykit/mykeykit/internal/message"
)

// output is standard output or error. Text is written in the encoding of the locale;
// JSON is always UTF-8.
type output struct {
	io.Writer
	program *program
	err     error // why it could not be written, the first time
}

// unwritable is why an output could not be written.
type unwritable struct{ error }

func (e unwritable) Unwrap() error { return e.error }

// Write writes text, or JSON with --json.
func (o *output) Write(b []byte) (int, error) {
	if o.program.json {
		return o.writeBytes(b)
	}
	if _, err := o.writeBytes([]byte(o.program.encoding.Encode(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// writeBytes writes what is no text.
func (o *output) writeBytes(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		err = unwritable{err}
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// forCobra is an output for package cobra, which would tell of its errors in its own
// words. run does.
type forCobra struct{ io.Writer }

func (w forCobra) Write(b []byte) (int, error) {
	_, _ = w.Writer.Write(b)
	return len(b), nil
}

// encodedTerminal shows text in the encoding of the locale.
type encodedTerminal struct {
	terminal
	encoding message.Encoding
}

func (t encodedTerminal) Write(b []byte) (int, error) {
	if _, err := t.terminal.Write([]byte(t.encoding.Encode(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// useEncoding has all that is said written in the encoding of the locale.
func (p *program) useEncoding() {
	p.out = &output{Writer: p.stdout, program: p}
	p.stdout, p.stderr = p.out, &output{Writer: p.stderr, program: p}
	open := p.terminal
	p.terminal = func() (terminal, error) {
		t, err := open()
		if err != nil {
			return nil, err
		}
		return encodedTerminal{t, p.encoding}, nil
	}
}
