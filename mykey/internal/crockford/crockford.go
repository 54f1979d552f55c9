// Package crockford decodes Douglas Crockford's base 32 from text that people
// have typed.
package crockford

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

const (
	// Alphabet is Crockford's base 32 alphabet, without I, L, O and U.
	Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	// CheckAlphabet has five additional symbols, for the remainder modulo 37.
	CheckAlphabet = Alphabet + "*~$=U"
)

// Symbols returns the positions of a text's symbols in [CheckAlphabet]. It accepts
// lower case and full-width characters, spaces and hyphens of any kind, O for 0, and
// I or L for 1. It returns false if there is another character, or if the text has
// more than limit symbols or is far too long for them.
func Symbols(text string, limit int) (positions []byte, ok bool) {
	if len(text) > 14*limit { // enough for full width and much punctuation
		return nil, false
	}
	for _, r := range strings.ToUpper(norm.NFKC.String(text)) {
		if strings.ContainsRune(ignored, r) {
			continue
		}
		if symbol, ok := lookalikes[r]; ok {
			r = symbol
		}
		position := strings.IndexRune(CheckAlphabet, r)
		if position < 0 || len(positions) == limit {
			return nil, false
		}
		positions = append(positions, byte(position))
	}
	return positions, true
}

// ignored lists spaces and the characters that input methods enter for a hyphen:
// hyphens and dashes, the minus sign, and the long vowel mark.
const ignored = " \t\u00AD-\u2010\u2012\u2013\u2014\u2015\u2212\u30FC_"

// lookalikes maps letters that the alphabet omits to the digits that they resemble,
// and the wave dash, which input methods enter for a tilde, to the tilde.
var lookalikes = map[rune]rune{'O': '0', 'I': '1', 'L': '1', '\u301C': '~'}
