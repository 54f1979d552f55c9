package mykey

import (
	"encoding"
	"errors"
	"strings"

	"github.com/mykeykit/mykeykit/mykey/internal/crockford"
)

var (
	// ErrFormat reports text that is not an identifier.
	ErrFormat = errors.New("invalid identifier: want 8 letters and digits")
	// ErrCheckSymbol reports an identifier whose check symbol does not match, so it
	// was mistyped.
	ErrCheckSymbol = errors.New("identifier's check symbol does not match")
)

const (
	idLength = 8
	bitsEach = 5
)

// ID is an identifier: 8 characters of Crockford's base 32, upper case,
// without a hyphen, as in "7K2M9QXR". It is a pseudonym: personal data for
// anyone who knows whose it is.
type ID string

var (
	_ encoding.TextMarshaler   = ID("")
	_ encoding.TextUnmarshaler = (*ID)(nil)
)

// fromNumber encodes the lowest 40 bits of n.
func fromNumber(n uint64) ID {
	var text [idLength]byte
	for i := range text {
		text[i] = crockford.Alphabet[n>>(bitsEach*(idLength-1-i))&31]
	}
	return ID(text[:])
}

// number decodes an identifier, whose characters must be valid.
func (id ID) number() (n uint64) {
	for i := range len(id) {
		n = n<<bitsEach | uint64(strings.IndexByte(crockford.Alphabet, id[i]))
	}
	return n
}

// String returns the 8 characters.
func (id ID) String() string { return string(id) }

// Display returns the identifier with a hyphen, as in "7K2M-9QXR".
func (id ID) Display() string {
	if len(id) != idLength {
		return string(id)
	}
	return string(id[:4]) + "-" + string(id[4:])
}

// CheckSymbol returns the identifier's check symbol: the remainder modulo 37, as
// one of 0–9, A–Z without I, L and O, and * ~ $ =. It detects every single wrong
// character and every transposition of two characters. It is not part of the
// identifier.
func (id ID) CheckSymbol() string {
	return string(crockford.CheckAlphabet[id.number()%37])
}

// DisplayWithCheck returns [ID.Display] and the check symbol, as in "7K2M-9QXR-1".
func (id ID) DisplayWithCheck() string { return id.Display() + "-" + id.CheckSymbol() }

// MarshalText returns [ID.String].
func (id ID) MarshalText() ([]byte, error) { return []byte(id), nil }

// UnmarshalText calls [Parse].
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Parse reads an identifier that a person has typed. It accepts lower case and
// full-width characters, spaces and hyphens of any kind, O for 0, I or L for 1,
// and an optional check symbol. It returns [ErrFormat] or [ErrCheckSymbol]
// otherwise.
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
