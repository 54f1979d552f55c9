package cardtest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Holder is a card's holder at a desk, who enters a PIN or password when a program asks.
type Holder struct {
	*Desk
	Reader string // the reader's name
	Types  string // what the holder enters
	// Typing is called before the holder enters it. If it returns an error, nothing is
	// entered.
	Typing func(ctx context.Context) error

	mu      sync.Mutex
	shown   []jpki.Readiness
	entered int
}

// NewHolder makes a desk and the holder of its card, who knows the PIN.
func NewHolder(t testing.TB, profile simulator.Profile, options ...simulator.Option) *Holder {
	t.Helper()
	return At(t, New(t, profile, options...), ReaderName)
}

// At makes the holder of the card in a reader of a desk. Its Slot may be nil: then the card
// is in a reader that only the driver knows.
func At(t testing.TB, desk *Desk, reader string) *Holder {
	t.Helper()
	h := &Holder{Desk: desk, Reader: reader, Types: simulator.PIN}
	t.Cleanup(func() {
		assert.Equal(t, h.Entered(), h.Secrets(), "secrets sent, and entered")
		assert.False(t, h.Card.State().Unlocked, "the card was not logged out")
	})
	return h
}

// AskPIN is a jpki.AskPIN: the holder enters the PIN.
func (h *Holder) AskPIN(ctx context.Context, ready jpki.Readiness) (jpki.PIN, error) {
	return enter(ctx, h, ready, jpki.ParsePIN)
}

// AskPassword is a jpki.AskPassword: the holder enters the signature password.
func (h *Holder) AskPassword(ctx context.Context, ready jpki.Readiness) (jpki.Password, error) {
	return enter(ctx, h, ready, jpki.ParsePassword)
}

func enter[S any](ctx context.Context, h *Holder, ready jpki.Readiness, parse func([]byte) (S, error)) (secret S, err error) {
	h.mu.Lock()
	h.shown = append(h.shown, ready)
	h.mu.Unlock()
	if h.Typing != nil {
		if err := h.Typing(ctx); err != nil {
			return secret, err
		}
	}
	if secret, err = parse([]byte(h.Types)); err == nil {
		h.add(1)
	}
	return secret, err
}

func (h *Holder) add(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entered += n
}

// Shown returns what the holder was shown, each time that a program asked.
func (h *Holder) Shown() []jpki.Readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.shown)
}

// Asked returns how often a program asked.
func (h *Holder) Asked() int { return len(h.Shown()) }

// Entered returns how many secrets the holder entered that had to be sent.
func (h *Holder) Entered() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entered
}

// Unsent says that n of the secrets entered must not have been sent.
func (h *Holder) Unsent(n int) { h.add(-n) }

// Signer returns a signer with the card's authentication key. It is closed when the test
// ends.
func (h *Holder) Signer(t testing.TB, options ...jpki.SignerOption) *jpki.Signer {
	t.Helper()
	s, err := jpki.NewSigner(context.Background(), h.Connect, h.Reader, h.AskPIN, options...)
	return closed(t, s, err)
}

// SignatureSigner is like Signer, with the signature key.
func (h *Holder) SignatureSigner(t testing.TB, options ...jpki.SignerOption) *jpki.Signer {
	t.Helper()
	s, err := jpki.NewSignatureSigner(context.Background(), h.Connect, h.Reader, h.AskPassword, options...)
	return closed(t, s, err)
}

func closed(t testing.TB, s *jpki.Signer, err error) *jpki.Signer {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
