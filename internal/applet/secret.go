package applet

import (
	"sync"

	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// Rules are the form of a credential.
type Rules struct {
	Min, Max int // characters
	// Letters allows A to Z beside 0 to 9. Small letters are made capital.
	Letters bool
}

// Parse returns what a person typed as a secret. It normalizes full-width characters
// (NFKC) and returns [credential.ErrFormat] for anything that the rules do not allow.
// The input is the caller's to wipe.
func (r Rules) Parse(input []byte) (Secret, error) {
	const longest = 16 // bytes of a character, in any form that NFKC knows
	if len(input) > longest*r.Max {
		return Secret{}, credential.ErrFormat
	}
	characters, ok := r.normalize(input)
	if !ok {
		return Secret{}, credential.ErrFormat
	}
	return newSecret(characters), nil
}

// accept returns a character as cards expect it.
func (r Rules) accept(c byte) (accepted byte, ok bool) {
	switch {
	case '0' <= c && c <= '9', r.Letters && 'A' <= c && c <= 'Z':
		return c, true
	case r.Letters && 'a' <= c && c <= 'z':
		return c - 'a' + 'A', true
	}
	return 0, false
}

// normalize returns what NFKC makes of the input, if the rules allow that. It goes from
// character to character and keeps nothing but what it returns: norm's own buffers could
// not be wiped. The result is the same, since no character that composes with others is
// accepted.
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

// allow reports whether the characters of a secret, normalized already, have this form.
func (r Rules) allow(characters []byte) bool {
	for _, c := range characters {
		if accepted, ok := r.accept(c); !ok || accepted != c {
			return false
		}
	}
	return len(characters) >= r.Min && len(characters) <= r.Max
}

// Secret is what a person typed to open a card. It can be used once. Types with names
// for it, as jpki.PIN, embed no Secret but keep one in an unexported field, so that
// nobody outside this module can read it back.
type Secret struct {
	// take returns the characters to the first caller, who wipes them, and nil to every
	// other. A function hides its variables from everything that prints by reflection,
	// and a slice hides its bytes from a panic's trace, where an array would be among
	// the arguments.
	take func() []byte
}

// newSecret takes over the characters.
func newSecret(characters []byte) Secret {
	var mu sync.Mutex
	return Secret{take: func() []byte {
		mu.Lock()
		defer mu.Unlock()
		taken := characters
		characters = nil
		return taken
	}}
}

// use calls send with the characters, once in the secret's life, and wipes them.
func (s Secret) use(send func(characters []byte) error) error {
	if s.take == nil {
		return credential.ErrUsed
	}
	characters := s.take()
	if characters == nil {
		return credential.ErrUsed
	}
	defer clear(characters)
	return send(characters)
}

// Wipe wipes a secret that is not used. It may be called twice.
func (s Secret) Wipe() {
	if s.take != nil {
		clear(s.take())
	}
}
