package simulator

import (
	"bytes"
	"crypto"

	"github.com/mykeykit/mykeykit/apdu"
)

// application is a set of files under a name.
type application struct {
	aid   []byte
	files map[uint16]*file

	objects    map[uint16][]byte // for GET DATA, by tag
	sessionKey apdu.Status       // the answer to SET SESSION KEY; 0: an unknown instruction
}

// forget drops the application's verified states.
func (a *application) forget() {
	for _, f := range a.files {
		if f.secret != nil {
			f.secret.verified = false
		}
	}
}

// file is an elementary file. Which of its fields are set says of which kind
// it is: content that can be read, a secret that can be verified, a key that
// can sign, or nothing for files that only the card itself uses.
type file struct {
	content func() ([]byte, error)
	secret  *secret
	key     func() (crypto.Signer, error)
	guard   *secret // must be verified before the file can be used; nil: free

	challenges bool // the key signs challenges, by INTERNAL AUTHENTICATE
}

// open tells whether the file may be used now.
func (f *file) open() bool { return f.guard == nil || f.guard.verified }

// selectFile handles SELECT.
func (c *Card) selectFile(cmd apdu.Command) apdu.Response {
	switch {
	case cmd.P1 == 0x04 && (cmd.P2 == 0x0C || cmd.P2 == 0x0E || cmd.P2 == 0x00 || cmd.P2 == 0x02):
		return c.selectApplication(cmd)
	case cmd.P1 == 0x02 && cmd.P2 == 0x0C && len(cmd.Data()) == 2:
		return c.selectElementaryFile(cmd)
	case cmd.P1 == 0x00 && cmd.P2 == 0x00 && len(cmd.Data()) == 0:
		// Observed: refused after power-up, and without effect later.
		if c.app == nil {
			return status(apdu.StatusIncorrectP1P2)
		}
		return status(apdu.StatusOK)
	case cmd.P1 == 0x00 && len(cmd.Data()) == 2:
		return status(apdu.StatusFileNotFound) // 3F00: the card has no master file
	}
	return status(apdu.StatusIncorrectP1P2)
}

// selectApplication selects by name or by the start of one; P2 has 0C where no
// file control information is wanted, and 02 for the next that fits (assumed,
// from one source). An unknown name leaves the current application as it is.
func (c *Card) selectApplication(cmd apdu.Command) apdu.Response {
	if len(cmd.Data()) == 0 || len(cmd.Data()) > 16 {
		return status(apdu.StatusWrongLength)
	}
	app := c.application(cmd.Data(), cmd.P2&0x02 != 0)
	if app == nil {
		return status(apdu.StatusFileNotFound)
	}
	// Selecting the application again keeps its verified states; selecting
	// another one ends them.
	for _, other := range c.apps {
		if other != app {
			other.forget()
		}
	}
	c.app, c.file = app, nil
	if cmd.P2&0x0C == 0 && cmd.Ne > 0 {
		// File control information; assumed to hold the name alone.
		name := append([]byte{0x84, byte(len(app.aid))}, app.aid...)
		return data(append([]byte{0x6F, byte(len(name))}, name...))
	}
	return status(apdu.StatusOK)
}

func (c *Card) selectElementaryFile(cmd apdu.Command) apdu.Response {
	if c.app == nil {
		return status(apdu.StatusIncorrectP1P2) // assumed
	}
	f := c.app.files[uint16(cmd.Data()[0])<<8|uint16(cmd.Data()[1])]
	if f == nil {
		return status(apdu.StatusFileNotFound)
	}
	c.file = f
	return status(apdu.StatusOK)
}

// refer finds the file that a reference byte means, 80 for the current file or
// 80 plus a short identifier, and makes it current.
func (c *Card) refer(reference byte) (*file, apdu.Status) {
	sfi := reference & 0x1F
	switch {
	case reference&0xE0 != 0x80 || sfi == 0x1F:
		return nil, apdu.StatusIncorrectP1P2
	case sfi == 0 && c.file == nil:
		return nil, apdu.StatusNoCurrentFile
	case sfi == 0:
		return c.file, apdu.StatusOK
	case c.app == nil:
		return nil, apdu.StatusNoCurrentFile
	}
	f := c.app.files[uint16(sfi)]
	if f == nil {
		return nil, apdu.StatusFileNotFound // assumed
	}
	c.file = f
	return f, apdu.StatusOK
}

// readBinary handles READ BINARY with an even instruction.
func (c *Card) readBinary(cmd apdu.Command) apdu.Response {
	reference, offset := byte(0x80), int(cmd.P1)<<8|int(cmd.P2)
	if cmd.P1&0x80 != 0 {
		reference, offset = cmd.P1, int(cmd.P2)
	}
	if len(cmd.Data()) > 0 || cmd.Ne == 0 {
		return status(apdu.StatusWrongLength)
	}
	f, sw := c.refer(reference)
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case f.content == nil:
		return status(apdu.StatusWrongFileType)
	case !f.open():
		return status(apdu.StatusSecurityNotSatisfied)
	}
	content, err := f.content()
	if err != nil {
		return status(apdu.StatusNoDiagnosis)
	}
	if offset >= len(content) {
		return status(apdu.StatusWrongOffset)
	}
	// Fewer bytes than asked for come with 9000, not 6282.
	return data(bytes.Clone(content[offset:min(offset+cmd.Ne, len(content))]))
}
