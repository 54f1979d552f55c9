package apdu_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// Faults: F49, F50, F51.
func TestReadObjectRejectsHostileFiles(t *testing.T) {
	for _, tt := range []struct {
		name    string
		content []byte
		err     error
	}{
		{"empty", nil, apdu.ErrBlankFile},
		{"filled with FF", bytes.Repeat([]byte{0xFF}, 2000), apdu.ErrBlankFile},
		{"filled with 00", make([]byte, 2000), apdu.ErrBlankFile},
		{"a tag alone", []byte{0x30}, apdu.ErrMalformedObject},
		{"a tag alone, of several bytes", []byte{0x1F}, apdu.ErrMalformedObject},
		{"a length field of one byte, truncated", []byte{0x30, 0x81}, apdu.ErrMalformedObject},
		{"length truncated", []byte{0x30, 0x82, 0x06}, apdu.ErrMalformedObject},
		{"length truncated, 83", []byte{0x30, 0x83, 0x01, 0x00}, apdu.ErrMalformedObject},
		{"length truncated, 84", []byte{0x30, 0x84, 0x01, 0x00, 0x00}, apdu.ErrMalformedObject},
		{"a header alone", []byte{0x30, 0x82, 0x01, 0x00}, apdu.ErrMalformedObject},
		{"six bytes", []byte{0x30, 0x82, 0x01, 0x00, 0x02, 0x01}, apdu.ErrMalformedObject},
		{"indefinite length", []byte{0x30, 0x80, 0x02, 0x01, 0x05, 0x00, 0x00}, apdu.ErrMalformedObject},
		{"length not in the fewest bytes, 81", []byte{0x30, 0x81, 0x03, 0x02, 0x01, 0x05}, apdu.ErrMalformedObject},
		{"length not in the fewest bytes, 82", []byte{0x30, 0x82, 0x00, 0x80, 0x02}, apdu.ErrMalformedObject},
		{"a single FF", []byte{0xFF}, apdu.ErrBlankFile},
		{"FF and 00, which does not start a tag number", []byte{0xFF, 0x00, 0x01, 0x05}, apdu.ErrBlankFile},
		{"FF and 80, which does not start a tag number", []byte{0xFF, 0x80, 0x10, 0x01, 0x05}, apdu.ErrBlankFile},
		{"a tag of two bytes alone", []byte{0xFF, 0x10}, apdu.ErrMalformedObject},
		{"a tag of two bytes, length truncated", []byte{0xFF, 0x10, 0x82, 0x01}, apdu.ErrMalformedObject},
		{"a tag of two bytes, truncated", []byte{0x7F, 0x81}, apdu.ErrMalformedObject},
		{"a tag of two bytes, file ends before the object", []byte{0xFF, 0x10, 0x0C, '0', '1'}, apdu.ErrMalformedObject},
		{"a tag of two bytes, length not in the fewest bytes", append([]byte{0xFF, 0x40, 0x82, 0x00, 0x9F}, make([]byte, 0x9F)...), apdu.ErrMalformedObject},
		{"a tag of two bytes, longer than the limit", []byte{0xFF, 0x20, 0x82, 0x80, 0x00}, apdu.ErrObjectTooLong},
		{"a tag number that starts with zeros", []byte{0x7F, 0x80, 0x21, 0x01, 0x05}, apdu.ErrMalformedObject},
		{"a tag of four bytes", []byte{0x7F, 0x81, 0x81, 0x01, 0x01, 0x05}, apdu.ErrMalformedObject},
		{"4 GB", []byte{0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, apdu.ErrObjectTooLong},
		{"2 GB, negative where int has 32 bits", []byte{0x30, 0x84, 0x80, 0x00, 0x00, 0x00}, apdu.ErrObjectTooLong},
		{"length in five bytes", []byte{0x30, 0x85, 1, 0, 0, 0, 0}, apdu.ErrObjectTooLong},
		{"length in five bytes, small where int has 32 bits", []byte{0x30, 0x85, 1, 0, 0, 0, 3, 2, 1, 5}, apdu.ErrObjectTooLong},
		{"length in 126 bytes", append([]byte{0x30, 0xFE}, make([]byte, 300)...), apdu.ErrObjectTooLong},
		{"length in 127 bytes, which is reserved", append([]byte{0x30, 0xFF}, make([]byte, 300)...), apdu.ErrObjectTooLong},
		{"64 KB", []byte{0x30, 0x82, 0xFF, 0xFF}, apdu.ErrObjectTooLong},
		{"more than 64 KB", []byte{0x30, 0x83, 0x01, 0x00, 0x00}, apdu.ErrObjectTooLong},
		{"16 MB", []byte{0x30, 0x83, 0xFF, 0xFF, 0xFF}, apdu.ErrObjectTooLong},
		{"the greatest 32-bit int, plus its header", []byte{0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF}, apdu.ErrObjectTooLong},
		{"length not in the fewest bytes, 83", append([]byte{0x30, 0x83, 0x00, 0x01, 0x00}, make([]byte, 300)...), apdu.ErrMalformedObject},
		{"length not in the fewest bytes, 84", append([]byte{0x30, 0x84, 0x00, 0x00, 0x01, 0x00}, make([]byte, 300)...), apdu.ErrMalformedObject},
		{"length of zero, not in the fewest bytes", []byte{0x30, 0x81, 0x00}, apdu.ErrMalformedObject},
		{"longer than the limit", object(40000), apdu.ErrObjectTooLong},
		{"one byte longer than the limit", object(32769), apdu.ErrObjectTooLong},
		{"length not in the fewest bytes, 82 00 FF", append([]byte{0x30, 0x82, 0x00, 0xFF}, make([]byte, 300)...), apdu.ErrMalformedObject},
		{"file ends before the object", object(1700)[:1000], apdu.ErrMalformedObject},
		{"file ends before the object, after a block", object(1700)[:1024], apdu.ErrMalformedObject},
	} {
		for _, extended := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, extended %v", tt.name, extended), func(t *testing.T) {
				card := &file{content: tt.content, extended: extended}
				var options []apdu.Option
				if extended {
					options = append(options, apdu.WithExtendedLengths())
				}
				got, err := apdu.NewChannel(card, options...).ReadObject(context.Background(), 0x0A, 32768)
				require.ErrorIs(t, err, tt.err)
				assert.Nil(t, got)
				assert.LessOrEqual(t, card.longest, 65536)
			})
		}
	}
}

