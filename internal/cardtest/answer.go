package cardtest

import (
	"bytes"

	"github.com/mykeykit/mykeykit/apdu"
)

// ServeFiles makes the card show other contents of its files, by short identifier, from
// now on. It replaces After. The other files are the card's own. It returns up to where
// contents were read.
func (r *Recorder) ServeFiles(files map[byte][]byte) (read *int) {
	read = new(int)
	var content []byte
	served := false
	r.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if c.INS != apdu.InsReadBinary {
			return response, nil
		}
		offset := int(c.P1)<<8 | int(c.P2)
		if c.P1&0x80 != 0 {
			content, served = files[c.P1&0x1F]
			offset = int(c.P2)
		}
		if !served {
			return response, nil
		}
		answer := Read(content, offset, c.Ne)
		*read = max(*read, offset+len(answer)-2)
		return answer, nil
	}
	return read
}

// Read returns a card's answer to READ BINARY of a file with this content.
func Read(content []byte, offset, length int) []byte {
	if offset >= len(content) {
		return []byte{0x6B, 0x00}
	}
	return append(bytes.Clone(content[offset:min(len(content), offset+length)]), 0x90, 0x00)
}

// SignWith makes the card answer with the signatures that sign returns, from now on. After
// is called for every other command.
func (r *Recorder) SignWith(sign func(input []byte) []byte) {
	after := r.After
	r.After = func(n int, c apdu.Command, response []byte) ([]byte, error) {
		switch {
		case c.INS == apdu.InsPerformSecurityOperation:
			return append(sign(c.Data()), 0x90, 0x00), nil
		case after != nil:
			return after(n, c, response)
		}
		return response, nil
	}
}
