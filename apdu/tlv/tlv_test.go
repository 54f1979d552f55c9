package tlv_test

import (
	"bytes"
	"encoding/hex"
	"errors"
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

// element is tag and length field in hex, followed by n bytes.
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
		{"an application's tag", "5F4E 01", 0x5F4E, 1},
		{"a private tag", "DF21 02", 0xDF21, 2},
		{"a small number in two bytes", "FF10 0C", 0xFF10, 12},
		{"three bytes of tag", "BF8F01 01", 0xBF8F01, 1},
		{"the greatest number of two bytes", "FF7F 00", 0xFF7F, 0},
		{"the greatest number of three bytes", "FFFE7F 00", 0xFFFE7F, 0},
		{"the longest short length", "30 7F", 0x30, 127},
		{"the shortest long length", "30 81 80", 0x30, 128},
		{"one byte of length", "30 81 FF", 0x30, 255},
		{"two bytes of length", "30 82 0100", 0x30, 256},
		{"the most of two bytes", "30 82 FFFF", 0x30, 65535},
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

// Data that are no element, and lengths that lead out of them.
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
		{"a tag without end", "7F8181818181818181", tlv.ErrMalformed, tlv.ErrMalformed},
		{"a tag number that starts with zeros", "7F8021 01 05", tlv.ErrMalformed, tlv.ErrMalformed},
		{"a tag number of zero in two bytes", "7F00 01 05", tlv.ErrMalformed, tlv.ErrMalformed},
		{"indefinite length", "30 80 020105 0000", tlv.ErrMalformed, tlv.ErrMalformed},
		{"half a length", "30 82 01", tlv.ErrTruncated, tlv.ErrTruncated},
		{"no byte of a long length", "30 84", tlv.ErrTruncated, tlv.ErrTruncated},
		{"a byte too few", "30 03 0201", tlv.ErrTruncated, tlv.ErrTruncated},
		{"far outside", "30 82 FFFF 00", tlv.ErrTruncated, tlv.ErrTruncated},
		{"1 GB", "30 84 40000000", tlv.ErrTruncated, tlv.ErrTruncated},
		{"2 GB, with its header", "30 84 7FFFFFFF", tlv.ErrTooLong, tlv.ErrTooLong},
		{"negative where int has 32 bits", "30 84 80000000", tlv.ErrTooLong, tlv.ErrTooLong},
		{"4 GB", "30 84 FFFFFFFF", tlv.ErrTooLong, tlv.ErrTooLong},
		{"length in five bytes", "30 85 0100000001 05", tlv.ErrTooLong, tlv.ErrTooLong},
		{"length in five bytes, most of them zero", "30 85 0000000001 05", tlv.ErrTooLong, tlv.ErrTooLong},
		{"length in 126 bytes", "30 FE" + strings.Repeat("00", 126), tlv.ErrTooLong, tlv.ErrTooLong},
		{"the reserved length FF", "30 FF" + strings.Repeat("00", 127), tlv.ErrTooLong, tlv.ErrTooLong},
		{"81 00", "30 81 00", tlv.ErrMalformed, nil},
		{"81 03", "30 81 03 020105", tlv.ErrMalformed, nil},
		{"82 00 9F", "FF40 82 009F" + strings.Repeat("AB", 159), tlv.ErrMalformed, nil},
		{"82 00 9F, a byte too few", "FF40 82 009F" + strings.Repeat("AB", 158), tlv.ErrMalformed, tlv.ErrTruncated},
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
				assert.Equal(t, in, e.Raw(), "as written")
				assert.Empty(t, rest)
				total, err := tlv.Length(in[:min(8, len(in))], tlv.AllowLongLengths())
				require.NoError(t, err)
				assert.Equal(t, len(in), total)
			}
		})
	}
}

// Length reads the header only, however long the element says that it is.
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

func tags(t *testing.T, b []byte, options ...tlv.Option) (found []tlv.Tag, failed error) {
	t.Helper()
	for e, err := range tlv.All(b, options...) {
		require.NoError(t, failed, "nothing follows an error")
		if err != nil {
			assert.Nil(t, e.Raw())
			failed = err
			continue
		}
		found = append(found, e.Tag)
	}
	return found, failed
}

func TestAll(t *testing.T) {
	skip := tlv.SkipFiller()
	for _, tt := range []struct {
		name    string
		in      string
		options []tlv.Option
		tags    []tlv.Tag
		err     error
	}{
		{"nothing", "", nil, nil, nil},
		{"three", "DF21 01 01 DF22 00 FF10 01 05", nil, []tlv.Tag{0xDF21, 0xDF22, 0xFF10}, nil},
		{"the second is truncated", "DF21 01 01 DF22 05 01", nil, []tlv.Tag{0xDF21}, tlv.ErrTruncated},
		{"a length not in the fewest bytes", "DF21 81 01 01", nil, nil, tlv.ErrMalformed},
		{"which is accepted", "DF21 82 0001 01 DF22 00", []tlv.Option{tlv.AllowLongLengths()}, []tlv.Tag{0xDF21, 0xDF22}, nil},
		{"filler", "DF21 00 FFFF", nil, []tlv.Tag{0xDF21}, tlv.ErrBlank},
		{"filler of zeros", "DF21 00 0000", nil, []tlv.Tag{0xDF21}, tlv.ErrBlank},
		{"which is skipped", "DF21 00 FFFFFF", []tlv.Option{skip}, []tlv.Tag{0xDF21}, nil},
		{"zeros are skipped", "DF21 00 00", []tlv.Option{skip}, []tlv.Tag{0xDF21}, nil},
		{"one FF is skipped", "DF21 00 FF", []tlv.Option{skip}, []tlv.Tag{0xDF21}, nil},
		{"nothing but filler", "FFFF00", []tlv.Option{skip}, nil, nil},
		{"data after filler", "DF21 00 0000 DF22 00", []tlv.Option{skip}, []tlv.Tag{0xDF21}, tlv.ErrMalformed},
		{"a tag after filler", "DF21 00 FFFF FF10 00", []tlv.Option{skip}, []tlv.Tag{0xDF21}, tlv.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := tags(t, unhex(t, tt.in), tt.options...)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.tags, found)
		})
	}
	for range tlv.All(unhex(t, "DF21 00 DF22 00")) {
		break // ends the iteration
	}
}

