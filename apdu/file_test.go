package apdu_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// Data with a warning (62xx, 63xx) are valid. At least 64 bytes with an error are a
// truncated response, in which the last two bytes only look like a status word.
func TestDataWithWarningsAndErrors(t *testing.T) {
	for status, isError := range map[string]bool{
		"6200": false, "6281": false, "62FF": false, "6300": false, "6381": false,
		"6A62": true, "6A63": true, "6400": true, "6A82": true, "6700": true,
	} {
		for _, n := range []int{1, 63, 64, 256} {
			answer := hexOf(filled(n)) + status
			channel, done := play(t, []step{{answer: answer}})
			_, err := channel.ReadBinary(context.Background(), 0, 256)
			require.Error(t, err, status)
			done()
			assert.Equal(t, isError && n >= 64, errors.Is(err, apdu.ErrExcessResponse), "%d bytes and %s", n, status)
			require.ErrorAs(t, err, new(apdu.Status))
		}
	}
}

func TestReadSizeIsClamped(t *testing.T) {
	for size, want := range map[int]int{-1: 16, 0: 16, 15: 16, 16: 16, 224: 224, 256: 256, 257: 256, 65536: 256} {
		card := &file{content: object(300)}
		_, err := apdu.NewChannel(card, apdu.WithReadSize(size)).ReadObject(context.Background(), 0x0A, 65536)
		require.NoError(t, err, size)
		assert.Equal(t, want, card.sent[0].Ne, size)
	}
}

func TestInvalidAddressesAreRejected(t *testing.T) {
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
