package cardtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// ReaderName is the name of a desk's reader.
const ReaderName = "Reader"

// NewCard makes a simulated card. Without [simulator.WithInsecureSeed] all cards of a
// profile are the same card.
func NewCard(t testing.TB, profile simulator.Profile, options ...simulator.Option) *simulator.Card {
	t.Helper()
	card, err := simulator.NewCard(profile, append([]simulator.Option{simulator.WithInsecureSeed("cardtest")}, options...)...)
	require.NoError(t, err)
	return card
}

// AnotherCard makes a card of another holder.
func AnotherCard(t testing.TB, profile simulator.Profile) *simulator.Card {
	t.Helper()
	return NewCard(t, profile, simulator.WithInsecureSeed("another holder"))
}

// Desk is a simulated card in a simulated reader. Its driver records.
type Desk struct {
	Driver
	Slot       *simulator.Reader
	Card       *simulator.Card
	Connection reader.Card // of Open; nil otherwise
}

// New makes a desk with a card of a profile.
func New(t testing.TB, profile simulator.Profile, options ...simulator.Option) *Desk {
	t.Helper()
	return In(t, simulator.New(), NewCard(t, profile, options...))
}

// Open makes a desk and connects to the card until the test ends.
func Open(t testing.TB, profile simulator.Profile, options ...simulator.Option) *Desk {
	t.Helper()
	return New(t, profile, options...).Open(t)
}

// Open connects to the card until the test ends. It returns the desk.
func (d *Desk) Open(t testing.TB) *Desk {
	t.Helper()
	d.Connection = d.Record(d.OtherProgram(t))
	return d
}

// OtherProgram connects to the card as another program, until the test ends: nothing is
// recorded.
func (d *Desk) OtherProgram(t testing.TB) reader.Card {
	t.Helper()
	card, err := d.Driver.Driver.Connect(context.Background(), ReaderName)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, card.Close()) })
	return card
}

// Insert replaces the card in the reader by another one.
func (d *Desk) Insert(t testing.TB, card *simulator.Card) {
	t.Helper()
	d.Slot.Remove()
	require.NoError(t, d.Slot.Insert(card))
}

// In makes a desk of a driver and a card.
func In(t testing.TB, driver *simulator.Driver, card *simulator.Card) *Desk {
	t.Helper()
	d := &Desk{Driver: Driver{Driver: driver}, Slot: driver.AddReader(ReaderName), Card: card}
	require.NoError(t, d.Slot.Insert(card))
	t.Cleanup(func() {
		connections, transaction := d.Slot.InUse()
		assert.Zero(t, connections, "connections left open")
		assert.False(t, transaction, "a transaction was not ended")
		assert.False(t, card.State().Unlocked, "the card was not logged out")
	})
	return d
}
