package mykey

import (
	"encoding"
	"errors"
	"strings"

	"github.com/mykeykit/mykeykit/mykey/internal/crockford"
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
		text[i] = crockford.Alphabet[n>>(bitsEach*(idLength-1-i))&31]
	}
	return ID(text[:])
}

// number reads an identifier of valid characters.
func (id ID) number() (n uint64) {
	for i := range len(id) {
		n = n<<bitsEach | uint64(strings.IndexByte(crockford.Alphabet, id[i]))
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
	return string(crockford.CheckAlphabet[id.number()%37])
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
	positions, ok := crockford.Symbols(text, idLength+1)
	if !ok || len(positions) < idLength {
		return "", ErrFormat
	}
	var symbols [idLength]byte
	for i := range symbols {
		if int(positions[i]) >= len(crockford.Alphabet) {
			return "", ErrFormat
		}
		symbols[i] = crockford.Alphabet[positions[i]]
	}
	id := ID(symbols[:])
	if len(positions) > idLength && crockford.CheckAlphabet[positions[idLength]] != id.CheckSymbol()[0] {
		return "", ErrCheckSymbol
	}
	return id, nil
}
