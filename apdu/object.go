package apdu

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// Errors of [Channel.ReadObject]. The last two wrap the error of package tlv, if it
// caused them.
var (
	// ErrBlankFile reports a file without content: it is empty, or it has filler
	// where an object should start.
	ErrBlankFile = errors.New("blank file")
	// ErrMalformedObject reports an object with an invalid header, or one that is
	// longer than its file.
	ErrMalformedObject = errors.New("malformed object")
	// ErrObjectTooLong reports an object longer than the caller's limit.
	ErrObjectTooLong = errors.New("object too long")
)

// ReadObject reads the TLV object at the start of the file with the short file
// identifier sfi, or of the current file if sfi is 0, and returns its bytes,
// header included. It ignores whatever follows the object. The limit is in bytes, at
// most 65536; a longer object is rejected after the first block.
//
// The object's length must be encoded in the fewest bytes, as in DER, unless
// [tlv.AllowLongLengths] is given.
//
// ReadObject returns [ErrBlankFile], [ErrMalformedObject], [ErrObjectTooLong],
// [ErrProbe], an error of the protocol ([ErrShortResponse], [ErrExcessResponse],
// [ErrNoProgress]), a [Status], or the transmitter's error. It returns [ErrAddress] if
// sfi is out of range and, in short form, for an object that reaches beyond offset 32767.
func (c *Channel) ReadObject(ctx context.Context, sfi byte, limit int, options ...tlv.Option) ([]byte, error) {
	limit = min(limit, MaxExtendedNe)
	object, err := c.firstBlock(ctx, sfi)
	if errors.Is(err, StatusWrongOffset) {
		return nil, fmt.Errorf("%w: %w", ErrBlankFile, err) // an empty file has no offset 0
	}
	if err != nil {
		return nil, err
	}
	total, err := tlv.Length(object, options...)
	if err != nil {
		return nil, objectError(err)
	}
	if total > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrObjectTooLong, total, limit)
	}

	// The card may answer with less than was asked for, but must not take more than
	// twice the rounds that full blocks take.
	for round := 0; len(object) < total; round++ {
		if round == 2*(total/c.readSize)+8 {
			return nil, fmt.Errorf("%w: %d of %d bytes", ErrNoProgress, len(object), total)
		}
		block, err := c.readRest(ctx, len(object), total-len(object))
		if errors.Is(err, StatusWrongOffset) || err == nil && len(block) == 0 {
			return nil, fmt.Errorf("%w: ends after %d of %d bytes", ErrMalformedObject, len(object), total)
		}
		if err != nil {
			return nil, err
		}
		object = append(object, block...)
	}
	return object[:total:total], nil
}

// objectError wraps an error of package tlv in the matching error of this package.
func objectError(err error) error {
	switch {
	case errors.Is(err, tlv.ErrBlank):
		return ErrBlankFile
	case errors.Is(err, tlv.ErrTooLong):
		return fmt.Errorf("%w: %w", ErrObjectTooLong, err)
	default:
		return fmt.Errorf("%w: %w", ErrMalformedObject, err)
	}
}
