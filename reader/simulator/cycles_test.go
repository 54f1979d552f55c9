package simulator_test

import (
	"context"

	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/soak"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Ten thousand times a card is inserted, used and removed while a watcher runs. It leaves
// no memory and no goroutines behind.
//
// Faults: F61.
func TestCardCyclesLeakNothing(t *testing.T) {
	const cycles, early = 10_000, 100
	d := simulator.New()
	slot := d.AddReader("Reader")
	card := newCard(t, simulator.Contact)

	ctx, cancel := context.WithCancel(t.Context())
	events, ended := make(chan reader.Event), make(chan struct{})
	go func() {
		defer close(ended)
		for event := range d.Watch(ctx) {
			select {
			case events <- event:
			case <-ctx.Done():
			}
		}
	}()
	require.Equal(t, reader.ReaderAdded, (<-events).Kind)

	command := unhex(t, selectJPKI)
	var before soak.Usage
	for n := range cycles {
		if n == early {
			before = soak.Now()
		}
		require.NoError(t, slot.Insert(card))
		require.Equal(t, reader.CardInserted, (<-events).Kind)
		for event := range d.Watch(ctx) { // a second watcher, for one event
			require.Equal(t, reader.ReaderAdded, event.Kind)
			break
		}
		found, err := reader.Wait(ctx, d, "", nil)
		require.NoError(t, err)
		session, err := d.Connect(ctx, found.Name)
		require.NoError(t, err)
		require.NoError(t, session.Begin(ctx))
		answer, err := session.Transmit(ctx, command)
		require.NoError(t, err)
		require.Equal(t, []byte{0x90, 0x00}, answer)
		if n%2 == 0 { // the other sessions end when the card is removed
			require.NoError(t, session.Close())
		}
		slot.Remove()
		require.Equal(t, reader.CardRemoved, (<-events).Kind)
	}
	t.Logf("after %d cycles: %s; after %d: %s", early, before, cycles, soak.RequireNoMore(t, before))
	cancel()
	<-ended
}
