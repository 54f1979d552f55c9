package tlv_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// element returns an element: the header in hex, followed by n bytes.
func element(t testing.TB, header string, n int) []byte {
	return append(unhex(t, header), bytes.Repeat([]byte{0xAB}, n)...)
}

func TestReadAndAppend(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header string
		tag    tlv.Tag
		length int
	}{
		{"one byte of tag", "30 03", 0x30, 3},
		{"no value", "04 00", 0x04, 0},
		{"two bytes of tag", "7F21 03", 0x7F21, 3},
		{"a tag of class application", "5F4E 01", 0x5F4E, 1},
		{"a tag of class private", "DF21 02", 0xDF21, 2},
		{"a small tag number in two bytes", "FF10 0C", 0xFF10, 12},
		{"three bytes of tag", "BF8F01 01", 0xBF8F01, 1},
		{"the greatest tag of two bytes", "FF7F 00", 0xFF7F, 0},
		{"the greatest tag of three bytes", "FFFE7F 00", 0xFFFE7F, 0},
		{"the greatest length of short form", "30 7F", 0x30, 127},
		{"the smallest length of long form", "30 81 80", 0x30, 128},
		{"one byte of length", "30 81 FF", 0x30, 255},
		{"two bytes of length", "30 82 0100", 0x30, 256},
		{"the greatest length of two bytes", "30 82 FFFF", 0x30, 65535},
		{"three bytes of length", "30 83 010000", 0x30, 65536},
		{"four bytes of length", "30 84 01000000", 0x30, 1 << 24},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := element(t, tt.header, tt.length)
			e, rest, err := tlv.Read(append(bytes.Clone(raw), 0xFF, 0xFF))
			require.NoError(t, err)
			assert.Equal(t, tt.tag, e.Tag)
			assert.Len(t, e.Value(), tt.length)
			assert.True(t, bytes.Equal(raw, e.Raw()))
			assert.Equal(t, []byte{0xFF, 0xFF}, rest)

			total, err := tlv.Length(unhex(t, tt.header))
			require.NoError(t, err)
			assert.Equal(t, len(raw), total)

			encoded, err := tlv.Append([]byte("before"), e.Tag, e.Value())
			require.NoError(t, err)
			assert.True(t, bytes.Equal(append([]byte("before"), raw...), encoded))
		})
	}
}

// Read rejects data that are not an element, and lengths that exceed the data.
//
// Faults: F49, F50.
func TestReadRejectsHostileElements(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		err      error
		long     error // with AllowLongLengths
	}{
		{"nothing", "", tlv.ErrBlank, tlv.ErrBlank},
		{"00", "00 00", tlv.ErrBlank, tlv.ErrBlank},
		{"FF", "FF", tlv.ErrBlank, tlv.ErrBlank},
		{"FF FF", "FFFF 01 05", tlv.ErrBlank, tlv.ErrBlank},
		{"FF 00", "FF00 01 05", tlv.ErrBlank, tlv.ErrBlank},
		{"FF 80", "FF80 10 01 05", tlv.ErrBlank, tlv.ErrBlank},
		{"a tag alone", "30", tlv.ErrTruncated, tlv.ErrTruncated},
		{"half a tag", "7F", tlv.ErrTruncated, tlv.ErrTruncated},
		{"two thirds of a tag", "7F81", tlv.ErrTruncated, tlv.ErrTruncated},
		{"a tag of two bytes alone", "FF10", tlv.ErrTruncated, tlv.ErrTruncated},
		{"a tag of four bytes", "7F818101 01 05", tlv.ErrMalformed, tlv.ErrMalformed},
		{"a tag of eight bytes", "7F8181818181818181", tlv.ErrMalformed, tlv.ErrMalformed},
		{"a tag number that starts with zeros", "7F8021 01 05", tlv.ErrMalformed, tlv.ErrMalformed},
		{"a tag number of zero in two bytes", "7F00 01 05", tlv.ErrMalformed, tlv.ErrMalformed},
		{"indefinite length", "30 80 020105 0000", tlv.ErrMalformed, tlv.ErrMalformed},
		{"half a length", "30 82 01", tlv.ErrTruncated, tlv.ErrTruncated},
		{"a length field of one byte, truncated", "30 84", tlv.ErrTruncated, tlv.ErrTruncated},
		{"one byte too few", "30 03 0201", tlv.ErrTruncated, tlv.ErrTruncated},
		{"a length far beyond the data", "30 82 FFFF 00", tlv.ErrTruncated, tlv.ErrTruncated},
		{"1 GB", "30 84 40000000", tlv.ErrTruncated, tlv.ErrTruncated},
		{"2 GB, plus its header", "30 84 7FFFFFFF", tlv.ErrTooLong, tlv.ErrTooLong},
		{"negative where int has 32 bits", "30 84 80000000", tlv.ErrTooLong, tlv.ErrTooLong},
		{"4 GB", "30 84 FFFFFFFF", tlv.ErrTooLong, tlv.ErrTooLong},
		{"length in five bytes", "30 85 0100000001 05", tlv.ErrTooLong, tlv.ErrTooLong},
		{"length in five bytes, most of them zero", "30 85 0000000001 05", tlv.ErrTooLong, tlv.ErrTooLong},
		{"length in 126 bytes", "30 FE" + strings.Repeat("00", 126), tlv.ErrTooLong, tlv.ErrTooLong},
		{"the reserved length FF", "30 FF" + strings.Repeat("00", 127), tlv.ErrTooLong, tlv.ErrTooLong},
		{"81 00", "30 81 00", tlv.ErrMalformed, nil},
		{"81 03", "30 81 03 020105", tlv.ErrMalformed, nil},
		{"82 00 9F", "FF40 82 009F" + strings.Repeat("AB", 159), tlv.ErrMalformed, nil},
		{"82 00 9F, one byte too few", "FF40 82 009F" + strings.Repeat("AB", 158), tlv.ErrMalformed, tlv.ErrTruncated},
		{"83 00 01 00", "30 83 000100" + strings.Repeat("AB", 256), tlv.ErrMalformed, nil},
		{"84 00 00 00 01", "30 84 00000001 05", tlv.ErrMalformed, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := unhex(t, tt.in)
			e, rest, err := tlv.Read(in)
			require.ErrorIs(t, err, tt.err)
			assert.Zero(t, e.Tag)
			assert.Nil(t, e.Raw())
			assert.Nil(t, rest)

			e, rest, err = tlv.Read(in, tlv.AllowLongLengths())
			require.ErrorIs(t, err, tt.long)
			if tt.long == nil {
				assert.Equal(t, in, e.Raw(), "as read")
				assert.Empty(t, rest)
				total, err := tlv.Length(in[:min(8, len(in))], tlv.AllowLongLengths())
				require.NoError(t, err)
				assert.Equal(t, len(in), total)
			}
		})
	}
}

