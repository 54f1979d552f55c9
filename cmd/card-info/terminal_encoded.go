package main

import "github.com/mykeykit/mykeykit/internal/message"

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
	p.stdout, p.stderr = p.Stdout, p.Stderr
	open := p.terminal
	p.terminal = func() (terminal, error) {
		t, err := open()
		if err != nil {
			return nil, err
		}
		return encodedTerminal{t, p.Encoding}, nil
	}
}
