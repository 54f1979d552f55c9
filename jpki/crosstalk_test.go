package jpki_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Eight holders use eight readers of one driver at the same time. Each gets the certificate
// of their own card, and a wrong PIN affects no other card.
//
// Faults: F62.
func TestNoCrosstalk(t *testing.T) {
	const readers, rounds = 8, 25
	ctx := t.Context()
	driver := simulator.New()
	var cards []*simulator.Card
	for n := range readers {
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(fmt.Sprintf("crosstalk %d", n)))
		require.NoError(t, err)
		require.NoError(t, driver.AddReader(fmt.Sprintf("Reader %d", n)).Insert(card))
		cards = append(cards, card)
	}
	authenticate := func(n int, digits string) (*proof.Holder, error) {
		session, err := driver.Connect(ctx, fmt.Sprintf("Reader %d", n))
		if err != nil {
			return nil, err
		}
		defer session.Close()
		return jpki.Authenticate(ctx, session, pin(t, digits))
	}
	var people sync.WaitGroup
	for n, card := range cards {
		people.Go(func() {
			for round := range rounds {
				if round%readers == n {
					_, err := authenticate(n, "9999")
					var wrong *credential.Error
					if assert.ErrorAs(t, err, &wrong, "reader %d, round %d", n, round) {
						assert.Equal(t, 2, wrong.Remaining)
					}
				}
				got, err := authenticate(n, simulator.PIN)
				if !assert.NoError(t, err, "reader %d, round %d", n, round) {
					return
				}
				assert.True(t, got.Certificate() != nil)
				assert.NoError(t, got.Certificate().CheckSignatureFrom(card.CACertificate()), "reader %d, round %d: another card's", n, round)
			}
		})
	}
	people.Wait()
	for n, card := range cards {
		assert.Equal(t, 3, card.State().AuthAttempts)
		assert.False(t, card.State().AuthVerified)
		other := cards[(n+1)%readers]
		got, err := authenticate(n, simulator.PIN)
		require.NoError(t, err)
		require.Error(t, got.Certificate().CheckSignatureFrom(other.CACertificate()), "the CAs tell cards apart")
	}
}
