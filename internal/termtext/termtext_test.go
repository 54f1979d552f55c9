package termtext_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/termtext"
)

// A terminal gets no control characters, and nothing that reverses the text around it.
// Printable text stays as it is.
//
// Faults: F11, F54.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"カード", "\x1b[2J\x07\u0085\xff\u202e\u200b\u2066\u2028", "e\u0301", "\U000E0001", "a\tb\r\n\x00\x7f"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		safe := termtext.Printable(s)
		require.True(t, utf8.ValidString(safe))
		require.Equal(t, utf8.RuneCountInString(s), utf8.RuneCountInString(safe))
		for _, r := range safe {
			require.False(t, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control), "%U", r)
		}
		require.Equal(t, safe, termtext.Printable(safe))

		runes := utf8.RuneCountInString(s)
		require.GreaterOrEqual(t, termtext.Columns(s), runes)
		require.LessOrEqual(t, termtext.Columns(s), 2*runes)
		require.Equal(t, termtext.Columns(safe)+termtext.Columns(termtext.Printable(other)), termtext.Columns(safe+termtext.Printable(other)))
	})
}

func TestPrintable(t *testing.T) {
	assert.Equal(t, "?[2J??カード???", termtext.Printable("\x1b[2J\x07\u0085カード\xff\u202e\u200b"))
}
