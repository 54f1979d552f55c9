package cli

import (
	"errors"
	"io"
)

// Output is standard output or standard error. It encodes text for the locale and leaves
// JSON as it is, in UTF-8.
type Output struct {
	io.Writer
	console *Console
	err     error // the first write error
}

// unwritable is a write error of an Output.
type unwritable struct{ error }

func (e unwritable) Unwrap() error { return e.error }

// IsUnwritable reports whether an error is a write error of an [Output].
func IsUnwritable(err error) bool { return errors.As(err, new(unwritable)) }

// Write writes text, or JSON if the console uses it.
func (o *Output) Write(b []byte) (int, error) {
	if o.console.JSON {
		return o.WriteBytes(b)
	}
	if _, err := o.WriteBytes([]byte(o.console.Encoding.Encode(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WriteBytes writes bytes without encoding them.
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

// forCobra is an output for package cobra. It hides write errors, which cobra would report
// in words of its own. Execute reports them.
type forCobra struct{ io.Writer }

func (w forCobra) Write(b []byte) (int, error) {
	_, _ = w.Writer.Write(b)
	return len(b), nil
}
