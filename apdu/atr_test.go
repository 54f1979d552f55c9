package apdu_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

func TestATR(t *testing.T) {
	for _, tt := range []struct {
		name, atr, history string
		extended           bool
	}{
		{"contact", "3BE000FF8131FE4514", "", false},
		{"contact, declares extended lengths", "3BDA13FF8131FB468012392F31C173C601C03B", "8012392F31C173C601C0", true},
		{"contact, declares none", "3BC5FF8131FB458073C6010000", "8073C60100", false},
		{"contactless", "3B8880010000 41E0B381A1003B", "000041E0B381A100", false},
		{"contactless bytes that look like capabilities", "3B8A80010073C601C0B381A1000000", "0073C601C0B381A10000", false},
		{"other objects, and no capabilities", "3B8380018031C100", "8031C1", false},
		{"shorter capabilities, and no third byte", "3B868001 8031C172FFFF 00", "8031C172FFFF", false},
		{"capabilities cut off", "3B828001807300", "8073", false},
		{"without anything", "3B00", "", false},
		{"of 33 bytes, the most there are", "3BFF 000000F0 000000F0 00000070 000000 8073C60140" + strings.Repeat("00", 11), "8073C60140" + strings.Repeat("00", 10), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			atr := apdu.ATR(unhex(t, tt.atr))
			history, err := atr.HistoricalBytes()
			require.NoError(t, err)
			assert.Equal(t, tt.history, hexOf(history))
			assert.Equal(t, tt.extended, atr.ExtendedLengths())
		})
	}
}

// Faults: F30.
func TestMalformedATR(t *testing.T) {
	for name, atr := range map[string]string{
		"empty":                      "",
		"one byte":                   "3B",
		"two bytes, one promised":    "3B01",
		"interface bytes cut off":    "3BF0",
		"interface bytes cut off, 2": "3BE000FF81",
		"33 bytes, without end":      "3BF0" + strings.Repeat("808080F0", 7) + "808080",
		"interface bytes for ever":   "3B808080",
		"historical bytes cut off":   "3B8F8001",
		"34 bytes":                   hexOf(make([]byte, 34)),
		"255 bytes, all of them set": hexOf(make([]byte, 255)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apdu.ATR(unhex(t, atr)).HistoricalBytes()
			assert.ErrorIs(t, err, apdu.ErrATR)
			assert.False(t, apdu.ATR(unhex(t, atr)).ExtendedLengths())
		})
	}
}

// Faults: F30.
func FuzzATR(f *testing.F) {
	f.Add(unhex(f, "3BDA13FF8131FB468012392F31C173C601C03B"))
	f.Add(unhex(f, "3B"))
	f.Fuzz(func(t *testing.T, b []byte) {
		history, err := apdu.ATR(b).HistoricalBytes()
		if err != nil {
			require.False(t, apdu.ATR(b).ExtendedLengths())
			return
		}
		require.LessOrEqual(t, len(history), 15)
		require.LessOrEqual(t, len(b), 33)
		require.True(t, bytes.Contains(b, history))
	})
}
