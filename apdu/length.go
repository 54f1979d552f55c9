package apdu

import (
	"context"
	"errors"
	"fmt"
)

// A channel reads with the longest lengths that it knows to work. Where a length
// fails it falls back to a shorter one, for the rest of its life:
//
//	extended lengths   declared by the card, set by the caller, or found by a probe
//	256 bytes          the most in short form
//	253 bytes          with its status word, this fits where lengths end at 255

// shortRead is how many bytes a channel asks for after an answer of 256 was lost.
const shortRead = 253

// ErrProbe reports that the connection to the card failed during the probe for extended
// lengths (see [WithATR]), and again at the next command. The card is probably still in the
// reader, and no secret was sent to it. Connecting again and reading with
// [WithShortLengths] avoids the probe.
var ErrProbe = errors.New("connection failed at the probe for extended lengths")

// firstBlock reads the start of a file, as much as the channel's lengths allow. If
// an answer of 256 bytes is lost (by an error, truncated, or reported as an empty
// success), it falls back to 253 bytes.
func (c *Channel) firstBlock(ctx context.Context, sfi byte) ([]byte, error) {
	block, err := c.readStart(ctx, sfi)
	if ctx.Err() != nil || !isLost(block, err) || c.readSize <= shortRead {
		return block, err
	}
	c.refuseExtended()
	c.readSize = shortRead
	short, shortErr := c.readStart(ctx, sfi)
	if isLost(short, shortErr) {
		return block, err // the length is not the cause
	}
	return short, shortErr
}

func (c *Channel) readStart(ctx context.Context, sfi byte) ([]byte, error) {
	ne := max(c.readSize, c.extended)
	if sfi == 0 {
		return c.ReadBinary(ctx, 0, ne)
	}
	return c.ReadBinarySFI(ctx, sfi, 0, ne)
}

// readRest reads up to ne bytes of an object whose first offset bytes were read.
func (c *Channel) readRest(ctx context.Context, offset, ne int) ([]byte, error) {
	if c.mayProbe(offset, ne) {
		return c.probeRest(ctx, offset, ne)
	}
	return c.ReadBinary(ctx, offset, ne)
}

// mayProbe reports whether the rest of an object may be read by a probe: see
// [WithATR]. The first block must have arrived whole, so that card and reader are
// known to carry 256 bytes, and the probe must save a command.
func (c *Channel) mayProbe(offset, ne int) bool {
	return c.probe && !c.secretSent && c.readSize == MaxShortNe &&
		offset >= MaxShortNe && offset <= maxOffset && ne > max(c.readSize, c.extended)
}

// probeRest asks for ne bytes with an extended length. If they don't arrive it
// reads in short form, and never probes again.
func (c *Channel) probeRest(ctx context.Context, offset, ne int) ([]byte, error) {
	// Neither 61xx nor 6Cxx is followed, so that a failure costs one command.
	data, err := readResponse(c.once(ctx, Command{INS: InsReadBinary, P1: byte(offset >> 8), P2: byte(offset), Ne: ne, Extended: true}))
	if err == nil && len(data) > c.readSize {
		c.extended = max(c.extended, len(data))
		return data, nil
	}
	c.refuseExtended()
	if err == nil && len(data) > 0 || ctx.Err() != nil || errors.Is(err, ErrRemoved) {
		return data, err
	}
	short, shortErr := c.ReadBinary(ctx, offset, ne)
	if answered(err) || answered(shortErr) || ctx.Err() != nil {
		return short, shortErr
	}
	// A reader that breaks the connection may report the card as removed.
	if errors.Is(shortErr, ErrRemoved) {
		return nil, fmt.Errorf("%w: %w; then: %v", ErrProbe, err, shortErr)
	}
	return nil, fmt.Errorf("%w: %w; then: %w", ErrProbe, err, shortErr)
}

// answered reports whether the card answered a command with a status word.
func answered(err error) bool { return err == nil || errors.As(err, new(Status)) }

// refuseExtended falls back to short form.
func (c *Channel) refuseExtended() { c.extended, c.probe = 0, false }

// isLost reports whether an answer did not arrive whole.
func isLost(block []byte, err error) bool {
	if err == nil {
		return len(block) == 0
	}
	return !answered(err) && !errors.Is(err, ErrNoProgress) || errors.Is(err, ErrExcessResponse)
}
