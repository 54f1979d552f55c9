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
		extended           apdu.Declaration
	}{
		{"contact", "3BE000FF8131FE4514", "", apdu.Undeclared},
		{"contact, declares extended lengths", "3BDA13FF8131FB468012392F31C173C601C03B", "8012392F31C173C601C0", apdu.Declared},
		{"contact, declares that extended lengths are absent", "3BC5FF8131FB458073C6010000", "8073C60100", apdu.DeclaredAbsent},
		{"contactless", "3B8880010000 41E0B381A1003B", "000041E0B381A100", apdu.Undeclared},
		{"contactless bytes that look like capabilities", "3B8A80010073C601C0B381A1000000", "0073C601C0B381A10000", apdu.Undeclared},
		{"other objects, no capabilities", "3B8380018031C100", "8031C1", apdu.Undeclared},
		{"capabilities without the third byte", "3B868001 8031C172FFFF 00", "8031C172FFFF", apdu.Undeclared},
		{"capabilities truncated", "3B828001807300", "8073", apdu.Undeclared},
		{"no interface bytes and no historical bytes", "3B00", "", apdu.Undeclared},
		{"33 bytes, the maximum", "3BFF 000000F0 000000F0 00000070 000000 8073C60140" + strings.Repeat("00", 11), "8073C60140" + strings.Repeat("00", 10), apdu.Declared},
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
		"empty":                          "",
		"one byte":                       "3B",
		"historical byte missing":        "3B01",
		"interface bytes truncated":      "3BF0",
		"interface bytes truncated, 2":   "3BE000FF81",
		"33 bytes, more announced":       "3BF0" + strings.Repeat("808080F0", 7) + "808080",
		"more interface bytes announced": "3B808080",
		"historical bytes truncated":     "3B8F8001",
		"34 bytes":                       hexOf(make([]byte, 34)),
		"255 bytes":                      hexOf(make([]byte, 255)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apdu.ATR(unhex(t, atr)).HistoricalBytes()
			assert.ErrorIs(t, err, apdu.ErrATR)
			assert.Equal(t, apdu.Undeclared, apdu.ATR(unhex(t, atr)).ExtendedLengths())
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
			require.Equal(t, apdu.Undeclared, apdu.ATR(b).ExtendedLengths())
			return
		}
		require.LessOrEqual(t, len(history), 15)
		require.LessOrEqual(t, len(b), 33)
		require.True(t, bytes.Contains(b, history))
	})
}

func TestDeclarationString(t *testing.T) {
	assert.Equal(t, "undeclared", apdu.Undeclared.String())
	assert.Equal(t, "declared", apdu.Declared.String())
	assert.Equal(t, "declared absent", apdu.DeclaredAbsent.String())
	assert.Equal(t, "Declaration(7)", apdu.Declaration(7).String())
}
