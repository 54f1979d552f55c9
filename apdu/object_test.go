package apdu_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// file is a card with one file, which READ BINARY reads.
type file struct {
	content  []byte
	extended bool // extended lengths accepted
	shortest int  // answers are cut to this many bytes, if not 0
	sent     []apdu.Command
	longest  int
}

func (f *file) Transmit(_ context.Context, command []byte) ([]byte, error) {
	c, err := apdu.ParseCommand(command)
	if err != nil || c.INS != 0xB0 || len(c.Data()) > 0 || c.Ne == 0 {
		return nil, fmt.Errorf("not a READ BINARY: %X", command)
	}
	f.sent = append(f.sent, c)
	if c.Extended && !f.extended {
		return []byte{0x67, 0x00}, nil
	}
	offset := int(c.P1)<<8 | int(c.P2)
	if c.P1&0x80 != 0 {
		offset = int(c.P2)
	}
	if offset >= len(f.content) {
		return []byte{0x6B, 0x00}, nil
	}
	block := f.content[offset:min(offset+c.Ne, len(f.content))]
	if f.shortest > 0 {
		block = block[:min(len(block), f.shortest)]
	}
	f.longest = max(f.longest, offset+len(block))
	return append(bytes.Clone(block), 0x90, 0x00), nil
}

// object is a DER SEQUENCE of n bytes in all, n at least 260.
func object(n int) []byte {
	b := filled(n)
	copy(b, []byte{0x30, 0x82, byte((n - 4) >> 8), byte(n - 4)})
	return b
}

func padded(b []byte, n int) []byte { return append(bytes.Clone(b), bytes.Repeat([]byte{0xFF}, n)...) }

// ReadObject returns whole objects, whatever the length of the answers.
//
// Faults: F37, F51.
func TestReadObject(t *testing.T) {
	short := []byte{0x30, 0x03, 0x02, 0x01, 0x05}
	extended := apdu.WithExtendedLengths()
	for _, tt := range []struct {
		name    string
		file    file
		options []apdu.Option
		want    []byte
		reads   int
		upTo    int // last byte of the file that may be read
	}{
		{"in one short block", file{content: short}, nil, short, 1, 5},
		{"an empty object", file{content: padded([]byte{0x30, 0x00}, 300)}, nil, []byte{0x30, 0x00}, 1, 256},
		{"nothing but an empty object", file{content: []byte{0x30, 0x00}}, nil, []byte{0x30, 0x00}, 1, 2},
		{"filler is not returned", file{content: padded(short, 300)}, nil, short, 1, 256},
		{"filler is not read beyond the block", file{content: padded(object(1700), 400)}, nil, object(1700), 7, 1700},
		{"a few bytes more than a block", file{content: object(260)}, nil, object(260), 2, 260},
		{"exactly two blocks", file{content: object(512)}, nil, object(512), 2, 512},
		{"extended, at once", file{content: padded(object(1700), 400), extended: true}, []apdu.Option{extended}, object(1700), 1, 2100},
		{"extended rejected", file{content: object(1700)}, []apdu.Option{extended}, object(1700), 8, 1700},
		{"extended, answers truncated", file{content: object(1700), extended: true, shortest: 1000}, []apdu.Option{extended}, object(1700), 2, 1700},
		{"answers of 200 bytes", file{content: object(1700), shortest: 200}, nil, object(1700), 9, 1700},
		{"answers of 255 bytes", file{content: object(1700), shortest: 255}, nil, object(1700), 7, 1700},
		{"answers of 254 bytes", file{content: object(1700), shortest: 254}, nil, object(1700), 7, 1700},
		{"a last answer of exactly 256 bytes", file{content: object(1536)}, nil, object(1536), 6, 1536},
		{"a last answer of 255 bytes", file{content: object(1535)}, nil, object(1535), 6, 1535},
		{"as long as the limit", file{content: object(32768)}, nil, object(32768), 128, 32768},
		{"a reader that fails on 256 bytes", file{content: object(1700)}, []apdu.Option{apdu.WithReadSize(224)}, object(1700), 8, 1700},
	} {
		t.Run(tt.name, func(t *testing.T) {
			card := tt.file
			got, err := apdu.NewChannel(&card, tt.options...).ReadObject(context.Background(), 0x0A, 32768)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.Len(t, card.sent, tt.reads)
			assert.LessOrEqual(t, card.longest, tt.upTo)
			assert.Equal(t, byte(0x8A), card.sent[0].P1, "first by short file identifier")
		})
	}
}

