// Package termtext prepares text for a terminal: it removes what a terminal could act
// on, and measures how wide a text is.
package termtext

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Printable replaces every character that a terminal could act on or not show with a
// question mark. Names from readers, cards and files go through it.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return '?'
	}, s)
}

// Columns returns how many terminal columns a text takes: two for each wide East Asian
// character.
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
