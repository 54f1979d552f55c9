package jpki_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// fragile is a reader that loses the connection at a command with extended lengths.
type fragile struct {
	*cardtest.Desk
	connections int
}

func (f *fragile) Connect(ctx context.Context, name string) (*fragileCard, error) {
	card, err := f.Desk.Connect(ctx, name)
	f.connections++
	return &fragileCard{Card: card}, err
}

type fragileCard struct {
	reader.Card
	lost bool
}

func (c *fragileCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	parsed, err := apdu.ParseCommand(append([]byte(nil), command...))
	if err != nil {
		return nil, err
	}
	if c.lost = c.lost || parsed.Extended; c.lost {
		return nil, reader.ErrTransport
	}
	return c.Card.Transmit(ctx, command)
}

// A reader that breaks the connection at the probe for extended lengths works all the same
// wherever this package connects: no attempt is lost, and the PIN is sent once.
//
// Faults: F21.
func TestReadersThatBreakTheConnectionAtTheProbe(t *testing.T) {
	ctx := context.Background()
	ask := func(context.Context, jpki.Readiness) (jpki.PIN, error) { return jpki.ParsePIN([]byte(simulator.PIN)) }
	for name, use := range map[string]func(t *testing.T, f *fragile) error{
		"AuthenticateWith": func(t *testing.T, f *fragile) error {
			_, err := jpki.AuthenticateWith(ctx, f.Connect, "Reader", ask)
			assert.Equal(t, 3, f.connections) // lost, ready, authenticated
			return err
		},
		"DoWith, then ForCard": func(t *testing.T, f *fragile) error {
			var shown jpki.Readiness
			require.NoError(t, jpki.DoWith(ctx, f.Connect, "Reader", func(a *jpki.Application) (err error) {
				shown, err = a.Ready(ctx)
				return err
			}))
			card, err := f.Connect(ctx, "Reader")
			require.NoError(t, err)
			defer card.Close()
			_, err = jpki.Authenticate(ctx, card, pin(t, simulator.PIN), jpki.ForCard(shown))
			return err
		},
		"Signer": func(t *testing.T, f *fragile) error {
			s, err := jpki.NewSigner(ctx, f.Connect, "Reader", ask)
			require.NoError(t, err)
			defer s.Close()
			digest := sha256.Sum256(nil)
			_, err = s.Sign(nil, digest[:], crypto.SHA256)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fragile{Desk: cardtest.New(t, simulator.Contact)}
			require.NoError(t, use(t, f))
			assert.Equal(t, 1, f.Secrets())
			assert.Equal(t, 3, f.Card.State().AuthAttempts)
		})
	}
	t.Run("a single connection", func(t *testing.T) {
		f := &fragile{Desk: cardtest.New(t, simulator.Contact)}
		card, err := f.Connect(ctx, "Reader")
		require.NoError(t, err)
		defer card.Close()
		_, err = jpki.Authenticate(ctx, card, pin(t, simulator.PIN))
		require.ErrorIs(t, err, apdu.ErrProbe)
		assert.Zero(t, f.Secrets())
	})
}
