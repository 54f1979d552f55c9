package message

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Printable replaces what a terminal might act upon, or not show, in names
// that come from readers, cards and files.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return '?'
	}, s)
}

// Columns is how many columns of a terminal a text takes: two for the
// characters of East Asia.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
