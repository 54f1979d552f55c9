//go:build cgo

package pcsc_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/internal/soak"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// slowCard is a card that responds to a command for the retry counter only after proceed
// was closed.
type slowCard struct {
	*simulator.Card
	received chan struct{}
	proceed  chan struct{}
}

func newSlowCard(t *testing.T) slowCard {
	t.Helper()
	return slowCard{Card: newCard(t, "pcscd"), received: make(chan struct{}, 1), proceed: make(chan struct{})}
}

func (c slowCard) Exchange(command []byte) []byte {
	if bytes.Equal(command, readCounter) {
		c.received <- struct{}{}
		<-c.proceed
	}
	return c.Card.Exchange(command)
}

// sendSlow sends a command to which the card does not respond yet, and returns when the
// card has received it. failure waits for the error of the command.
func sendSlow(t *testing.T, ctx context.Context, card reader.Card, c slowCard) (failure func() error) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := card.Transmit(ctx, readCounter)
		failed <- err
	}()
	<-c.received
	return func() error {
		select {
		case err := <-failed:
			return err
		case <-time.After(limit):
			t.Fatal("the command does not end")
			return nil
		}
	}
}

// The daemon is killed during a command, several times. That command and all later ones
// fail with ErrNoService until the daemon is started again, and nothing is leaked.
//
// Faults: F01.
func TestServiceKilledDuringACommand(t *testing.T) {
	requireDaemon(t)
	var before soak.Usage
	for round := range 3 {
		if round == 1 {
			before = soak.Now() // after what is created only once
		}
		killedDuringACommand(t)
	}
	t.Log(soak.RequireNoMore(t, before))
}

func killedDuringACommand(t *testing.T) {
	ctx := t.Context()
	slow := newSlowCard(t)
	remove := insert(t, 0, slow)
	card := connect(t, 0)
	require.NoError(t, card.Begin(ctx))
	requireResponse(t, card, selectJPKI, done)
	failure := sendSlow(t, ctx, card, slow)

	killed := time.Now()
	daemon.Kill()
	err := failure()
	t.Logf("after %s: %v", time.Since(killed).Round(time.Millisecond), err)
	assert.ErrorIs(t, err, reader.ErrNoService)
	_, err = card.Transmit(ctx, selectJPKI)
	t.Log(err)
	assert.ErrorIs(t, err, reader.ErrNoService)
	assert.NoError(t, card.End())
	assert.ErrorIs(t, card.Begin(ctx), reader.ErrNoService)
	assert.NoError(t, card.Close())
	_, err = pcsc.New().Connect(ctx, pcscdtest.Readers[0])
	assert.ErrorIs(t, err, reader.ErrNoService)
	_, err = pcsc.New().Readers(ctx)
	assert.ErrorIs(t, err, reader.ErrNoService)
	close(slow.proceed)

	require.NoError(t, daemon.Launch())
	awaitCard(t, 0)
	again := connect(t, 0)
	requireResponse(t, again, selectJPKI, done)
	requireResponse(t, again, readCounter, threeLeft)
	require.NoError(t, again.Close())
	remove()
	awaitEmpty(t, 0)
}

// A connection does not continue after a restart of the daemon, even though the reader
// and the card are there again.
func TestConnectionEndsWithTheService(t *testing.T) {
	requireDaemon(t)
	insert(t, 0, newCard(t, "pcscd"))
	card := connect(t, 0)
	requireResponse(t, card, selectJPKI, done)
	daemon.Kill()
	require.NoError(t, daemon.Launch())
	awaitCard(t, 0)
	_, err := card.Transmit(t.Context(), readCounter)
	t.Log(err)
	assert.ErrorIs(t, err, reader.ErrNoService)
	assert.NoError(t, card.Close())
}

