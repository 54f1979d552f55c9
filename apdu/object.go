package apdu

import (
	"context"
	"errors"
	"fmt"
)

// Files that hold no whole DER object.
var (
	// ErrBlankFile is a file without content: nothing, or filler (00, or FF that
	// begins no tag) where an object's tag should be.
	ErrBlankFile = errors.New("blank file")
	// ErrMalformedObject is an object whose header is not DER, or that ends
	// before the length in its header.
	ErrMalformedObject = errors.New("malformed DER object")
	// ErrObjectTooLong is an object longer than the caller's limit.
	ErrObjectTooLong = errors.New("DER object too long")
)

// ReadObject reads the one DER object that starts the file with the short file
// identifier sfi (0: the current file) and returns its bytes, header included.
// Its tag may have up to three bytes. Its length is taken from its header; filler after it is neither read beyond
// the block in flight nor returned. An object longer than limit bytes is
// refused before more than one block of it was read.
//
// It fails with [ErrBlankFile], [ErrMalformedObject], [ErrObjectTooLong] or
// [ErrNoProgress], with a [Status], or with the transmitter's error; in short
// form with [ErrAddress] on an object that reaches beyond offset 32767.
func (c *Channel) ReadObject(ctx context.Context, sfi byte, limit int) ([]byte, error) {
	limit = min(limit, MaxExtendedNe)
	object, err := c.firstBlock(ctx, sfi)
	if errors.Is(err, StatusWrongOffset) {
		return nil, fmt.Errorf("%w: %w", ErrBlankFile, err) // an empty file has no offset 0
	}
	if err != nil {
		return nil, err
	}
	total, err := objectLength(object)
	if err != nil {
		return nil, err
	}
	if total > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrObjectTooLong, total, limit)
	}

	// Twice the rounds that full blocks take: a card may answer in shorter
	// ones, but not byte by byte for ever.
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

// firstBlock reads as much of a file's start as the channel's form allows. Where a
// reader loses answers of 256 bytes, it is here that it shows: by an error, by an
// answer that was cut, or by none that is reported as success.
func (c *Channel) firstBlock(ctx context.Context, sfi byte) ([]byte, error) {
	c.chosen()
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

// objectLength returns the length of the DER object that starts b, header
// included: ITU-T X.690 §8.1.2, §8.1.3 and §10.1 (definite, and in the fewest
// bytes). b needs to hold the header only.
func objectLength(b []byte) (int, error) {
	tag, err := tagLength(b)
	if err != nil {
		return 0, err
	}
	b = b[tag:]
	if len(b) == 0 {
		return 0, fmt.Errorf("%w: header cut off", ErrMalformedObject)
	}
	if b[0] < 0x80 {
		return tag + 1 + int(b[0]), nil
	}
	size := int(b[0] & 0x7F)
	switch {
	case size == 0:
		return 0, fmt.Errorf("%w: indefinite length", ErrMalformedObject)
	case size > 4:
		return 0, fmt.Errorf("%w: length in %d bytes", ErrObjectTooLong, size)
	case len(b) < 1+size:
		return 0, fmt.Errorf("%w: header cut off", ErrMalformedObject)
	}
	var n uint64
	for _, v := range b[1 : 1+size] {
		n = n<<8 | uint64(v)
	}
	switch {
	case n < 0x80 || n < 1<<(8*(size-1)):
		return 0, fmt.Errorf("%w: length not in the fewest bytes", ErrMalformedObject)
	case n > MaxExtendedNe:
		return 0, fmt.Errorf("%w: %d bytes", ErrObjectTooLong, n)
	}
	return tag + 1 + size + int(n), nil
}

// maxTag is the longest tag of ISO/IEC 7816-4, in bytes.
const maxTag = 3

// tagLength returns the length of the tag that starts b. A tag number may be small
// enough for one byte and stand in two, as in the card's other applications, where
// FF10 is one; FF that no tag number follows is filler.
func tagLength(b []byte) (int, error) {
	switch {
	case len(b) == 0, b[0] == 0x00, b[0] == 0xFF && (len(b) == 1 || b[1]&0x7F == 0 || b[1] == 0xFF):
		return 0, ErrBlankFile
	case b[0]&0x1F != 0x1F:
		return 1, nil
	case len(b) > 1 && b[1]&0x7F == 0:
		return 0, fmt.Errorf("%w: tag number that begins with zeros", ErrMalformedObject)
	}
	for n := 2; n <= maxTag; n++ {
		switch {
		case len(b) < n:
			return 0, fmt.Errorf("%w: header cut off", ErrMalformedObject)
		case b[n-1] < 0x80:
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: tag of more than %d bytes", ErrMalformedObject, maxTag)
}