func TestFind(t *testing.T) {
	b := unhex(t, "DF21 01 01  DF22 01 02  DF22 01 03  FF")
	e, err := tlv.Find(b, 0xDF22)
	require.NoError(t, err)
	assert.Equal(t, []byte{2}, e.Value(), "the first")
	assert.Equal(t, unhex(t, "DF22 01 02"), e.Raw())

	_, err = tlv.Find(b, 0xDF23)
	require.ErrorIs(t, err, tlv.ErrBlank, "it is not known whether there is one")
	e, err = tlv.Find(b, 0xDF23, tlv.SkipFiller())
	require.ErrorIs(t, err, tlv.ErrNotFound)
	require.ErrorContains(t, err, "DF23")
	assert.Nil(t, e.Raw())
	_, err = tlv.Find(nil, 0xDF23)
	require.ErrorIs(t, err, tlv.ErrNotFound)
}

// nested is a constructed element in another, n levels of them.
func nested(t *testing.T, n int) (b []byte) {
	t.Helper()
	for range n {
		var err error
		b, err = tlv.Append(nil, 0x30, b)
		require.NoError(t, err)
	}
	return b
}

// Trees that take memory or time out of proportion to what they say.
//
// Faults: F52.
func TestWalkIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     []byte
		visits int
		err    error
	}{
		{"nothing", nil, 0, nil},
		{"as deep as allowed", nested(t, tlv.MaxDepth), tlv.MaxDepth, nil},
		{"one level deeper", nested(t, tlv.MaxDepth+1), tlv.MaxDepth, tlv.ErrLimit},
		{"very deep", nested(t, 10_000), tlv.MaxDepth, tlv.ErrLimit},
		{"as many as allowed", bytes.Repeat([]byte{0x04, 0x00}, tlv.MaxElements), tlv.MaxElements, nil},
		{"one more", bytes.Repeat([]byte{0x04, 0x00}, tlv.MaxElements+1), tlv.MaxElements, tlv.ErrLimit},
		{"as many bytes as allowed", element(t, "04 82 FFFC", tlv.MaxWalkBytes-4), 1, nil},
		{"one byte more", element(t, "04 82 FFFD", tlv.MaxWalkBytes-3), 0, tlv.ErrLimit},
		{"damage inside", unhex(t, "30 03 04 05 01"), 1, tlv.ErrTruncated},
		{"an inner element that ends outside", unhex(t, "30 02 04 01 04 00"), 1, tlv.ErrTruncated},
		{"a primitive element's value is no tree", unhex(t, "04 03 FF0505"), 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			visits := 0
			err := tlv.Walk(tt.in, func(depth int, _ tlv.Element) error {
				assert.Less(t, depth, tlv.MaxDepth)
				visits++
				return nil
			})
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.visits, visits)
		})
	}
}

func TestWalk(t *testing.T) {
	type visit struct {
		depth int
		tag   tlv.Tag
	}
	var got []visit
	collect := func(depth int, e tlv.Element) error { got = append(got, visit{depth, e.Tag}); return nil }
	tree := unhex(t, "FF20 82 000A 30 04 DF21 01 05 DF22 01 06 5F37 00 FFFF")
	require.NoError(t, tlv.Walk(tree, collect, tlv.AllowLongLengths(), tlv.SkipFiller()))
	assert.Equal(t, []visit{{0, 0xFF20}, {1, 0x30}, {2, 0xDF21}, {1, 0xDF22}, {0, 0x5F37}}, got)

	require.ErrorIs(t, tlv.Walk(unhex(t, "30 04 04 00 FFFF"), collect, tlv.SkipFiller()), tlv.ErrBlank, "filler in a value")
	stop := errors.New("stop")
	require.ErrorIs(t, tlv.Walk(tree, func(int, tlv.Element) error { return stop }, tlv.AllowLongLengths()), stop)
}

func TestTag(t *testing.T) {
	for tag, text := range map[tlv.Tag]string{0x04: "04", 0x30: "30", 0xFF10: "FF10", 0xBF8F01: "BF8F01"} {
		assert.Equal(t, text, tag.String())
		assert.Equal(t, tag != 0x04, tag.Constructed(), text)
	}
	assert.False(t, tlv.Tag(0x5F37).Constructed())
	assert.False(t, tlv.Tag(0xDF21).Constructed())
}

// What is read strictly encodes to the same bytes; with long lengths it encodes to
// what means the same. Nothing reads outside its slice.
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
