package cli

import (
	"errors"
	"io"
)

// Output is standard output or error. Text is written in the encoding of the locale;
// JSON is always UTF-8.
type Output struct {
	io.Writer
	console *Console
	err     error // why it could not be written, the first time
}

// unwritable is why an output could not be written.
type unwritable struct{ error }

func (e unwritable) Unwrap() error { return e.error }

// IsUnwritable tells whether an error is that an [Output] could not be written.
func IsUnwritable(err error) bool { return errors.As(err, new(unwritable)) }

// Write writes text, or JSON where the console speaks it.
func (o *Output) Write(b []byte) (int, error) {
	if o.console.JSON {
		return o.WriteBytes(b)
	}
	if _, err := o.WriteBytes([]byte(o.console.Encoding.Encode(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WriteBytes writes what is no text.
func (o *Output) WriteBytes(b []byte) (int, error) {
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
// words. Execute does.
type forCobra struct{ io.Writer }

func (w forCobra) Write(b []byte) (int, error) {
	_, _ = w.Writer.Write(b)
	return len(b), nil
}
