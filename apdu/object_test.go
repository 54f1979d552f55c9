package apdu_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// ReadObject returns whole objects for responses of any length.
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
		upTo    int // number of bytes of the file that may be read
	}{
		{"one short block", file{content: short}, nil, short, 1, 5},
		{"an empty object", file{content: padded([]byte{0x30, 0x00}, 300)}, nil, []byte{0x30, 0x00}, 1, 256},
		{"an empty object without filler", file{content: []byte{0x30, 0x00}}, nil, []byte{0x30, 0x00}, 1, 2},
		{"filler is not returned", file{content: padded(short, 300)}, nil, short, 1, 256},
		{"filler after the last block is not read", file{content: padded(object(1700), 400)}, nil, object(1700), 7, 1700},
		{"a few bytes longer than a block", file{content: object(260)}, nil, object(260), 2, 260},
		{"exactly two blocks", file{content: object(512)}, nil, object(512), 2, 512},
		{"extended, one command", file{content: padded(object(1700), 400), extended: true}, []apdu.Option{extended}, object(1700), 1, 2100},
		{"extended rejected", file{content: object(1700)}, []apdu.Option{extended}, object(1700), 8, 1700},
		{"extended, responses of 1000 bytes", file{content: object(1700), extended: true, shortest: 1000}, []apdu.Option{extended}, object(1700), 2, 1700},
		{"responses of 200 bytes", file{content: object(1700), shortest: 200}, nil, object(1700), 9, 1700},
		{"responses of 255 bytes", file{content: object(1700), shortest: 255}, nil, object(1700), 7, 1700},
		{"responses of 254 bytes", file{content: object(1700), shortest: 254}, nil, object(1700), 7, 1700},
		{"a last response of 256 bytes", file{content: object(1536)}, nil, object(1536), 6, 1536},
		{"a last response of 255 bytes", file{content: object(1535)}, nil, object(1535), 6, 1535},
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
			assert.Equal(t, byte(0x8A), card.sent[0].P1, "the first command has the short file identifier")
		})
	}
}

// The card's other applications use tags of two bytes that start with FF, like filler.
//
// Faults: F51.
func TestReadObjectWithALongTag(t *testing.T) {
	long := func(tag ...byte) []byte { return append(append(tag, 0x82, 0x02, 0x58), filled(600)...) }
	for name, object := range map[string][]byte{
		"the individual number": append([]byte{0xFF, 0x10, 0x0C}, "012345678901"...),
		"an empty element":      {0xFF, 0x20, 0x00},
		"several blocks":        long(0xFF, 0x20),
		"a certificate":         long(0x7F, 0x21),
		"a tag of three bytes":  long(0xBF, 0x8F, 0x01),
		"a small tag number":    {0x7F, 0x02, 0x01, 0x05},
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

// The card's text application has a file whose lengths are not in the fewest bytes.
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

func TestRejectedExtendedLengthIsNotSentAgain(t *testing.T) {
	card := &file{content: object(300)}
	channel := apdu.NewChannel(card, apdu.WithExtendedLengths())
	for range 3 {
		_, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
	}
	extended := 0
	for _, c := range card.sent {
		if c.Extended {
			extended++
		}
	}
	assert.Equal(t, 1, extended)
}

func TestReaderWithoutExtendedLengths(t *testing.T) {
	t.Run("short lengths work", func(t *testing.T) {
		channel, done := play(t, []step{
			{"00B08A00000000", "", errTransport}, {"00B08A0000", "30030201059000", nil},
		}, apdu.WithExtendedLengths())
		defer done()
		got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err)
		assert.Equal(t, "3003020105", hexOf(got))
	})
	t.Run("no fallback after the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		channel, done := play(t, []step{{"00B08A00000000", "", context.Canceled}}, apdu.WithExtendedLengths())
		defer done()
		cancel()
		_, err := channel.ReadObject(ctx, 0x0A, 65536)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("short lengths fail too: the first error is returned", func(t *testing.T) {
		channel, done := play(t, []step{
			{"00B08A00000000", "", errTransport}, {"00B08A0000", "6A82", nil}, {"00B08A00FD", "", errTransport},
		}, apdu.WithExtendedLengths())
		defer done()
		_, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.ErrorIs(t, err, errTransport)
	})
	t.Run("no fallback after another status word", func(t *testing.T) {
		channel, done := play(t, []step{{"00B08A00000000", "6982", nil}}, apdu.WithExtendedLengths())
		defer done()
		_, err := channel.ReadObject(context.Background(), 0x0A, 65536)
		require.ErrorIs(t, err, apdu.StatusSecurityNotSatisfied)
	})
}
