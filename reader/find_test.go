package reader_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func put(t *testing.T, d *simulator.Driver, name string, p simulator.Profile) *simulator.Reader {
	t.Helper()
	card, err := simulator.NewCard(p, simulator.WithInsecureSeed(name))
	require.NoError(t, err)
	slot := d.AddReader(name)
	require.NoError(t, slot.Insert(card))
	return slot
}

// Find returns the reader of the only My Number Card, whatever the other cards are and
// whatever other programs do with them.
// Faults: F71.
func TestFindAmongSeveralCards(t *testing.T) {
	const mine, other = simulator.Contact, simulator.NotMyNumber
	for _, tt := range []struct {
		name    string
		cards   []simulator.Profile // in readers A, B, …
		prepare func(a *simulator.Reader)
		found   string
		err     error
	}{
		{"one card of another kind", []simulator.Profile{other}, nil, "A", nil}, // a single card is not probed
		{"the second", []simulator.Profile{other, mine}, nil, "B", nil},
		{"the first", []simulator.Profile{mine, other, other}, nil, "A", nil},
		{"a phone", []simulator.Profile{other, simulator.Android}, nil, "B", nil},
		{"two", []simulator.Profile{other, mine, mine}, nil, "", &reader.AmbiguousError{Readers: []string{"B", "C"}}},
		{"none", []simulator.Profile{other, other}, nil, "", reader.ErrNoMatch},
		{"another program holds another card", []simulator.Profile{other, mine}, hold, "B", nil},
		{"another card does not respond", []simulator.Profile{other, mine}, hang, "B", nil},
		{"another program holds the card", []simulator.Profile{mine, other}, hold, "", reader.ErrBusy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := simulator.New()
				var slots []*simulator.Reader
				for i, p := range tt.cards {
					slots = append(slots, put(t, d, string(rune('A'+i)), p))
				}
				if tt.prepare != nil {
					tt.prepare(slots[0])
				}
				found, err := reader.Find(t.Context(), d, "", jpki.Present)
				assert.Equal(t, tt.found, found.Name)
				if several, ok := tt.err.(*reader.AmbiguousError); ok {
					assert.Equal(t, several, err)
				} else {
					assert.ErrorIs(t, err, tt.err)
				}
				for _, slot := range slots {
					slot.Remove()
				}
			})
		})
	}
}

func hold(a *simulator.Reader) {
	a.AddFault(simulator.Fault{On: simulator.Connect, Do: simulator.HoldTransaction(nil)})
}
func hang(a *simulator.Reader) {
	a.AddFault(simulator.Fault{On: simulator.Transmit, Do: simulator.Hang()})
}

// Probing leaves a card powered, so that other programs' connections continue to work.
// Faults: F71.
func TestProbedCardsKeepTheirPower(t *testing.T) {
	d := simulator.New()
	other, mine := put(t, d, "Other", simulator.NotMyNumber), put(t, d, "Mine", simulator.Contact)
	var sessions []reader.Card
	for _, slot := range []*simulator.Reader{other, mine} {
		session, err := d.Connect(t.Context(), slot.Name())
		require.NoError(t, err)
		sessions = append(sessions, session)
	}
	for range 3 {
		found, err := reader.Find(t.Context(), d, "", jpki.Present)
		require.NoError(t, err)
		assert.Equal(t, "Mine", found.Name)
	}
	for _, session := range sessions {
		_, err := session.Transmit(t.Context(), []byte{0x00, 0xA4, 0x00, 0x00})
		require.NoError(t, err, "the card was neither reset nor powered off")
		require.NoError(t, session.Close())
	}
}

// Wait ignores other cards. It probes each at most twice per insertion: when it first
// sees the card and when the watch reports it.
// Faults: F71.
func TestWaitIgnoresOtherCards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		other, empty := put(t, d, "Other", simulator.NotMyNumber), d.AddReader("Empty")
		var mu sync.Mutex
		probed := 0
		probe := func(ctx context.Context, card apdu.Transmitter) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			probed++
			return jpki.Present(ctx, card)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := reader.Wait(ctx, d, "", probe)
		require.ErrorIs(t, err, reader.ErrNoMatch, "at the deadline")
		assert.Equal(t, 2, probed)

		found := make(chan reader.Reader)
		go func() {
			r, err := reader.Wait(t.Context(), d, "", probe)
			assert.NoError(t, err)
			found <- r
		}()
		synctest.Wait()
		assert.Equal(t, 4, probed)
		d.AddReader("Another")
		require.NoError(t, other.Insert(other.Remove()))
		synctest.Wait()
		assert.Equal(t, 6, probed, "it may be another card")
		put(t, d, "Third", simulator.NotMyNumber)
		synctest.Wait()
		assert.LessOrEqual(t, probed, 8)
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("card"))
		require.NoError(t, err)
		empty.AddFault(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrBusy)})
		require.NoError(t, empty.Insert(card))
		synctest.Wait()
		empty.ClearFaults()
		assert.Equal(t, "Empty", (<-found).Name, "as soon as it is no longer busy")
	})
}

// Faults: F72.
func TestFullName(t *testing.T) {
	names := []string{"ACS ACR1252 Dual Reader PICC 0", "ACS ACR1252 Dual Reader SAM 0", "Gemalto PC Twin", "twin"}
	for name, want := range map[string]string{
		"ACS ACR1252 Dual Reader SAM 0": "ACS ACR1252 Dual Reader SAM 0",
		"picc":                          "ACS ACR1252 Dual Reader PICC 0",
		"gemalto":                       "Gemalto PC Twin",
		"twin":                          "twin", // exact, although another name contains it
	} {
		got, err := reader.FullName(names, name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got)
	}
	_, err := reader.FullName(names, "acr1252")
	assert.Equal(t, &reader.AmbiguousError{Name: "acr1252", Readers: names[:2]}, err)
	_, err = reader.FullName(names, "sony")
	require.ErrorIs(t, err, reader.ErrUnknownReader)
	assert.Equal(t, &reader.NameError{Name: "sony", Readers: names}, err)
	for _, name := range names {
		assert.ErrorContains(t, err, name)
	}

	d := simulator.New()
	put(t, d, "Front Desk", simulator.NotMyNumber)
	put(t, d, "Back Office", simulator.Contact)
	found, err := reader.Find(t.Context(), d, "desk", jpki.Present)
	require.NoError(t, err)
	assert.Equal(t, "Front Desk", found.Name, "a named reader is used whatever card it holds")
}

// Wait finds a card that was exchanged while its first probes were still running.
// Faults: F71.
func TestWaitFindsACardExchangedDuringTheFirstProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simulator.New()
		a, busy := put(t, d, "A", simulator.NotMyNumber), put(t, d, "B", simulator.NotMyNumber)
		hold(busy) // its probe lasts until the time limit
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		found := make(chan reader.Reader)
		go func() {
			r, err := reader.Wait(ctx, d, "", jpki.Present)
			assert.NoError(t, err)
			found <- r
		}()
		synctest.Wait() // A was rejected and B is being probed
		a.Remove()
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("card"))
		require.NoError(t, err)
		require.NoError(t, a.Insert(card))
		assert.Equal(t, "A", (<-found).Name)
		busy.Remove()
	})
}
