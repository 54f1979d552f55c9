// Package crockford reads Douglas Crockford's base 32 as people type it.
package crockford

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

const (
	// Alphabet is Crockford's base 32: without I, L, O and U.
	Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	// CheckAlphabet has five more symbols, for the remainder modulo 37.
	CheckAlphabet = Alphabet + "*~$=U"
)

// Symbols reads a text in lower case, in full width, with spaces and hyphens of
// any kind, with O for 0 and I or L for 1. It returns positions in
// [CheckAlphabet], and fails for anything else, for more than most symbols, and
// for a text that is far too long for them.
func Symbols(text string, most int) (positions []byte, ok bool) {
	if len(text) > 14*most { // in full width and much punctuation
		return nil, false
	}
	for _, r := range strings.ToUpper(norm.NFKC.String(text)) {
		if strings.ContainsRune(ignored, r) {
			continue
		}
		if alike, ok := lookalikes[r]; ok {
			r = alike
		}
		position := strings.IndexRune(CheckAlphabet, r)
		if position < 0 || len(positions) == most {
			return nil, false
		}
		positions = append(positions, byte(position))
	}
	return positions, true
}

// ignored are spaces and what input methods make of a hyphen: hyphens and
// dashes, the minus sign, and the long vowel mark.
const ignored = " \t\u00AD-\u2010\u2012\u2013\u2014\u2015\u2212\u30FC_"

// lookalikes are letters that the alphabet leaves out because people mistake
// them, and the wave dash, which input methods give for a tilde.
var lookalikes = map[rune]rune{'O': '0', 'I': '1', 'L': '1', '\u301C': '~'}
