package hidden

import (
	"fmt"
	"log/slog"
	"sync"
)

// Bytes holds a secret that can be wiped for all copies of the Bytes. It is safe for
// concurrent use. The zero Bytes holds no secret.
type Bytes struct{ shared Value[*shared] }

type shared struct {
	mu     sync.Mutex
	secret []byte
}

// NewBytes returns a Bytes that takes ownership of secret.
func NewBytes(secret []byte) Bytes { return Bytes{New(&shared{secret: secret})} }

// Use calls use with the secret, or with nil if it was wiped. The function use must not
// keep or change the slice.
func (b Bytes) Use(use func(secret []byte)) {
	h := b.shared.Reveal()
	if h == nil {
		use(nil)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	use(h.secret)
}

// Empty reports whether there is no secret or it was wiped.
func (b Bytes) Empty() (empty bool) {
	b.Use(func(secret []byte) { empty = len(secret) == 0 })
	return empty
}

// Wipe overwrites the secret. Wipe is idempotent.
func (b Bytes) Wipe() {
	if h := b.shared.Reveal(); h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		clear(h.secret)
		h.secret = nil
	}
}

// String returns "[hidden]".
func (b Bytes) String() string { return text }

// Format prints [Bytes.String] for every verb and flag.
func (b Bytes) Format(f fmt.State, _ rune) { fmt.Fprint(f, text) }

// MarshalText returns [Bytes.String]. JSON uses it too.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(text), nil }

// LogValue implements [slog.LogValuer] with [Bytes.String].
func (b Bytes) LogValue() slog.Value { return slog.StringValue(text) }