// The card's other applications have tags of two bytes that start with FF, like
// filler.
//
// Faults: F51.
func TestReadObjectWithALongTag(t *testing.T) {
	long := func(tag ...byte) []byte { return append(append(tag, 0x82, 0x02, 0x58), filled(600)...) }
	for name, object := range map[string][]byte{
		"the individual number": append([]byte{0xFF, 0x10, 0x0C}, "012345678901"...),
		"an empty one":          {0xFF, 0x20, 0x00},
		"of several blocks":     long(0xFF, 0x20),
		"a certificate's":       long(0x7F, 0x21),
		"of three bytes":        long(0xBF, 0x8F, 0x01),
		"a small number":        {0x7F, 0x02, 0x01, 0x05},
	} {
		for _, extended := range []bool{false, true} {
			card := &file{content: padded(object, 2), extended: extended}
			var options []apdu.Option
			if extended {
				options = append(options, apdu.WithExtendedLengths())
			}
			got, err := apdu.NewChannel(card, options...).ReadObject(context.Background(), 0x01, 4096)
			require.NoError(t, err, name)
			assert.Equal(t, object, got, name)
		}
	}
}

// The card's text application has a file with lengths in more bytes than they need.
//
// Faults: F50.
func TestReadObjectWithALongLength(t *testing.T) {
	for name, object := range map[string][]byte{
		"one block":      append([]byte{0xFF, 0x40, 0x82, 0x00, 0x9F}, filled(0x9F)...),
		"several blocks": append([]byte{0xFF, 0x40, 0x84, 0x00, 0x00, 0x02, 0x58}, filled(600)...),
	} {
		card := &file{content: padded(object, 9)}
		_, err := apdu.NewChannel(card).ReadObject(context.Background(), 0x05, 4096)
		require.ErrorIs(t, err, apdu.ErrMalformedObject, name)
		require.ErrorIs(t, err, tlv.ErrMalformed, name)

		got, err := apdu.NewChannel(card).ReadObject(context.Background(), 0x05, 4096, tlv.AllowLongLengths())
		require.NoError(t, err, name)
		assert.Equal(t, object, got, name)

		_, err = apdu.NewChannel(card).ReadObject(context.Background(), 0x05, 100, tlv.AllowLongLengths())
		require.ErrorIs(t, err, apdu.ErrObjectTooLong, name)
	}
}

func TestReadObjectOfTheCurrentFile(t *testing.T) {
	card := &file{content: object(600)}
	got, err := apdu.NewChannel(card).ReadObject(context.Background(), 0, 65536)
	require.NoError(t, err)
	assert.Equal(t, object(600), got)
	assert.Equal(t, byte(0), card.sent[0].P1)
}

func TestExtendedLengthsAreRejectedOnce(t *testing.T) {
	card := &file{content: object(300)}
	channel := apdu.NewChannel(card, apdu.WithExtendedLengths())
	for range 3 {
		_, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
	}
	refused := 0
	for _, c := range card.sent {
		if c.Extended {
			refused++
		}
	}
	assert.Equal(t, 1, refused)
}

