package mykey

import (
	"encoding"
	"errors"
	"strings"

	"golang.org/x/text/unicode/norm"
)

var (
	// ErrFormat: a text that is no identifier.
	ErrFormat = errors.New("an identifier has 8 letters and digits")
	// ErrCheckSymbol: an identifier whose check symbol says that something
	// was mistyped.
	ErrCheckSymbol = errors.New("identifier's check symbol does not fit")
)

const (
	idLength = 8
	bitsEach = 5

	// alphabet is Crockford's base 32: without I, L, O and U.
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	// checkAlphabet has five more symbols, for the remainder modulo 37.
	checkAlphabet = alphabet + "*~$=U"
)

// ID is an identifier: 8 characters of Crockford's base 32, upper case,
// without a hyphen, as in "7K2M9QXR". It is a pseudonym, which is personal data
// in the hands of whoever can tell its holder.
type ID string

var (
	_ encoding.TextMarshaler   = ID("")
	_ encoding.TextUnmarshaler = (*ID)(nil)
)

// fromNumber writes the lowest 40 bits of n.
func fromNumber(n uint64) ID {
	var text [idLength]byte
	for i := range text {
		text[i] = alphabet[n>>(bitsEach*(idLength-1-i))&31]
	}
	return ID(text[:])
}

// number reads an identifier of valid characters.
func (id ID) number() (n uint64) {
	for i := range len(id) {
		n = n<<bitsEach | uint64(strings.IndexByte(alphabet, id[i]))
	}
	return n
}

// String returns the 8 characters.
func (id ID) String() string { return string(id) }

// Display is the form for people, as in "7K2M-9QXR".
func (id ID) Display() string {
	if len(id) != idLength {
		return string(id)
	}
	return string(id[:4]) + "-" + string(id[4:])
}

// CheckSymbol is the identifier's check symbol: its remainder modulo 37, one
// of 0–9, A–Z without I, L and O, and * ~ $ =. It tells every single mistyped
// character and every two that were swapped. It is no part of the identifier.
func (id ID) CheckSymbol() string {
	return string(checkAlphabet[id.number()%37])
}

// DisplayWithCheck is [ID.Display] with the check symbol, as in "7K2M-9QXR-T".
func (id ID) DisplayWithCheck() string { return id.Display() + "-" + id.CheckSymbol() }

// MarshalText returns the 8 characters.
func (id ID) MarshalText() ([]byte, error) { return []byte(id), nil }

// UnmarshalText is [Parse].
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Parse takes an identifier as people type it: in lower case, in full width,
// with spaces and hyphens of any kind, with O for 0 and I or L for 1, with or
// without its check symbol. It fails with [ErrFormat] or [ErrCheckSymbol].
func Parse(text string) (ID, error) {
	const longest = 128 // bytes; 9 characters in full width and much punctuation
	if len(text) > longest {
		return "", ErrFormat
	}
	var symbols []byte
	for _, r := range strings.ToUpper(norm.NFKC.String(text)) {
		if strings.ContainsRune(ignored, r) {
			continue
		}
		if alike, ok := lookalikes[r]; ok {
			r = alike
		}
		position := strings.IndexRune(checkAlphabet, r)
		if position < 0 || position >= len(alphabet) && len(symbols) < idLength || len(symbols) > idLength {
			return "", ErrFormat
		}
		symbols = append(symbols, checkAlphabet[position])
	}
	if len(symbols) < idLength {
		return "", ErrFormat
	}
	id := ID(symbols[:idLength])
	if len(symbols) > idLength && string(symbols[idLength:]) != id.CheckSymbol() {
		return "", ErrCheckSymbol
	}
	return id, nil
}

// ignored are spaces and what input methods make of a hyphen: hyphens and
// dashes, the minus sign, and the long vowel mark.
const ignored = " \t\u00AD-\u2010\u2012\u2013\u2014\u2015\u2212\u30FC_"

// lookalikes are letters that the alphabet leaves out because people mistake
// them, and the wave dash, which input methods give for a tilde.
var lookalikes = map[rune]rune{'O': '0', 'I': '1', 'L': '1', '\u301C': '~'}
