package simulator_test

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Commands to a card, in hex.
const (
	selectJPKI   = "00A4040C 0A D392F000260100000001"
	selectISD    = "00A4040C 07 A0000001510000"
	selectText   = "00A4040C 0A D3921000310001010408"
	selectVisual = "00A4040C 0A D3921000310001010402"
	selectCommon = "00A4040C 0A D3921000310001010100"
	verify1234   = "00200098 04 31323334"
	verify9999   = "00200098 04 39393939"
	verifyABC123 = "0020009B 06 414243313233"
	signAA       = "802A0097 01 AA 00"
)

// Commands to a card, as bytes.
var (
	selectApp    = []byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	readAttempts = []byte{0x00, 0x20, 0x00, 0x98}
	rightPIN     = []byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}
	wrongPIN     = []byte{0x00, 0x20, 0x00, 0x98, 0x04, '9', '9', '9', '9'}
	getChallenge = []byte{0x00, 0x84, 0x00, 0x00, 0x08}
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// newCard returns a card without power, with the keys of the seed "test".
func newCard(t testing.TB, p simulator.Profile, options ...simulator.Option) *simulator.Card {
	t.Helper()
	card, err := simulator.NewCard(p, append([]simulator.Option{simulator.WithInsecureSeed("test")}, options...)...)
	require.NoError(t, err)
	return card
}

// poweredCard returns a card with power whose JPKI application is selected.
func poweredCard(t testing.TB, p simulator.Profile, options ...simulator.Option) *simulator.Card {
	t.Helper()
	card := newCard(t, p, options...)
	card.PowerOn()
	exchange(t, card, selectJPKI)
	return card
}

// exchange sends a command in hex and returns the response.
func exchange(t testing.TB, card *simulator.Card, command string) []byte {
	t.Helper()
	return card.Exchange(unhex(t, command))
}

// converse powers the card on and checks its responses. Each line is a command and the
// response. In a response, "…" stands for any bytes. "cold" and "warm" are resets.
func converse(t *testing.T, card *simulator.Card, lines []string) {
	t.Helper()
	card.PowerOn()
	for _, line := range lines {
		switch line {
		case "cold":
			card.PowerOn()
			continue
		case "warm":
			card.Reset()
			continue
		}
		command, want, ok := strings.Cut(line, " > ")
		require.True(t, ok, line)
		got := hex.EncodeToString(exchange(t, card, command))
		start, end, partial := strings.Cut(strings.ToLower(want), "…")
		if partial {
			assert.True(t, strings.HasPrefix(got, start) && strings.HasSuffix(got, end), "%s\ngot %s", line, got)
		} else {
			assert.Equal(t, start, got, line)
		}
	}
}

// readFile reads a whole file by its short identifier, filler included.
func readFile(t testing.TB, card *simulator.Card, sfi byte) []byte {
	t.Helper()
	var content []byte
	for first := true; ; first = false {
		command := []byte{0x00, 0xB0, byte(len(content) >> 8), byte(len(content)), 0x00}
		if first {
			command[2], command[3] = 0x80|sfi, 0
		}
		response := card.Exchange(command)
		n := len(response) - 2
		if sw := response[n:]; bytes.Equal(sw, []byte{0x6B, 0x00}) {
			return content
		} else {
			require.Equal(t, []byte{0x90, 0x00}, sw)
		}
		content = append(content, response[:n]...)
	}
}

// certificate reads the certificate in a file.
func certificate(t testing.TB, card *simulator.Card, sfi byte) *x509.Certificate {
	t.Helper()
	var raw asn1.RawValue
	rest, err := asn1.Unmarshal(readFile(t, card, sfi), &raw)
	require.NoError(t, err)
	assert.NotEmpty(t, rest, "filler follows")
	assert.Empty(t, bytes.Trim(rest, "\xFF"))
	cert, err := x509.ParseCertificate(raw.FullBytes)
	require.NoError(t, err)
	return cert
}
