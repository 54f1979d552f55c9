package apdu

import (
	"encoding"
	"errors"
	"fmt"
)

// Lengths of a command's and a response's parts, in bytes.
const (
	MaxShortNc    = 255   // data of a command in short form
	MaxShortNe    = 256   // data of a response in short form
	MaxExtendedNc = 65535 // data of a command in extended form
	MaxExtendedNe = 65536 // data of a response in extended form
)

// ErrCommand is matched by the errors of encoding and decoding a [Command].
var ErrCommand = errors.New("malformed command APDU")

// Command is a command APDU, ISO/IEC 7816-4:2020 §5.2.
//
// The four cases of the standard follow from the data and Ne: neither is case 1,
// only Ne is case 2, only data is case 3, both are case 4.
//
// Its data may be a secret, so they are set with [Command.WithData] and stay
// hidden in a field of another struct too, which fmt and other printers read by
// reflection.
type Command struct {
	CLA, INS, P1, P2 byte

	// Ne is the greatest number of response bytes that is accepted, without
	// the status word: 0 for none, at most 256 in short form and 65536 in
	// extended form.
	Ne int

	// Extended chooses the extended form of the length fields, whatever the
	// lengths are. Case 1 has no length field, so there it must be false.
	Extended bool

	data     func() []byte // hidden from reflection; nil: no data
	redacted bool          // carried a secret, which is gone
}

// WithData returns the command with data as its command data field: Nc bytes,
// at most 255 in short form and 65535 in extended form. It shares data's memory.
func (c Command) WithData(data []byte) Command {
	c.data = hide(data)
	return c
}

// Data returns the command data field, nil if it is empty.
func (c Command) Data() []byte { return reveal(c.data) }

var (
	_ encoding.BinaryAppender    = Command{}
	_ encoding.BinaryMarshaler   = Command{}
	_ encoding.BinaryUnmarshaler = (*Command)(nil)
)

// AppendBinary appends the command's bytes to b.
// It fails, matching [ErrCommand], if a length does not fit the chosen form.
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

// MarshalBinary returns the command's bytes; see [Command.AppendBinary].
func (c Command) MarshalBinary() ([]byte, error) {
	return c.AppendBinary(make([]byte, 0, 4+3+len(c.Data())+2))
}

// UnmarshalBinary is [ParseCommand] with a copy of the data.
func (c *Command) UnmarshalBinary(b []byte) error {
	parsed, err := ParseCommand(append([]byte(nil), b...))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// ParseCommand decodes a command APDU. It is the exact inverse of
// [Command.AppendBinary]: whatever it accepts encodes to the same bytes.
// Its data share b's memory. Errors match [ErrCommand] and hold no byte of b.
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
		return Command{}, fmt.Errorf("%w: extended length cut off", ErrCommand)
	case len(body) == 3: // case 2, extended
		c.Extended = true
		c.Ne = lengthOr(int(body[1])<<8|int(body[2]), MaxExtendedNe)
		return c, nil
	default: // cases 3 and 4, extended
		c.Extended = true
		return c.parseBody(body[3:], int(body[1])<<8|int(body[2]), 2)
	}
}

// parseBody completes c from what follows its Lc field: nc bytes of data and
// nothing, or nc bytes of data and a length field of leSize bytes.
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

// lengthOr reads a length field in which zero stands for the maximum.
func lengthOr(n, maximum int) int {
	if n == 0 {
		return maximum
	}
	return n
}
