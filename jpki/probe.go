package jpki

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

// ErrExchange: the reader does not carry an answer of 256 bytes, which every
// signature of a card of today has.
var ErrExchange = errors.New("reader does not carry answers of 256 bytes")

// ProbeExchange tries what a signature will need: an answer of exactly 256
// bytes, on which some readers fail. It reads the start of the authority's
// certificate in one block and again in two, and compares. It costs no try and
// needs no PIN, so a failing reader is found before a PIN is spent on it.
//
// It fails with [ErrExchange] if only the smaller blocks pass, with
// [ErrNoCertificate] on a card that has nothing to read, and otherwise with
// the status word or the transmitter's error.
func (a *Application) ProbeExchange(ctx context.Context) error {
	const block = apdu.MaxShortNe
	whole, wholeErr := a.readFile(ctx, efAuthCA, block)
	if errors.Is(wholeErr, apdu.StatusFileNotFound) || errors.Is(wholeErr, apdu.StatusWrongOffset) {
		return fmt.Errorf("%w: %w", ErrNoCertificate, wholeErr)
	}
	halves, err := a.readFile(ctx, efAuthCA, block/2)
	if err == nil {
		var second []byte
		second, err = a.channel.ReadBinary(ctx, block/2, block/2)
		halves = append(halves, second...)
	}
	switch {
	case err != nil && wholeErr != nil:
		return fmt.Errorf("probe: %w", wholeErr)
	case err != nil:
		return fmt.Errorf("probe: %w", err)
	case wholeErr != nil:
		return fmt.Errorf("%w: %w", ErrExchange, wholeErr)
	case !bytes.Equal(whole, halves):
		return fmt.Errorf("%w: %d bytes came, and not those of the smaller blocks", ErrExchange, len(whole))
	}
	return nil
}
