package apdu

import (
	"context"
	"errors"
	"fmt"
)

// SelectApplication sends SELECT with the name of an application (AID, 1 to 16
// bytes). It asks for no file control information: ISO/IEC 7816-4:2020 §11.2.2,
// P1=04 P2=0C, no Le. If the card has no such application, the error is
// [StatusFileNotFound].
func (c *Channel) SelectApplication(ctx context.Context, aid []byte) error {
	if len(aid) == 0 || len(aid) > 16 {
		return fmt.Errorf("SELECT application: %w: name of %d bytes", ErrAddress, len(aid))
	}
	_, err := c.do(ctx, "SELECT application", Command{INS: InsSelect, P1: 0x04, P2: 0x0C}.WithData(aid))
	return err
}

// SelectFile sends SELECT with the two-byte identifier of an elementary file in
// the current application: P1=02 P2=0C.
func (c *Channel) SelectFile(ctx context.Context, fid uint16) error {
	cmd := Command{INS: InsSelect, P1: 0x02, P2: 0x0C}.WithData([]byte{byte(fid >> 8), byte(fid)})
	_, err := c.do(ctx, "SELECT file", cmd)
	return err
}

const (
	maxSFI    = 0x1E   // short file identifiers are 01 to 1E
	maxOffset = 0x7FFF // READ BINARY with an even instruction: 15 bits
)

// ErrAddress reports an application name, file identifier, offset or length
// outside the limits of the method that was called. No command was sent.
var ErrAddress = errors.New("invalid name, file identifier, offset or length")

// ReadBinary sends READ BINARY, ISO/IEC 7816-4:2020 §11.3.3. It reads up to ne
// bytes (1 to 65536) from the current file at offset (0 to 32767), and returns at
// most 256 bytes unless the channel uses extended lengths. The card may return
// fewer bytes than that without an error. If the offset is at the end of the file
// or after it, cards usually answer [StatusWrongOffset].
func (c *Channel) ReadBinary(ctx context.Context, offset, ne int) ([]byte, error) {
	if offset < 0 || offset > maxOffset {
		return nil, fmt.Errorf("READ BINARY: %w: offset %d", ErrAddress, offset)
	}
	return c.read(ctx, byte(offset>>8), byte(offset), ne)
}

// ReadBinarySFI is like [Channel.ReadBinary] but reads from the file with the short
// file identifier sfi (01 to 1E), which becomes the current file. The offset is at
// most 255.
func (c *Channel) ReadBinarySFI(ctx context.Context, sfi byte, offset, ne int) ([]byte, error) {
	if sfi == 0 || sfi > maxSFI || offset < 0 || offset > 0xFF {
		return nil, fmt.Errorf("READ BINARY: %w: file %02X, offset %d", ErrAddress, sfi, offset)
	}
	return c.read(ctx, 0x80|sfi, byte(offset), ne)
}

// read asks for ne bytes in the longest form allowed. If an extended length fails
// it falls back to short form at once, for the rest of the channel's life.
func (c *Channel) read(ctx context.Context, p1, p2 byte, ne int) ([]byte, error) {
	if ne < 1 || ne > MaxExtendedNe {
		return nil, fmt.Errorf("READ BINARY: %w: %d bytes", ErrAddress, ne)
	}
	cmd := Command{INS: InsReadBinary, P1: p1, P2: p2, Ne: ne}
	if ne <= c.readSize || c.extended == 0 {
		cmd.Ne = min(ne, c.readSize)
		return readResponse(c.Send(ctx, cmd))
	}

	cmd.Extended, cmd.Ne = true, min(ne, c.extended)
	data, err := readResponse(c.Send(ctx, cmd))
	var status Status
	switch {
	case err == nil, ctx.Err() != nil:
		return data, err
	case errors.As(err, &status) && status != StatusWrongLength && !errors.Is(err, ErrExcessResponse):
		return nil, err
	}
	// 6700, or no whole answer: some readers can't carry what the card declares.
	cmd.Extended, cmd.Ne = false, min(ne, c.readSize)
	data, shortErr := readResponse(c.Send(ctx, cmd))
	if shortErr != nil && status == 0 {
		return nil, err // the length is not the cause
	}
	c.refuseExtended()
	return data, shortErr
}

// truncatedFrom is the number of bytes from which data with an error status are
// taken for a truncated answer.
const truncatedFrom = 64

// readResponse returns the data of a response to READ BINARY.
func readResponse(resp Response, err error) ([]byte, error) {
	if err == nil && resp.Status != StatusEndOfFile {
		err = resp.Err()
	}
	if err != nil && len(resp.Data()) >= truncatedFrom && !resp.Status.warning() {
		// Cards send no data with an error: the answer was truncated, and what looks
		// like its status word is data.
		err = fmt.Errorf("%w: %d bytes and %w", ErrExcessResponse, len(resp.Data()), resp.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("READ BINARY: %w", err)
	}
	return resp.Data(), nil
}
