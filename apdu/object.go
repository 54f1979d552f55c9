package apdu

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// Errors of [Channel.ReadObject]. The last two wrap the error of package tlv, if
// that found the cause.
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
// header included. It ignores filler after the object. The limit is in bytes, at
// most 65536; a longer object is rejected after the first block.
//
// The object's header must be strict, as in DER, unless an option says otherwise:
// see [tlv.AllowLongLengths].
//
// ReadObject returns [ErrBlankFile], [ErrMalformedObject], [ErrObjectTooLong],
// [ErrNoProgress], a [Status], or the transmitter's error. In short
// form it returns [ErrAddress] for an object that reaches beyond offset 32767.
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
		block, err := c.ReadBinary(ctx, len(object), total-len(object))
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

// firstBlock reads as much of a file's start as the channel's form allows. Where a
// reader loses answers of 256 bytes, it is here that it shows: by an error, by an
// answer that was cut, or by none that is reported as success.
func (c *Channel) firstBlock(ctx context.Context, sfi byte) ([]byte, error) {
	block, err := c.start(ctx, sfi)
	if ctx.Err() != nil || !lost(block, err) || !c.shrink() {
		return block, err
	}
	small, smallErr := c.start(ctx, sfi)
	if lost(small, smallErr) {
		return block, err // for another reason than length
	}
	return small, smallErr
}

func (c *Channel) start(ctx context.Context, sfi byte) ([]byte, error) {
	ne := c.readSize
	if c.extended {
		ne = MaxExtendedNe // "whatever there is", as published programs ask
	}
	if sfi == 0 {
		return c.ReadBinary(ctx, 0, ne)
	}
	return c.ReadBinarySFI(ctx, sfi, 0, ne)
}

// lost tells an answer that did not arrive whole from one that says something.
func lost(block []byte, err error) bool {
	var status Status
	if err == nil {
		return len(block) == 0
	}
	return !errors.As(err, &status) && !errors.Is(err, ErrNoProgress) || errors.Is(err, ErrExcessResponse)
}
