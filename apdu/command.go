package apdu

import (
	"encoding"
	"errors"
	"fmt"
)

// Maximum lengths of the data of commands and responses, in bytes.
const (
	MaxShortNc    = 255   // data of a command in short form
	MaxShortNe    = 256   // data of a response in short form
	MaxExtendedNc = 65535 // data of a command in extended form
	MaxExtendedNe = 65536 // data of a response in extended form
)

// ErrCommand reports a [Command] that can't be encoded, or bytes that are not a
// command.
var ErrCommand = errors.New("malformed command APDU")

// Command is a command APDU, ISO/IEC 7816-4:2020 §5.2.
//
// Data and Ne determine the case of the standard: case 1 has neither, case 2 Ne
// only, case 3 data only, case 4 both.
//
// The data may be a secret. Set it with [Command.WithData]. Printing a Command
// prints [Command.String]. Printing a struct with a Command in an unexported
// field prints no data at all.
type Command struct {
	CLA, INS, P1, P2 byte

	// Ne is the maximum number of response bytes, without the status word: 0 for
	// no data, at most 256 in short form and 65536 in extended form.
	Ne int

	// Extended selects the extended form of the length fields, whatever the
	// lengths are. It must be false in case 1, which has no length field.
	Extended bool

	data     func() []byte // hidden from reflection; nil: no data
	redacted bool          // carried a secret, which was removed
}

// WithData returns a copy of the command with data as its command data field: at
// most 255 bytes in short form and 65535 in extended form. It does not copy data.
func (c Command) WithData(data []byte) Command {
	c.data = hide(data)
	return c
}

// Data returns the command data field, or nil if it is empty.
func (c Command) Data() []byte { return reveal(c.data) }

var (
	_ encoding.BinaryAppender    = Command{}
	_ encoding.BinaryMarshaler   = Command{}
	_ encoding.BinaryUnmarshaler = (*Command)(nil)
)

// AppendBinary appends the encoded command to b. It returns [ErrCommand] if a
// length does not fit the form.
func (c Command) AppendBinary(b []byte) ([]byte, error) {
	data := c.Data()
	nc := len(data)
	maxNc, maxNe := MaxShortNc, MaxShortNe
	if c.Extended {
		maxNc, maxNe = MaxExtendedNc, MaxExtendedNe
	}
	switch {
	case c.redacted:
		return b, fmt.Errorf("%w: its secret was redacted", ErrCommand)
	case nc > maxNc:
		return b, fmt.Errorf("%w: data longer than %d bytes", ErrCommand, maxNc)
	case c.Ne < 0 || c.Ne > maxNe:
		return b, fmt.Errorf("%w: Ne %d not in 0 to %d", ErrCommand, c.Ne, maxNe)
	case c.Extended && nc == 0 && c.Ne == 0:
		return b, fmt.Errorf("%w: case 1 has no extended form", ErrCommand)
	}

	b = append(b, c.CLA, c.INS, c.P1, c.P2)
	if !c.Extended {
		if nc > 0 {
			b = append(b, byte(nc))
			b = append(b, data...)
		}
		if c.Ne > 0 {
			b = append(b, byte(c.Ne)) // 256 is written as 00
		}
		return b, nil
	}

	b = append(b, 0) // one 00 in front of the first extended length field
	if nc > 0 {
		b = append(b, byte(nc>>8), byte(nc))
		b = append(b, data...)
	}
	if c.Ne > 0 {
		b = append(b, byte(c.Ne>>8), byte(c.Ne)) // 65536 is written as 0000
	}
	return b, nil
}

// MarshalBinary returns the encoded command. See [Command.AppendBinary].
func (c Command) MarshalBinary() ([]byte, error) {
	return c.AppendBinary(make([]byte, 0, 4+3+len(c.Data())+2))
}

// UnmarshalBinary is like [ParseCommand] but copies the data.
func (c *Command) UnmarshalBinary(b []byte) error {
	parsed, err := ParseCommand(append([]byte(nil), b...))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// ParseCommand decodes a command APDU. It is the inverse of
// [Command.AppendBinary]: a command that it accepts encodes to the same bytes. The
// command's data share the memory of b. If b is not a command, ParseCommand returns
// [ErrCommand], whose text contains no byte of b.
func ParseCommand(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, fmt.Errorf("%w: %d bytes, a header has 4", ErrCommand, len(b))
	}
	c := Command{CLA: b[0], INS: b[1], P1: b[2], P2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0: // case 1
		return c, nil
	case len(body) == 1: // case 2, short
		c.Ne = lengthOr(int(body[0]), MaxShortNe)
		return c, nil
	case body[0] != 0: // cases 3 and 4, short
		return c.parseBody(body[1:], int(body[0]), 1)
	case len(body) < 3:
		return Command{}, fmt.Errorf("%w: extended length truncated", ErrCommand)
	case len(body) == 3: // case 2, extended
		c.Extended = true
		c.Ne = lengthOr(int(body[1])<<8|int(body[2]), MaxExtendedNe)
		return c, nil
	default: // cases 3 and 4, extended
		c.Extended = true
		return c.parseBody(body[3:], int(body[1])<<8|int(body[2]), 2)
	}
}

// parseBody completes c from the bytes after its Lc field: nc bytes of data, and
// optionally a length field of leSize bytes.
func (c Command) parseBody(rest []byte, nc, leSize int) (Command, error) {
	if nc == 0 {
		return Command{}, fmt.Errorf("%w: extended Lc is zero", ErrCommand)
	}
	switch len(rest) - nc {
	case 0:
	case leSize:
		ne := 0
		for _, v := range rest[nc:] {
			ne = ne<<8 | int(v)
		}
		c.Ne = lengthOr(ne, 1<<(8*leSize))
	default:
		return Command{}, fmt.Errorf("%w: length fields do not fit %d bytes of body", ErrCommand, len(rest))
	}
	return c.WithData(rest[:nc:nc]), nil
}

// lengthOr returns n, or maximum if n is zero, as length fields are read.
func lengthOr(n, maximum int) int {
	if n == 0 {
		return maximum
	}
	return n
}
