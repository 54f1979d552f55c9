package message_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/reader"
)

// Of any text a terminal gets characters alone: no controls, and nothing that
// turns around what is written beside it. What is printable stays as it is.
//
// Faults: F11, F54.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"カード", "\x1b[2J\x07\u0085\xff\u202e\u200b\u2066\u2028", "e\u0301", "\U000E0001", "a\tb\r\n\x00\x7f"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		safe := message.Printable(s)
		require.True(t, utf8.ValidString(safe))
		require.Equal(t, utf8.RuneCountInString(s), utf8.RuneCountInString(safe))
		for _, r := range safe {
			require.False(t, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control), "%U", r)
		}
		require.Equal(t, safe, message.Printable(safe))

		runes := utf8.RuneCountInString(s)
		require.GreaterOrEqual(t, message.Columns(s), runes)
		require.LessOrEqual(t, message.Columns(s), 2*runes)
		require.Equal(t, message.Columns(safe)+message.Columns(message.Printable(other)), message.Columns(safe+message.Printable(other)))

		// Readers' names are in what is said of several cards.
		m := message.For(&reader.AmbiguousError{Readers: []string{s, other}})
		for _, text := range []string{m.What.JA, m.What.EN} {
			lines := strings.Split(text, "\n  ")
			require.Equal(t, []string{safe, message.Printable(other)}, lines[len(lines)-2:])
			require.Equal(t, strings.ReplaceAll(text, "\n", ""), message.Printable(strings.ReplaceAll(text, "\n", "")))
		}
	})
}
