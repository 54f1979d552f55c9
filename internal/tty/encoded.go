package tty

import "github.com/mykeykit/mykeykit/internal/locale"

// Encoded wraps open so that the terminal shows text in the given encoding.
func Encoded(open func() (Terminal, error), encoding locale.Encoding) func() (Terminal, error) {
	return func() (Terminal, error) {
		t, err := open()
		if err != nil {
			return nil, err
		}
		return encodedTerminal{t, encoding}, nil
	}
}

// encodedTerminal is a terminal that shows text in an encoding.
type encodedTerminal struct {
	Terminal
	encoding locale.Encoding
}

func (t encodedTerminal) Write(b []byte) (int, error) {
	if _, err := t.Terminal.Write([]byte(t.encoding.Encode(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}
