package applet

import (
	"bytes"
	"sync"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// Secret is a PIN or password that the holder typed. It can be used once. Exported types
// such as jpki.PIN keep a Secret in an unexported field and do not embed it, so that
// other modules can't read it.
type Secret struct {
	// take returns the characters to the first caller, who wipes them, and nil to all
	// others. They are behind a function because printing by reflection does not show its
	// variables, and in a slice because a stack trace does not show its bytes.
	take func() []byte
}

// newSecret returns a secret that owns the characters.
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

// use calls send with the characters and wipes them. It returns [credential.ErrUsed] if
// the secret was used or wiped before.
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

// unless uses up the secret and returns it as another one, unless it consists of the given
// characters.
func (s Secret) unless(characters []byte) (other Secret, same bool) {
	var taken []byte
	err := s.use(func(own []byte) error {
		if same = bytes.Equal(own, characters); !same {
			taken = bytes.Clone(own)
		}
		return nil
	})
	if err != nil || same {
		return Secret{}, same
	}
	return newSecret(taken), false
}

// Wipe wipes the secret. Wipe is idempotent.
func (s Secret) Wipe() {
	if s.take != nil {
		clear(s.take())
	}
}
