package tlv

import "fmt"

// Tag is a tag, with its encoded bytes as one big-endian number: 0x30, 0xFF10, 0xBF8F01.
type Tag uint32

// maxTag is the length of the longest tag, in bytes: ISO/IEC 7816-4:2020, BER-TLV data objects.
const maxTag = 3

// Constructed reports whether the value of an element with this tag is a sequence of
// elements.
func (t Tag) Constructed() bool {
	for t > 0xFF {
		t >>= 8
	}
	return t&0x20 != 0
}

// String returns the tag in upper-case hexadecimal, as in "FF10".
func (t Tag) String() string { return fmt.Sprintf("%02X", uint32(t)) }

// appendTag appends the tag's bytes. It returns [ErrMalformed] for a tag that readTag
// does not return.
func appendTag(b []byte, t Tag) ([]byte, error) {
	var encoded [4]byte
	n := 0
	for shift := 24; shift >= 0; shift -= 8 {
		if v := byte(t >> shift); v != 0 || n > 0 {
			encoded[n], n = v, n+1
		}
	}
	if read, size, err := readTag(encoded[:n]); err != nil || read != t || size != n {
		return b, fmt.Errorf("%w: %v is not a tag", ErrMalformed, t)
	}
	return append(b, encoded[:n]...), nil
}

// readTag reads the tag at the start of b, and returns it and its length in bytes.
func readTag(b []byte) (t Tag, size int, err error) {
	switch {
	case len(b) == 0, isFiller(b):
		return 0, 0, ErrBlank
	case b[0]&0x1F != 0x1F:
		return Tag(b[0]), 1, nil
	case len(b) > 1 && b[1]&0x7F == 0:
		return 0, 0, fmt.Errorf("%w: tag number starts with zeros", ErrMalformed)
	}
	t = Tag(b[0])
	for n := 1; n < maxTag; n++ {
		if n == len(b) {
			return 0, 0, fmt.Errorf("%w: in the tag", ErrTruncated)
		}
		t = t<<8 | Tag(b[n])
		if b[n] < 0x80 {
			return t, n + 1, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: tag of more than %d bytes", ErrMalformed, maxTag)
}

// isFiller reports whether b, which is not empty, starts with filler: 00, or FF
// that no tag number follows.
func isFiller(b []byte) bool {
	return b[0] == 0x00 || b[0] == 0xFF && (len(b) == 1 || b[1]&0x7F == 0 || b[1] == 0xFF)
}