// A command ends with its context even if the card never responds. The goroutine behind
// it ends with the daemon.
//
// Faults: F23.
func TestContextEndsACommandOfAMuteCard(t *testing.T) {
	requireDaemon(t)
	before := soak.Now()
	slow := newSlowCard(t)
	remove := insert(t, 0, slow)
	card := connect(t, 0)
	requireResponse(t, card, selectJPKI, done)
	ctx, cancel := context.WithCancel(t.Context())
	failure := sendSlow(t, ctx, card, slow)
	cancel()
	assert.ErrorIs(t, failure(), context.Canceled)
	_, err := card.Transmit(t.Context(), selectJPKI)
	assert.ErrorIs(t, err, reader.ErrClosed)
	assert.ErrorIs(t, card.Close(), reader.ErrBusy, "the call of PC/SC has not returned")

	daemon.Kill()
	close(slow.proceed)
	remove()
	assert.NoError(t, card.Close())
	t.Log(soak.RequireNoMore(t, before))
	require.NoError(t, daemon.Launch())
}

// If the card is removed during a command, the error is ErrRemoved. The next card works.
//
// Faults: F22, F23.
func TestCardRemovedDuringACommand(t *testing.T) {
	requireDaemon(t)
	var before soak.Usage
	for round := range 2 {
		if round == 1 {
			before = soak.Now()
		}
		slow := newSlowCard(t)
		remove := insert(t, 0, slow)
		card := connect(t, 0)
		require.NoError(t, card.Begin(t.Context()))
		requireResponse(t, card, selectJPKI, done)
		failure := sendSlow(t, t.Context(), card, slow)
		removed := time.Now()
		removeEnded := make(chan struct{})
		go func() { remove(); close(removeEnded) }()
		err := failure()
		t.Logf("after %s: %v", time.Since(removed).Round(time.Millisecond), err)
		assert.ErrorIs(t, err, reader.ErrRemoved)
		assert.Less(t, time.Since(removed), 5*time.Second)
		close(slow.proceed)
		<-removeEnded
		assert.NoError(t, card.End())
		assert.NoError(t, card.Close())
		awaitEmpty(t, 0)
		assert.Equal(t, 3, slow.State().AuthAttempts)

		out := insert(t, 0, newCard(t, "pcscd"))
		next := connect(t, 0)
		requireResponse(t, next, selectJPKI, done)
		requireResponse(t, next, readCounter, threeLeft)
		require.NoError(t, next.Close())
		out()
		awaitEmpty(t, 0)
	}
	t.Log(soak.RequireNoMore(t, before))
}

// A Watch reports each time that the daemon dies and starts again, and leaks nothing.
//
// Faults: F03.
func TestWatchSurvivesTheDaemon(t *testing.T) {
	requireDaemon(t)
	insert(t, 0, newCard(t, "pcscd"))
	ctx, cancel := context.WithTimeout(t.Context(), 3*limit)
	defer cancel()
	var before soak.Usage
	var kinds []reader.EventKind // of the service and the card's reader
	starts := 0
	for event, err := range pcsc.New().Watch(ctx) {
		require.NoError(t, err)
		if event.Reader != "" && event.Reader != pcscdtest.Readers[0] {
			continue
		}
		kinds = append(kinds, event.Kind)
		if event.Kind == reader.ServiceDown {
			require.NoError(t, daemon.Launch())
		}
		if event.Kind != reader.CardInserted {
			continue
		}
		if starts == 1 {
			before = soak.Now()
		}
		if starts++; starts == 4 {
			t.Log(soak.RequireNoMore(t, before))
			break
		}
		daemon.Kill()
	}
	require.NoError(t, ctx.Err(), "%v", kinds)
	start := []reader.EventKind{reader.ReaderAdded, reader.CardInserted}
	down := []reader.EventKind{reader.CardRemoved, reader.ReaderRemoved, reader.ServiceDown, reader.ServiceUp}
	restart := slices.Concat(down, start)
	assert.Equal(t, slices.Concat(start, restart, restart, restart), kinds)
}
