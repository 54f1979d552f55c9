package tlv

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mykeykit/mykeykit/internal/hidden"
)

// MaxLength is the greatest length of an element, header included, on every
// platform.
const MaxLength = 1<<31 - 1

// Errors of reading and writing.
var (
	// ErrBlank reports that there is no element: the data is empty or starts with filler.
	ErrBlank = errors.New("no TLV element")
	// ErrMalformed reports a tag or length that the encoding does not allow.
	ErrMalformed = errors.New("malformed TLV element")
	// ErrTruncated reports that the data ends inside an element.
	ErrTruncated = errors.New("truncated TLV element")
	// ErrTooLong reports a length encoded in more than four bytes, or an element longer
	// than MaxLength.
	ErrTooLong = errors.New("TLV element too long")
	// ErrNotFound reports that no element has the tag.
	ErrNotFound = errors.New("no TLV element with this tag")
	// ErrLimit reports data that exceeds MaxDepth, MaxElements or MaxWalkBytes.
	ErrLimit = errors.New("TLV data exceeds a limit")
)

// Element is one data object. Its zero value has neither tag nor value.
type Element struct {
	Tag Tag

	raw    hidden.Value[[]byte]
	header int // length of tag and length field
}

// Value returns the element's value.
func (e Element) Value() []byte { return e.raw.Reveal()[e.header:] }

// Raw returns the whole element, header included, as it was read.
func (e Element) Raw() []byte { return e.raw.Reveal() }

// String returns the tag and the length of the value, as in "FF10 [12 bytes]".
func (e Element) String() string {
	unit := "bytes"
	if len(e.Value()) == 1 {
		unit = "byte"
	}
	return fmt.Sprintf("%v [%d %s]", e.Tag, len(e.Value()), unit)
}

// Format prints [Element.String] for every verb and flag.
func (e Element) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.String()) }

// LogValue implements [slog.LogValuer] with [Element.String].
func (e Element) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MarshalJSON writes [Element.String]. It can't be read back.
func (e Element) MarshalJSON() ([]byte, error) { return json.Marshal(e.String()) }

// Option changes which encodings are accepted.
type Option func(*rules)

type rules struct{ longLengths, filler bool }

func newRules(options []Option) (r rules) {
	for _, option := range options {
		option(&r)
	}
	return r
}

// AllowLongLengths accepts lengths that are not encoded in the fewest bytes, as in 82 00 9F for
// 159. Some files of the My Number Card's text application (券面事項入力補助AP) have such lengths
// (observed in published test data).
func AllowLongLengths() Option { return func(r *rules) { r.longLengths = true } }

// SkipFiller has [All], [Find] and [Walk] accept filler after the last element. After
// the first byte of filler, only 00 and FF may follow.
func SkipFiller() Option { return func(r *rules) { r.filler = true } }

// Length returns the length of the element that starts with prefix, header included. The prefix
// needs to hold the header only, which has at most 8 bytes. If the header continues after the
// prefix, Length returns [ErrTruncated]. The byte FF alone counts as filler ([ErrBlank]), so pass
// at least two bytes.
//
// The length comes from the card. Check it against a limit before reading that many
// bytes.
func Length(prefix []byte, options ...Option) (int, error) {
	_, _, total, err := newRules(options).header(prefix)
	return total, err
}

// Read reads the element at the start of b, and returns it and the rest of b.
// It returns [ErrBlank] if b is empty or starts with filler.
func Read(b []byte, options ...Option) (e Element, rest []byte, err error) {
	return newRules(options).read(b)
}

func (r rules) read(b []byte) (e Element, rest []byte, err error) {
	tag, header, total, err := r.header(b)
	if err != nil {
		return Element{}, nil, err
	}
	if total > len(b) {
		return Element{}, nil, fmt.Errorf("%w: element %v of %d bytes, %d left", ErrTruncated, tag, total, len(b))
	}
	return Element{Tag: tag, raw: hidden.New(b[:total:total]), header: header}, b[total:], nil
}

// header reads the tag and the length field at the start of b: ITU-T X.690 §8.1.2, §8.1.3
// and, for the fewest bytes, §10.1. It returns the lengths of the header and of the
// whole element.
func (r rules) header(b []byte) (tag Tag, header, total int, err error) {
	tag, at, err := readTag(b)
	if err != nil {
		return 0, 0, 0, err
	}
	b = b[at:]
	if len(b) == 0 {
		return 0, 0, 0, fmt.Errorf("%w: before the length", ErrTruncated)
	}
	if b[0] < 0x80 {
		return tag, at + 1, at + 1 + int(b[0]), nil
	}
	size := int(b[0] & 0x7F)
	switch {
	case size == 0:
		return 0, 0, 0, fmt.Errorf("%w: indefinite length", ErrMalformed)
	case size > 4:
		return 0, 0, 0, fmt.Errorf("%w: length in %d bytes", ErrTooLong, size)
	case len(b) < 1+size:
		return 0, 0, 0, fmt.Errorf("%w: in the length", ErrTruncated)
	}
	var n uint64
	for _, v := range b[1 : 1+size] {
		n = n<<8 | uint64(v)
	}
	header = at + 1 + size
	switch {
	case !r.longLengths && (n < 0x80 || n < 1<<(8*(size-1))):
		return 0, 0, 0, fmt.Errorf("%w: length not in the fewest bytes", ErrMalformed)
	case n > uint64(MaxLength-header):
		return 0, 0, 0, fmt.Errorf("%w: %d bytes of value", ErrTooLong, n)
	}
	return tag, header, header + int(n), nil
}

// Append appends the element with tag and value to b, with its length in the
// fewest bytes. It returns [ErrMalformed] for a tag that [Read] would not return
// and [ErrTooLong] for an element longer than [MaxLength]; b is then unchanged.
func Append(b []byte, tag Tag, value []byte) ([]byte, error) {
	if len(value) > MaxLength-2*maxTag-2 {
		return b, fmt.Errorf("%w: %d bytes of value", ErrTooLong, len(value))
	}
	encoded, err := appendTag(b, tag)
	if err != nil {
		return b, err
	}
	switch n := len(value); {
	case n < 0x80:
		encoded = append(encoded, byte(n))
	case n <= 0xFF:
		encoded = append(encoded, 0x81, byte(n))
	case n <= 0xFFFF:
		encoded = append(encoded, 0x82, byte(n>>8), byte(n))
	case n <= 0xFFFFFF:
		encoded = append(encoded, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		encoded = append(encoded, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(encoded, value...), nil
}
