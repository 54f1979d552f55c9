//go:build cgo

package pcsc_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// insertAll inserts a different card into each reader.
func insertAll(t *testing.T) (cards []*simulator.Card) {
	t.Helper()
	var removes []func()
	for n := range readers {
		card := newCard(t, fmt.Sprintf("pcscd %d", n))
		cards = append(cards, card)
		removes = append(removes, daemon.Insert(n, card))
	}
	t.Cleanup(func() {
		for _, remove := range removes {
			remove()
		}
		for n := range readers {
			awaitEmpty(t, n)
		}
	})
	for n := range readers {
		awaitCard(t, n)
	}
	return cards
}

// authenticate authenticates with the card in reader n.
func authenticate(ctx context.Context, n int, digits string) (*proof.Holder, error) {
	pin, err := jpki.ParsePIN([]byte(digits))
	if err != nil {
		return nil, err
	}
	card, err := pcsc.New().Connect(ctx, pcscdtest.Reader(n))
	if err != nil {
		return nil, err
	}
	defer card.Close()
	return jpki.Authenticate(ctx, card, pin)
}

// Eight readers are used at the same time. Each authentication returns the certificate
// of its own card, and a wrong PIN only affects the card that it was entered for.
//
// Faults: F62.
func TestNoCrosstalkBetweenReaders(t *testing.T) {
	requireDaemon(t)
	const rounds = 8
	ctx := t.Context()
	cards := insertAll(t)
	var holders sync.WaitGroup
	for n, card := range cards {
		holders.Go(func() {
			for round := range rounds {
				if round == n {
					_, err := authenticate(ctx, n, "9999")
					var wrong *credential.Error
					if assert.ErrorAs(t, err, &wrong, "reader %d, round %d", n, round) {
						assert.Equal(t, 2, wrong.Remaining)
					}
				}
				got, err := authenticate(ctx, n, simulator.PIN)
				if !assert.NoError(t, err, "reader %d, round %d", n, round) {
					return
				}
				assert.NotNil(t, got.Certificate())
				assert.NoError(t, got.Certificate().CheckSignatureFrom(card.CACertificate()), "reader %d, round %d: certificate of another card", n, round)
			}
		})
	}
	holders.Wait()
	for n, card := range cards {
		require.Equal(t, 3, card.State().AuthAttempts, "reader %d", n)
		require.False(t, card.State().AuthVerified, "reader %d", n)
	}
}
