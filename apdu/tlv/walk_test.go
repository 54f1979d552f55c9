package tlv_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

func tags(t *testing.T, b []byte, options ...tlv.Option) (found []tlv.Tag, failed error) {
	t.Helper()
	for e, err := range tlv.All(b, options...) {
		require.NoError(t, failed, "the iteration ends with the error")
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
		{"a length not in the fewest bytes, allowed", "DF21 82 0001 01 DF22 00", []tlv.Option{tlv.AllowLongLengths()}, []tlv.Tag{0xDF21, 0xDF22}, nil},
		{"filler", "DF21 00 FFFF", nil, []tlv.Tag{0xDF21}, tlv.ErrBlank},
		{"zeros", "DF21 00 0000", nil, []tlv.Tag{0xDF21}, tlv.ErrBlank},
		{"filler, skipped", "DF21 00 FFFFFF", []tlv.Option{skip}, []tlv.Tag{0xDF21}, nil},
		{"zeros, skipped", "DF21 00 00", []tlv.Option{skip}, []tlv.Tag{0xDF21}, nil},
		{"one FF, skipped", "DF21 00 FF", []tlv.Option{skip}, []tlv.Tag{0xDF21}, nil},
		{"only filler", "FFFF00", []tlv.Option{skip}, nil, nil},
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
		break // the iterator stops
	}
}

func TestFind(t *testing.T) {
	b := unhex(t, "DF21 01 01  DF22 01 02  DF22 01 03  FF")
	e, err := tlv.Find(b, 0xDF22)
	require.NoError(t, err)
	assert.Equal(t, []byte{2}, e.Value(), "the first")
	assert.Equal(t, unhex(t, "DF22 01 02"), e.Raw())

	_, err = tlv.Find(b, 0xDF23)
	require.ErrorIs(t, err, tlv.ErrBlank, "the filler is not skipped")
	e, err = tlv.Find(b, 0xDF23, tlv.SkipFiller())
	require.ErrorIs(t, err, tlv.ErrNotFound)
	require.ErrorContains(t, err, "DF23")
	assert.Nil(t, e.Raw())
	_, err = tlv.Find(nil, 0xDF23)
	require.ErrorIs(t, err, tlv.ErrNotFound)
}

// nested returns n nested constructed elements.
func nested(t *testing.T, n int) (b []byte) {
	t.Helper()
	for range n {
		var err error
		b, err = tlv.Append(nil, 0x30, b)
		require.NoError(t, err)
	}
	return b
}

// Walk limits the memory and time that a hostile tree takes.
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
		{"as many elements as allowed", bytes.Repeat([]byte{0x04, 0x00}, tlv.MaxElements), tlv.MaxElements, nil},
		{"one element more", bytes.Repeat([]byte{0x04, 0x00}, tlv.MaxElements+1), tlv.MaxElements, tlv.ErrLimit},
		{"as many bytes as allowed", element(t, "04 82 FFFC", tlv.MaxWalkBytes-4), 1, nil},
		{"one byte more", element(t, "04 82 FFFD", tlv.MaxWalkBytes-3), 0, tlv.ErrLimit},
		{"a truncated inner element", unhex(t, "30 03 04 05 01"), 1, tlv.ErrTruncated},
		{"an inner element that exceeds its parent", unhex(t, "30 02 04 01 04 00"), 1, tlv.ErrTruncated},
		{"the value of a primitive element is not read", unhex(t, "04 03 FF0505"), 1, nil},
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
