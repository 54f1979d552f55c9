package face

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Whatever a card contains, nothing panics, and nothing is accepted that was not signed.
//
// Faults: F145.
func FuzzFiles(f *testing.F) {
	desk := cardtest.Open(f, simulator.ContactExtended)
	send := func(command string) []byte {
		response, err := desk.Connection.Transmit(f.Context(), []byte(command))
		require.NoError(f, err)
		require.Equal(f, []byte{0x90, 0x00}, response[len(response)-2:], "% X", command)
		return response[:len(response)-2]
	}
	send("\x00\xA4\x04\x0C\x0A\xD3\x92\x10\x00\x31\x00\x01\x01\x04\x02")
	send("\x00\x20\x00\x92\x0E" + simulator.NumberB)
	file := send("\x00\xB0\x82\x00\x00\x00\x00")
	certificate, err := cvc.Parse(send("\x00\xB0\x84\x00\x00\x00\x00"))
	require.NoError(f, err)
	send("\x00\x20\x00\x91\x06" + simulator.Birth)
	age := send("\x00\xB0\x81\x00\x00\x00\x00")
	send("\x00\xA4\x04\x0C\x07\xA0\x00\x00\x01\x51\x00\x00")
	want, _, err := parseData(file, certificate.Key)
	require.NoError(f, err)
	want.unsigned = Unsigned{}
	birth, _, err := parseAge(age, certificate.Key)
	require.NoError(f, err)
	f.Add(file)
	f.Add(age)
	f.Add([]byte{0xFF, 0x20, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, file []byte) {
		if d, _, err := parseData(file, certificate.Key); err == nil {
			d.unsigned = Unsigned{}
			require.Equal(t, want, d)
		}
		if b, _, err := parseAge(file, certificate.Key); err == nil {
			require.Equal(t, birth, b)
		}
	})
}
