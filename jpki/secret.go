package jpki

import (
	"sync"

	"golang.org/x/text/unicode/norm"
)

// secret is what a person typed to open the card. It can be used once.
type secret struct {
	// take gives the characters to the first who asks, to be wiped, and nil to
	// everybody else. A function hides its variables from everything that
	// prints by reflection, and a slice its bytes from a panic's trace, where
	// an array would be among the arguments.
	take func() []byte
}

// newSecret takes the characters over.
func newSecret(characters []byte) secret {
	var mu sync.Mutex
	return secret{take: func() []byte {
		mu.Lock()
		defer mu.Unlock()
		taken := characters
		characters = nil
		return taken
	}}
}

// normalize returns what NFKC makes of the input, if that is at least shortest and at most
// longest characters that take accepts. It goes from character to character, and keeps
// nothing but what it returns: norm's own buffers could not be wiped. That is the same,
// since no character that composes with others is taken.
func normalize(input []byte, shortest, longest int, take func(byte) (taken byte, ok bool)) (characters []byte, ok bool) {
	characters = make([]byte, 0, longest)
	add := func(from []byte) bool {
		for _, c := range from {
			taken, ok := take(c)
			if !ok || len(characters) == longest {
				return false
			}
			characters = append(characters, taken)
		}
		return true
	}
	for len(input) > 0 {
		properties := norm.NFKC.Properties(input)
		size := max(properties.Size(), 1) // 0 of what is not UTF-8, which take refuses
		from := properties.Decomposition()
		if from == nil {
			from = input[:size]
		}
		if !add(from) {
			clear(characters)
			return nil, false
		}
		input = input[size:]
	}
	if len(characters) < shortest {
		clear(characters)
		return nil, false
	}
	return characters, true
}

// use calls send with the characters, once in the secret's life, and wipes them.
func (s secret) use(send func(characters []byte) error) error {
	if s.take == nil {
		return ErrPINUsed
	}
	characters := s.take()
	if characters == nil {
		return ErrPINUsed
	}
	defer clear(characters)
	return send(characters)
}

// Wipe forgets what will not be used. Wiping twice is no error.
func (s secret) Wipe() {
	if s.take != nil {
		clear(s.take())
	}
}
