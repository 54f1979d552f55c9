//go:build cgo

package pcsc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/internal/soak"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/simulator/vpcd"
)

// Cards are inserted, used and removed in all readers at the same time, 32 times or, in a
// soak test, a thousand times. Nothing is leaked.
//
// Faults: F61.
func TestCardCyclesThroughPCSCDLeakNothing(t *testing.T) {
	requireDaemon(t)
	rounds := 4
	if soak.Enabled() {
		rounds = 1000 / readers
	}
	ctx, cancel := context.WithCancel(t.Context())
	var inserted atomic.Int64
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for event, err := range pcsc.New().Watch(ctx) {
			if assert.NoError(t, err) && event.Kind == reader.CardInserted {
				inserted.Add(1)
			}
		}
	})
	var before soak.Usage
	for round := range rounds {
		if round == 1 {
			before = soak.Now()
		}
		var slots sync.WaitGroup
		for n := range readers {
			slots.Go(func() { assert.NoError(t, cycle(ctx, n, newCard(t, "pcscd"))) })
		}
		slots.Wait()
		require.False(t, t.Failed(), "round %d", round)
	}
	t.Logf("early: %s; after %d cycles: %s", before, rounds*readers, soak.RequireNoMore(t, before))
	require.Eventually(t, func() bool { return inserted.Load() >= int64(rounds*readers) }, limit, time.Millisecond, "the watcher missed insertions")
	cancel()
	watcher.Wait()
	assert.EqualValues(t, rounds*readers, inserted.Load(), "the watcher reported an insertion twice")
}

// cycle inserts, uses and removes a card.
func cycle(ctx context.Context, n int, card vpcd.Card) error {
	driver, name := pcsc.New(), pcscdtest.Reader(n)
	remove := daemon.Insert(n, card)
	defer remove()
	if _, err := reader.Wait(ctx, driver, name, nil); err != nil {
		return err
	}
	session, err := driver.Connect(ctx, name)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := session.Begin(ctx); err != nil {
		return err
	}
	if response, err := session.Transmit(ctx, selectJPKI); err != nil || !bytes.Equal(response, done) {
		return fmt.Errorf("SELECT: %X, %w", response, err)
	}
	remove()
	return waitEmpty(ctx, driver, name)
}

// waitEmpty blocks until the driver reports no card in the reader.
func waitEmpty(ctx context.Context, driver reader.Driver, name string) error {
	empty := func() bool {
		_, err := reader.Find(ctx, driver, name, nil)
		return errors.Is(err, reader.ErrNoCard)
	}
	for _, err := range driver.Watch(ctx) {
		if err != nil || empty() {
			return err
		}
	}
	return ctx.Err()
}
