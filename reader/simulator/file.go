package simulator

import (
	"bytes"
	"crypto"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// application is an application of the card and its files.
type application struct {
	aid   []byte
	files map[uint16]*file

	objects    map[uint16]func() ([]byte, error) // data objects for GET DATA, by tag
	sessionKey apdu.Status                       // answer to SET SESSION KEY; 0: the instruction is unknown
	defaultKey *file                             // signs if P2 of PERFORM SECURITY OPERATION is 00; nil: none
}

// logOut ends the verified state of the application's secrets.
func (a *application) logOut() {
	for _, f := range a.files {
		if f.secret != nil {
			f.secret.verified = false
		}
	}
}

// unlocked reports whether one of the application's secrets is verified.
func (a *application) unlocked() bool {
	for _, f := range a.files {
		if f.secret != nil && f.secret.verified {
			return true
		}
	}
	return false
}

// file is an elementary file. The fields that are set determine its kind: content can be
// read, a secret can be verified, and a key can sign. A file without any of them is used
// by the card only.
type file struct {
	content func() ([]byte, error)
	records [][]byte // read by READ RECORD
	secret  *secret
	key     func() (crypto.Signer, error)
	guards  []*secret // one of them must be verified before the file can be used; nil: none

	challenges bool // the key signs challenges, with INTERNAL AUTHENTICATE
}

// accessible reports whether the file may be used now.
func (f *file) accessible() bool {
	return len(f.guards) == 0 || slices.ContainsFunc(f.guards, func(s *secret) bool { return s.verified })
}

// selectFile handles SELECT.
func (c *Card) selectFile(cmd apdu.Command) apdu.Response {
	switch {
	case cmd.P1 == 0x04 && (cmd.P2 == 0x0C || cmd.P2 == 0x0E || cmd.P2 == 0x00 || cmd.P2 == 0x02):
		return c.selectApplication(cmd)
	case cmd.P1 == 0x02 && cmd.P2 == 0x0C && len(cmd.Data()) == 2:
		return c.selectElementaryFile(cmd)
	case cmd.P1 == 0x00 && cmd.P2 == 0x00 && len(cmd.Data()) == 0:
		// Observed: rejected after power-up, and without effect later.
		if c.app == nil {
			return status(apdu.StatusIncorrectP1P2)
		}
		return status(apdu.StatusOK)
	case cmd.P1 == 0x00 && len(cmd.Data()) == 2:
		return status(apdu.StatusFileNotFound) // 3F00: the card has no master file
	}
	return status(apdu.StatusIncorrectP1P2)
}

// selectApplication selects an application by its name, or by the first bytes of it. In
// P2, 0C asks for no file control information and 02 for the next occurrence (assumed:
// one source). An unknown name does not change the current application.
func (c *Card) selectApplication(cmd apdu.Command) apdu.Response {
	if len(cmd.Data()) == 0 || len(cmd.Data()) > 16 {
		return status(apdu.StatusWrongLength)
	}
	app := c.application(cmd.Data(), cmd.P2&0x02 != 0)
	if app == nil {
		return status(apdu.StatusFileNotFound)
	}
	// Selecting the same application keeps its secrets verified. Selecting another one
	// logs the card out.
	for _, other := range c.apps {
		if other != app {
			other.logOut()
		}
	}
	c.app, c.file = app, nil
	if cmd.P2&0x0C == 0 && cmd.Ne > 0 {
		// File control information: assumed to hold the name only.
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

// resolve returns the file that a reference byte names, and makes it current. The byte is
// 80 for the current file, or 80 plus a short file identifier.
func (c *Card) resolve(reference byte) (*file, apdu.Status) {
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

// readBinary handles READ BINARY with the even instruction code.
func (c *Card) readBinary(cmd apdu.Command) apdu.Response {
	reference, offset := byte(0x80), int(cmd.P1)<<8|int(cmd.P2)
	if cmd.P1&0x80 != 0 {
		reference, offset = cmd.P1, int(cmd.P2)
	}
	if len(cmd.Data()) > 0 || cmd.Ne == 0 {
		return status(apdu.StatusWrongLength)
	}
	f, sw := c.resolve(reference)
	switch {
	case sw != apdu.StatusOK:
		return status(sw)
	case f.content == nil:
		return status(apdu.StatusWrongFileType)
	case !f.accessible():
		return status(apdu.StatusSecurityNotSatisfied)
	}
	content, err := f.content()
	if err != nil {
		return status(apdu.StatusNoDiagnosis)
	}
	if offset >= len(content) {
		return status(apdu.StatusWrongOffset)
	}
	// If the file ends before Ne bytes, the status word is 9000, not 6282.
	return data(bytes.Clone(content[offset:min(offset+cmd.Ne, len(content))]))
}
