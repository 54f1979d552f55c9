package jpki

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

// ErrFullResponse reports that the reader fails on responses of 256 bytes, which is the length of
// every signature of today's cards.
var ErrFullResponse = errors.New("reader fails on responses of 256 bytes")

// ProbeFullResponse tries what a signature will need: an answer of exactly 256 bytes, on which
// some readers fail. It reads the start of the CA certificate in one block and again in two,
// and compares them. It uses no attempt and needs no PIN, so a program finds a failing reader
// before it sends a PIN.
//
// It returns nil if the blocks match, [ErrFullResponse] if they differ or only the smaller blocks
// can be read, [ErrNoCertificate] if the card has no CA certificate, or else the status word or the
// transport's error.
func (a *Application) ProbeFullResponse(ctx context.Context) error {
	const block = apdu.MaxShortNe
	file := a.generation.Authentication.CACertificate
	whole, wholeErr := a.session.Read(ctx, file, block)
	if errors.Is(wholeErr, apdu.StatusFileNotFound) || errors.Is(wholeErr, apdu.StatusWrongOffset) {
		return fmt.Errorf("%w: %w", ErrNoCertificate, wholeErr)
	}
	halves, err := a.session.Read(ctx, file, block/2)
	if err == nil {
		var second []byte
		second, err = a.session.ReadAt(ctx, block/2, block/2)
		halves = append(halves, second...)
	}
	switch {
	case err != nil && wholeErr != nil:
		return fmt.Errorf("probe: %w", wholeErr)
	case err != nil:
		return fmt.Errorf("probe: %w", err)
	case wholeErr != nil:
		return fmt.Errorf("%w: %w", ErrFullResponse, wholeErr)
	case !bytes.Equal(whole, halves):
		return fmt.Errorf("%w: the %d bytes read at once differ from those read in smaller blocks", ErrFullResponse, len(whole))
	}
	return nil
}
