package applet

import (
	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// Rules describe the format of a credential.
type Rules struct {
	Min, Max int // characters
	// Letters allows A to Z in addition to 0 to 9. Lower-case letters are converted to
	// upper case.
	Letters bool
}

// Parse returns the secret that the holder typed. It normalizes full-width characters
// (NFKC) and returns [credential.ErrFormat] if the rules do not allow the input. The
// caller wipes the input.
func (r Rules) Parse(input []byte) (Secret, error) {
	const longest = 16 // bytes of one character, in any form that NFKC normalizes
	if len(input) > longest*r.Max {
		return Secret{}, credential.ErrFormat
	}
	characters, ok := r.normalize(input)
	if !ok {
		return Secret{}, credential.ErrFormat
	}
	return newSecret(characters), nil
}

// accept returns a character in the form that cards expect; ok is false if the rules do
// not allow it.
func (r Rules) accept(c byte) (accepted byte, ok bool) {
	switch {
	case '0' <= c && c <= '9', r.Letters && 'A' <= c && c <= 'Z':
		return c, true
	case r.Letters && 'a' <= c && c <= 'z':
		return c - 'a' + 'A', true
	}
	return 0, false
}

// normalize returns the input in form NFKC, if the rules allow it. It decomposes one
// character at a time instead of calling norm.NFKC.Bytes, because norm's internal buffers
// could not be wiped. The result is the same, because accept rejects every character that
// composes with others.
func (r Rules) normalize(input []byte) (characters []byte, ok bool) {
	characters = make([]byte, 0, r.Max)
	for len(input) > 0 {
		properties := norm.NFKC.Properties(input)
		size := max(properties.Size(), 1) // 0 for bytes that are not UTF-8, which accept rejects
		from := properties.Decomposition()
		if from == nil {
			from = input[:size]
		}
		for _, c := range from {
			accepted, ok := r.accept(c)
			if !ok || len(characters) == r.Max {
				clear(characters)
				return nil, false
			}
			characters = append(characters, accepted)
		}
		input = input[size:]
	}
	if len(characters) < r.Min {
		clear(characters)
		return nil, false
	}
	return characters, true
}

// allow reports whether the rules allow these characters, which are normalized already.
func (r Rules) allow(characters []byte) bool {
	for _, c := range characters {
		if accepted, ok := r.accept(c); !ok || accepted != c {
			return false
		}
	}
	return len(characters) >= r.Min && len(characters) <= r.Max
}