// Length reads the header only, whatever length it contains.
func TestLengthOfAPrefix(t *testing.T) {
	for n := range 5 {
		_, err := tlv.Length(unhex(t, "7F21 82 1234")[:n])
		if n == 0 {
			assert.ErrorIs(t, err, tlv.ErrBlank)
		} else {
			assert.ErrorIs(t, err, tlv.ErrTruncated, n)
		}
	}
	total, err := tlv.Length(unhex(t, "7F21 82 1234"))
	require.NoError(t, err)
	assert.Equal(t, 5+0x1234, total)

	total, err = tlv.Length(unhex(t, "BF8F01 84 7FFFFFF7"))
	require.NoError(t, err)
	assert.Equal(t, tlv.MaxLength, total)
	_, err = tlv.Length(unhex(t, "BF8F01 84 7FFFFFF8"))
	assert.ErrorIs(t, err, tlv.ErrTooLong)
}

func TestAppendRejectsInvalidTags(t *testing.T) {
	for _, tag := range []tlv.Tag{0, 0x1F, 0xFF, 0x3001, 0x7F00, 0x7F80, 0x7F81, 0x7F8021, 0x7F2101, 0xFFFF, 0xFFFF01, 0x7F818101, 0xFFFFFFFF} {
		b, err := tlv.Append([]byte{1}, tag, nil)
		require.ErrorIs(t, err, tlv.ErrMalformed, tag)
		assert.Equal(t, []byte{1}, b)
	}
}

func TestTag(t *testing.T) {
	for tag, text := range map[tlv.Tag]string{0x04: "04", 0x30: "30", 0xFF10: "FF10", 0xBF8F01: "BF8F01"} {
		assert.Equal(t, text, tag.String())
		assert.Equal(t, tag != 0x04, tag.Constructed(), text)
	}
	assert.False(t, tlv.Tag(0x5F37).Constructed())
	assert.False(t, tlv.Tag(0xDF21).Constructed())
}

// By default, an element that Read accepts encodes to the same bytes. With long lengths
// it encodes to an element with the same tag and value. No function reads outside its
// slice.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "30 03 020105 FF", "FF10 0C 303132333435363738393031", "FF40 82 009F", "7F21 81 80", "BF8F01 00",
		"30 84 FFFFFFFF", "30 80 0000", "7F818101 01 05", "FFFF10", "30 30 30 30 30",
	} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		b = b[:len(b):len(b)]
		long, longRest, longErr := tlv.Read(b, tlv.AllowLongLengths())
		e, rest, err := tlv.Read(b)
		if err == nil {
			require.NoError(t, longErr)
			require.Equal(t, long.Raw(), e.Raw())
			require.Equal(t, b, append(bytes.Clone(e.Raw()), rest...))
			encoded, err := tlv.Append(nil, e.Tag, e.Value())
			require.NoError(t, err)
			require.Equal(t, e.Raw(), encoded)
		}
		if longErr == nil {
			require.Equal(t, b, append(bytes.Clone(long.Raw()), longRest...))
			total, err := tlv.Length(b, tlv.AllowLongLengths())
			require.NoError(t, err)
			require.Len(t, long.Raw(), total)
			encoded, err := tlv.Append(nil, long.Tag, long.Value())
			require.NoError(t, err)
			require.LessOrEqual(t, len(encoded), total)
			again, none, err := tlv.Read(encoded)
			require.NoError(t, err)
			require.Empty(t, none)
			require.Equal(t, long.Tag, again.Tag)
			require.Equal(t, long.Value(), again.Value())
		} else {
			require.Error(t, err)
			require.Nil(t, long.Raw())
		}
		read := 0
		for e, err := range tlv.All(b, tlv.AllowLongLengths()) {
			if err == nil {
				require.Equal(t, b[read:read+len(e.Raw())], e.Raw())
				read += len(e.Raw())
			}
		}
		visits := 0
		_ = tlv.Walk(b, func(int, tlv.Element) error { visits++; return nil }, tlv.AllowLongLengths(), tlv.SkipFiller())
		require.LessOrEqual(t, visits, tlv.MaxElements)
	})
}
