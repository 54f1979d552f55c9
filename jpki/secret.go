package jpki

import "sync"

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