func TestReaderWithoutExtendedLengths(t *testing.T) {
	t.Run("short ones work", func(t *testing.T) {
		channel, done := play(t, []step{
			{"00B08A00000000", "", errPulled}, {"00B08A0000", "30030201059000", nil},
		}, apdu.WithExtendedLengths())
		defer done()
		got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, "3003020105", hexOf(got))
	})
	t.Run("not after the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		channel, done := play(t, []step{{"00B08A00000000", "", context.Canceled}}, apdu.WithExtendedLengths())
		defer done()
		cancel()
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("nothing works: the first error is the cause", func(t *testing.T) {
		channel, done := play(t, []step{
			{"00B08A00000000", "", errPulled}, {"00B08A0000", "6A82", nil}, {"00B08A00FD", "", errPulled},
		}, apdu.WithExtendedLengths())
		defer done()
		_, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.ErrorIs(t, err, errPulled)
	})
	t.Run("another status is not a matter of length", func(t *testing.T) {
		channel, done := play(t, []step{{"00B08A00000000", "6982", nil}}, apdu.WithExtendedLengths())
		defer done()
		_, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.ErrorIs(t, err, apdu.StatusSecurityNotSatisfied)
	})
}

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
		{"length alone, of one byte", []byte{0x30, 0x81}, apdu.ErrMalformedObject},
		{"length truncated", []byte{0x30, 0x82, 0x06}, apdu.ErrMalformedObject},
		{"length truncated, 83", []byte{0x30, 0x83, 0x01, 0x00}, apdu.ErrMalformedObject},
		{"length truncated, 84", []byte{0x30, 0x84, 0x01, 0x00, 0x00}, apdu.ErrMalformedObject},
		{"a header and no more", []byte{0x30, 0x82, 0x01, 0x00}, apdu.ErrMalformedObject},
		{"six bytes", []byte{0x30, 0x82, 0x01, 0x00, 0x02, 0x01}, apdu.ErrMalformedObject},
		{"indefinite length", []byte{0x30, 0x80, 0x02, 0x01, 0x05, 0x00, 0x00}, apdu.ErrMalformedObject},
		{"length not in the fewest bytes, 81", []byte{0x30, 0x81, 0x03, 0x02, 0x01, 0x05}, apdu.ErrMalformedObject},
		{"length not in the fewest bytes, 82", []byte{0x30, 0x82, 0x00, 0x80, 0x02}, apdu.ErrMalformedObject},
		{"a single FF", []byte{0xFF}, apdu.ErrBlankFile},
		{"FF and 00, which begins no tag number", []byte{0xFF, 0x00, 0x01, 0x05}, apdu.ErrBlankFile},
		{"FF and 80, which begins no tag number", []byte{0xFF, 0x80, 0x10, 0x01, 0x05}, apdu.ErrBlankFile},
		{"a tag of two bytes alone", []byte{0xFF, 0x10}, apdu.ErrMalformedObject},
		{"a tag of two bytes, length truncated", []byte{0xFF, 0x10, 0x82, 0x01}, apdu.ErrMalformedObject},
		{"a tag of two bytes, truncated", []byte{0x7F, 0x81}, apdu.ErrMalformedObject},
		{"a tag of two bytes, ends before its length", []byte{0xFF, 0x10, 0x0C, '0', '1'}, apdu.ErrMalformedObject},
		{"a tag of two bytes, length not in the fewest bytes", append([]byte{0xFF, 0x40, 0x82, 0x00, 0x9F}, make([]byte, 0x9F)...), apdu.ErrMalformedObject},
		{"a tag of two bytes, longer than the limit", []byte{0xFF, 0x20, 0x82, 0x80, 0x00}, apdu.ErrObjectTooLong},
		{"a tag number that begins with zeros", []byte{0x7F, 0x80, 0x21, 0x01, 0x05}, apdu.ErrMalformedObject},
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
		{"the greatest int of 32 bits, with its header more", []byte{0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF}, apdu.ErrObjectTooLong},
		{"length not in the fewest bytes, 83", append([]byte{0x30, 0x83, 0x00, 0x01, 0x00}, make([]byte, 300)...), apdu.ErrMalformedObject},
		{"length not in the fewest bytes, 84", append([]byte{0x30, 0x84, 0x00, 0x00, 0x01, 0x00}, make([]byte, 300)...), apdu.ErrMalformedObject},
		{"length of zero, not in the fewest bytes", []byte{0x30, 0x81, 0x00}, apdu.ErrMalformedObject},
		{"longer than the limit", object(40000), apdu.ErrObjectTooLong},
		{"one byte longer than the limit", object(32769), apdu.ErrObjectTooLong},
		{"length not in the fewest bytes, 82 00 FF", append([]byte{0x30, 0x82, 0x00, 0xFF}, make([]byte, 300)...), apdu.ErrMalformedObject},
		{"ends before its length", object(1700)[:1000], apdu.ErrMalformedObject},
		{"ends before its length, at a block", object(1700)[:1024], apdu.ErrMalformedObject},
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