// ReadObject returns an error if a card sends no more data.
//
// Faults: F33, F34, F36.
func TestReadObjectWithoutProgress(t *testing.T) {
	t.Run("no bytes", func(t *testing.T) {
		channel, done := play(t, []step{{"", hexOf(object(300)[:256]) + "9000", nil}, {"", "9000", nil}})
		defer done()
		_, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.ErrorIs(t, err, apdu.ErrMalformedObject)
	})
	t.Run("byte by byte", func(t *testing.T) {
		card := &file{content: object(5000), shortest: 4}
		_, err := apdu.NewChannel(card).ReadObject(context.Background(), 0x0A, 65536)
		require.ErrorIs(t, err, apdu.ErrNoProgress)
		assert.Less(t, len(card.sent), 60)
	})
	for name, tt := range map[string]struct {
		answers []string // to the first READ BINARY, and to what follows
		err     error
	}{
		"9000 without data":       {[]string{"9000", "9000"}, apdu.ErrBlankFile},
		"6282 without data":       {[]string{"6282", "6282"}, apdu.ErrBlankFile},
		"6282 twice":              {[]string{hexOf(object(300)[:256]) + "6282", "6282"}, apdu.ErrMalformedObject},
		"6282, then 6B00":         {[]string{hexOf(object(300)[:256]) + "6282", "6B00"}, apdu.ErrMalformedObject},
		"6B00":                    {[]string{hexOf(object(300)[:256]) + "9000", "6B00"}, apdu.ErrMalformedObject},
		"6281, damaged data":      {[]string{hexOf(object(300)[:256]) + "6281"}, apdu.Status(0x6281)},
		"6281, later":             {[]string{hexOf(object(300)[:256]) + "9000", hexOf(object(300)[256:]) + "6281"}, apdu.Status(0x6281)},
		"61xx, then 6F00":         {[]string{"30036103", "6F00"}, apdu.StatusNoDiagnosis},
		"61xx twice":              {[]string{"6100", "6100"}, apdu.ErrNoProgress},
		"61xx after a full block": {[]string{hexOf(object(300)[:256]) + "6110", hexOf(object(300)[:253]) + "6110"}, apdu.ErrExcessResponse},
	} {
		t.Run(name, func(t *testing.T) {
			var steps []step
			for _, answer := range tt.answers {
				steps = append(steps, step{answer: answer})
			}
			channel, done := play(t, steps)
			got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
			done()
			require.ErrorIs(t, err, tt.err)
			assert.Nil(t, got)
		})
	}
	t.Run("61xx before the rest", func(t *testing.T) {
		channel, done := play(t, []step{{"00B08A0000", "30036103", nil}, {"00C0000003", "0201059000", nil}})
		defer done()
		got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, "3003020105", hexOf(got))
	})
	t.Run("6282 with the rest", func(t *testing.T) {
		channel, done := play(t, []step{{"00B08A0000", "30030201056282", nil}})
		defer done()
		got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.Len(t, got, 5)
	})
}

// ReadObject returns for any file, and returns exactly its first object.
//
// Faults: F49, F50, F51.
func FuzzReadObject(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x05, 0xFF}, byte(0), false)
	f.Add([]byte{0x30, 0x80, 0x00, 0x00}, byte(1), true)
	f.Add([]byte{0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, byte(0), true)
	f.Add(padded(object(700), 9), byte(100), false)
	f.Add([]byte{0xFF, 0x10, 0x02, 0x30, 0x31, 0xFF, 0xFF}, byte(0), false)
	f.Add([]byte{0x7F, 0x81, 0x01, 0x01, 0x00}, byte(1), true)
	f.Fuzz(func(t *testing.T, content []byte, shortest byte, extended bool) {
		card := &file{content: content, shortest: int(shortest), extended: extended}
		got, err := apdu.NewChannel(card, apdu.WithExtendedLengths()).ReadObject(context.Background(), 0x0A, 4096)
		require.LessOrEqual(t, len(card.sent), 80)
		probing := &file{content: content, shortest: int(shortest), extended: extended}
		probed, probeErr := apdu.NewChannel(probing, apdu.WithATR(unhex(t, silentATR))).ReadObject(context.Background(), 0x0A, 4096)
		require.LessOrEqual(t, len(probing.sent), 80)
		require.Equal(t, err == nil, probeErr == nil)
		require.Equal(t, got, probed)
		if err != nil {
			require.Nil(t, got)
			return
		}
		require.LessOrEqual(t, len(got), 4096)
		require.True(t, bytes.HasPrefix(content, got))
		tag := 1
		if got[0]&0x1F == 0x1F {
			for tag = 2; got[tag-1] >= 0x80; tag++ {
			}
		}
		require.NotEqual(t, byte(0x80), got[tag])
		if got[tag] < 0x80 {
			require.Equal(t, tag+1+int(got[tag]), len(got))
		}
	})
}
