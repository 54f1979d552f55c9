package hidden

import (
	"fmt"
	"log/slog"
	"sync"
)

// Bytes holds a secret that can be wiped, for all copies of the Bytes. It is safe for
// concurrent use. The zero Bytes holds nothing.
type Bytes struct{ held Value[*held] }

type held struct {
	mu     sync.Mutex
	secret []byte
}

// NewBytes returns Bytes that hold secret, which is theirs from then on.
func NewBytes(secret []byte) Bytes { return Bytes{New(&held{secret: secret})} }

// Use calls use with the secret, or with nil if there is none any more. It must not keep
// or change the slice.
func (b Bytes) Use(use func(secret []byte)) {
	h := b.held.Reveal()
	if h == nil {
		use(nil)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	use(h.secret)
}

// Empty reports whether there is no secret, or none any more.
func (b Bytes) Empty() (empty bool) {
	b.Use(func(secret []byte) { empty = len(secret) == 0 })
	return empty
}

// Wipe overwrites the secret and forgets it. Wiping twice is no error.
func (b Bytes) Wipe() {
	if h := b.held.Reveal(); h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		clear(h.secret)
		h.secret = nil
	}
}

// String returns "[hidden]", whatever b holds.
func (b Bytes) String() string { return text }

// Format prints [Bytes.String] for every verb and flag.
func (b Bytes) Format(f fmt.State, _ rune) { fmt.Fprint(f, text) }

// MarshalText returns [Bytes.String], for JSON too.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(text), nil }

// LogValue implements [slog.LogValuer] with [Bytes.String].
func (b Bytes) LogValue() slog.Value { return slog.StringValue(text) }