// ReadObject stops if a card stops sending data.
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
		"no bytes, at once":          {[]string{"9000", "9000"}, apdu.ErrBlankFile},
		"6282 and no bytes":          {[]string{"6282", "6282"}, apdu.ErrBlankFile},
		"6282, then no more":         {[]string{hexOf(object(300)[:256]) + "6282", "6282"}, apdu.ErrMalformedObject},
		"6282, then past the end":    {[]string{hexOf(object(300)[:256]) + "6282", "6B00"}, apdu.ErrMalformedObject},
		"past the end":               {[]string{hexOf(object(300)[:256]) + "9000", "6B00"}, apdu.ErrMalformedObject},
		"damaged data, as 6281 says": {[]string{hexOf(object(300)[:256]) + "6281"}, apdu.Status(0x6281)},
		"damaged data, later":        {[]string{hexOf(object(300)[:256]) + "9000", hexOf(object(300)[256:]) + "6281"}, apdu.Status(0x6281)},
		"61xx, then 6F00":            {[]string{"30036103", "6F00"}, apdu.StatusNoDiagnosis},
		"61xx without end":           {[]string{"6100", "6100"}, apdu.ErrNoProgress},
		"61xx of a full block":       {[]string{hexOf(object(300)[:256]) + "6110", hexOf(object(300)[:253]) + "6110"}, apdu.ErrExcessResponse},
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
	t.Run("61xx with the rest, which is read once", func(t *testing.T) {
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

func TestReadSizesAreBounded(t *testing.T) {
	for size, want := range map[int]int{-1: 16, 0: 16, 15: 16, 16: 16, 224: 224, 256: 256, 257: 256, 65536: 256} {
		card := &file{content: object(300)}
		_, err := apdu.NewChannel(card, apdu.WithReadSize(size)).ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err, size)
		assert.Equal(t, want, card.sent[0].Ne, size)
	}
}

func TestReadBinaryAddresses(t *testing.T) {
	channel, done := play(t, nil)
	defer done()
	ctx := context.Background()
	for _, read := range []func() ([]byte, error){
		func() ([]byte, error) { return channel.ReadBinary(ctx, -1, 1) },
		func() ([]byte, error) { return channel.ReadBinary(ctx, 0x8000, 1) },
		func() ([]byte, error) { return channel.ReadBinarySFI(ctx, 0x1F, 0, 1) },
		func() ([]byte, error) { return channel.ReadBinarySFI(ctx, 0, 0, 1) },
		func() ([]byte, error) { return channel.ReadBinarySFI(ctx, 1, 256, 1) },
		func() ([]byte, error) { return channel.ReadBinary(ctx, 0, 0) },
		func() ([]byte, error) { return channel.ReadBinary(ctx, 0, 65537) },
		func() ([]byte, error) { return nil, channel.SelectApplication(ctx, nil) },
		func() ([]byte, error) { return nil, channel.SelectApplication(ctx, make([]byte, 17)) },
	} {
		_, err := read()
		assert.ErrorIs(t, err, apdu.ErrAddress)
	}
}

// ReadObject ends for any file, and returns exactly its first object.
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
