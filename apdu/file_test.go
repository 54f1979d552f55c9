package apdu_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// Data with a warning (62xx, 63xx) are valid, however long they are. Data with an
// error were truncated, and what looks like a status word is data.
func TestDataWithWarningsAndErrors(t *testing.T) {
	for status, cut := range map[string]bool{
		"6200": false, "6281": false, "62FF": false, "6300": false, "6381": false,
		"6A62": true, "6A63": true, "6400": true, "6A82": true, "6700": true,
	} {
		for _, n := range []int{1, 63, 64, 256} {
			answer := hexOf(filled(n)) + status
			channel, done := play(t, []step{{answer: answer}})
			_, err := channel.ReadBinary(context.Background(), 0, 256)
			require.Error(t, err, status)
			done()
			assert.Equal(t, cut && n >= 64, errors.Is(err, apdu.ErrExcessResponse), "%d bytes and %s", n, status)
			require.ErrorAs(t, err, new(apdu.Status))
		}
	}
}
