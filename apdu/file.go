package apdu

import (
	"context"
	"errors"
	"fmt"
)

// SelectApplication selects an application by its name (AID, up to 16 bytes),
// without asking for file control information: ISO/IEC 7816-4:2020 §11.2.2,
// P1=04 P2=0C, no Le. A card without it answers [StatusFileNotFound].
func (c *Channel) SelectApplication(ctx context.Context, aid []byte) error {
	if len(aid) == 0 || len(aid) > 16 {
		return fmt.Errorf("SELECT application: %w: name of %d bytes", ErrAddress, len(aid))
	}
	_, err := c.do(ctx, "SELECT application", Command{INS: InsSelect, P1: 0x04, P2: 0x0C}.WithData(aid))
	return err
}

// SelectFile selects an elementary file under the current application by its
// two-byte file identifier: P1=02 P2=0C.
func (c *Channel) SelectFile(ctx context.Context, fid uint16) error {
	cmd := Command{INS: InsSelect, P1: 0x02, P2: 0x0C}.WithData([]byte{byte(fid >> 8), byte(fid)})
	_, err := c.do(ctx, "SELECT file", cmd)
	return err
}

const (
	maxSFI    = 0x1E   // short file identifiers are 01 to 1E
	maxOffset = 0x7FFF // READ BINARY with an even instruction: 15 bits
)

// ErrAddress is a name, file identifier, offset or length that SELECT or READ
// BINARY can't express. Nothing was sent.
var ErrAddress = errors.New("no such address")

// ReadBinary reads up to ne bytes (1 to 65536; no more than 256 at once unless
// the channel has extended lengths) from the current file, from offset (0 to 32767) on:
// ISO/IEC 7816-4:2020 §11.3.3. Fewer bytes than asked for is not an error;
// an offset at or after the end is [StatusWrongOffset].
func (c *Channel) ReadBinary(ctx context.Context, offset, ne int) ([]byte, error) {
	if offset < 0 || offset > maxOffset {
		return nil, fmt.Errorf("READ BINARY: %w: offset %d", ErrAddress, offset)
	}
	return c.read(ctx, byte(offset>>8), byte(offset), ne)
}

// ReadBinarySFI is [Channel.ReadBinary] on the file with the short file
// identifier sfi (01 to 1E), which becomes the current file. The offset is at
// most 255.
func (c *Channel) ReadBinarySFI(ctx context.Context, sfi byte, offset, ne int) ([]byte, error) {
	if sfi == 0 || sfi > maxSFI || offset < 0 || offset > 0xFF {
		return nil, fmt.Errorf("READ BINARY: %w: file %02X, offset %d", ErrAddress, sfi, offset)
	}
	return c.read(ctx, 0x80|sfi, byte(offset), ne)
}

// read asks for ne bytes in the longest form allowed. A refused extended
// length is repeated in short form at once, and remembered.
func (c *Channel) read(ctx context.Context, p1, p2 byte, ne int) ([]byte, error) {
	if ne < 1 || ne > MaxExtendedNe {
		return nil, fmt.Errorf("READ BINARY: %w: %d bytes", ErrAddress, ne)
	}
	cmd := Command{INS: InsReadBinary, P1: p1, P2: p2, Ne: ne}
	if !c.extended || ne <= c.readSize {
		cmd.Ne = min(ne, c.readSize)
		return c.readOnce(ctx, cmd)
	}

	cmd.Extended = true
	data, err := c.readOnce(ctx, cmd)
	var status Status
	switch {
	case err == nil, ctx.Err() != nil:
		return data, err
	case errors.As(err, &status) && status != StatusWrongLength && !errors.Is(err, ErrExcessResponse):
		return nil, err
	}
	// 6700, or no whole answer: some readers can't carry what the card promises.
	cmd.Extended, cmd.Ne = false, c.readSize
	data, short := c.readOnce(ctx, cmd)
	if short != nil && status == 0 {
		return nil, err // the transport failed for another reason than length
	}
	c.refuseExtended()
	return data, short
}

// garbled is from how many bytes on data with an error status are taken for an
// answer that was cut.
const garbled = 64

func (c *Channel) readOnce(ctx context.Context, cmd Command) ([]byte, error) {
	resp, err := c.Send(ctx, cmd)
	if err == nil && resp.Status != StatusEndOfFile {
		err = resp.Err()
	}
	if err != nil && len(resp.Data()) >= garbled && !resp.Status.warning() {
		// No card sends data with an error: they were cut, in the middle of what
		// now looks like a status word.
		err = fmt.Errorf("%w: %d bytes and %w", ErrExcessResponse, len(resp.Data()), resp.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("READ BINARY: %w", err)
	}
	return resp.Data(), nil
}
