package text

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// genuine are the files of a simulated card, as its applications give them out.
func genuine(f testing.TB) (r Reader, attributesFile, integrity, certificate []byte) {
	f.Helper()
	desk := cardtest.Open(f, simulator.ContactExtended)
	list, err := desk.Card.Authorities()
	require.NoError(f, err)
	for _, a := range list {
		r.Policy.Authorities = append(r.Policy.Authorities, cvc.Authority{ID: a.ID, Key: a.Key})
	}
	r.Policy.Required = true
	send := func(command string) []byte {
		response, err := desk.Connection.Transmit(f.Context(), []byte(command))
		require.NoError(f, err)
		require.Equal(f, []byte{0x90, 0x00}, response[len(response)-2:], "% X", command)
		return response[:len(response)-2]
	}
	send("\x00\xA4\x04\x0C\x0A\xD3\x92\x10\x00\x31\x00\x01\x01\x04\x08")
	send("\x00\x20\x00\x91\x04" + simulator.PIN)
	attributesFile, integrity, certificate = send("\x00\xB0\x82\x00\x00\x00\x00"), send("\x00\xB0\x83\x00\x00\x00\x00"), send("\x00\xB0\x84\x00\x00\x00\x00")
	send("\x00\xA4\x04\x0C\x07\xA0\x00\x00\x01\x51\x00\x00")
	return r, attributesFile, integrity, certificate
}

// Whatever a card contains, nothing panics, and nothing is accepted that was not signed.
//
// Faults: F145.
func FuzzFiles(f *testing.F) {
	r, attributesFile, integrity, certificate := genuine(f)
	want, signed, err := parseAttributes(attributesFile)
	require.NoError(f, err)
	_, err = r.checkFiles(integrity, certificate, tagAttributesDigest, signed)
	require.NoError(f, err)
	f.Add(attributesFile, integrity, certificate)
	f.Add([]byte{0xFF, 0x20, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, []byte{0xFF, 0x30, 0x80}, []byte{0x7F, 0x21, 0x00})
	f.Fuzz(func(t *testing.T, attributesFile, integrity, certificate []byte) {
		_, _ = parseNumber(attributesFile)
		a, signed, err := parseAttributes(attributesFile)
		if err != nil {
			return
		}
		if _, err := r.checkFiles(integrity, certificate, tagAttributesDigest, signed); err == nil {
			require.Equal(t, want, a)
		}
	})
}
