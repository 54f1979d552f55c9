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

// thinker is a card that thinks about each question for its retry counter until
// it is told to go on.
type thinker struct {
	*simulator.Card
	thinking chan struct{}
	goOn     chan struct{}
}

func newThinker(t *testing.T) thinker {
	t.Helper()
	return thinker{Card: newCard(t, "pcscd"), thinking: make(chan struct{}, 1), goOn: make(chan struct{})}
}

func (c thinker) Exchange(command []byte) []byte {
	if bytes.Equal(command, askCounter) {
		c.thinking <- struct{}{}
		<-c.goOn
	}
	return c.Card.Exchange(command)
}

// askThinker sends a command that the card thinks about, and returns when it
// does.
func askThinker(t *testing.T, ctx context.Context, card reader.Card, c thinker) (failure func() error) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := card.Transmit(ctx, askCounter)
		failed <- err
	}()
	<-c.thinking
	return func() error {
		select {
		case err := <-failed:
			return err
		case <-time.After(limit):
			t.Fatal("the command under way does not end")
			return nil
		}
	}
}

// The daemon is killed while the card works, in one session after the other: the
// command under way and all that follow say that there is no service, until it
// is started again, and nothing is left of any session.
//
// Faults: F01.
func TestServiceKilledDuringACommand(t *testing.T) {
	requireDaemon(t)
	var before soak.Usage
	for round := range 3 {
		if round == 1 {
			before = soak.Now() // the first leaves what is made once
		}
		killedDuringACommand(t)
	}
	t.Log(soak.RequireNoMore(t, before))
}

func killedDuringACommand(t *testing.T) {
	ctx := t.Context()
	slow := newThinker(t)
	remove := insert(t, 0, slow)
	card := connect(t, 0)
	require.NoError(t, card.Begin(ctx))
	requireAnswer(t, card, selectJPKI, done)
	failure := askThinker(t, ctx, card, slow)

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
	close(slow.goOn)

	require.NoError(t, daemon.Launch())
	awaitCard(t, 0)
	again := connect(t, 0)
	requireAnswer(t, again, selectJPKI, done)
	requireAnswer(t, again, askCounter, threeLeft)
	require.NoError(t, again.Close())
	remove()
	awaitEmpty(t, 0)
}

// A session from before a restart doesn't go on after it, though reader and card
// are there again.
func TestSessionEndsWithTheService(t *testing.T) {
	requireDaemon(t)
	insert(t, 0, newCard(t, "pcscd"))
	card := connect(t, 0)
	requireAnswer(t, card, selectJPKI, done)
	daemon.Kill()
	require.NoError(t, daemon.Launch())
	awaitCard(t, 0)
	_, err := card.Transmit(t.Context(), askCounter)
	t.Log(err)
	assert.ErrorIs(t, err, reader.ErrNoService)
	assert.NoError(t, card.Close())
}

// A context ends a command that the card doesn't answer, whatever the daemon
// does; what waits behind it ends with the daemon.
//
// Faults: F23.
func TestContextEndsACommandOfAMuteCard(t *testing.T) {
	requireDaemon(t)
	before := soak.Now()
	slow := newThinker(t)
	remove := insert(t, 0, slow)
	card := connect(t, 0)
	requireAnswer(t, card, selectJPKI, done)
	ctx, cancel := context.WithCancel(t.Context())
	failure := askThinker(t, ctx, card, slow)
	cancel()
	assert.ErrorIs(t, failure(), context.Canceled)
	_, err := card.Transmit(t.Context(), selectJPKI)
	assert.ErrorIs(t, err, reader.ErrClosed)
	assert.ErrorIs(t, card.Close(), reader.ErrBusy, "PC/SC has the call still")

	daemon.Kill()
	close(slow.goOn)
	remove()
	assert.NoError(t, card.Close())
	t.Log(soak.RequireNoMore(t, before))
	require.NoError(t, daemon.Launch())
}

// The card is pulled while it works. That is a removed card, and the next one
// works.
//
// Faults: F22, F23.
func TestCardPulledDuringACommand(t *testing.T) {
	requireDaemon(t)
	var before soak.Usage
	for round := range 2 {
		if round == 1 {
			before = soak.Now()
		}
		slow := newThinker(t)
		remove := insert(t, 0, slow)
		card := connect(t, 0)
		require.NoError(t, card.Begin(t.Context()))
		requireAnswer(t, card, selectJPKI, done)
		failure := askThinker(t, t.Context(), card, slow)
		pulled := time.Now()
		gone := make(chan struct{})
		go func() { remove(); close(gone) }()
		err := failure()
		t.Logf("after %s: %v", time.Since(pulled).Round(time.Millisecond), err)
		assert.ErrorIs(t, err, reader.ErrRemoved)
		assert.Less(t, time.Since(pulled), 5*time.Second)
		close(slow.goOn)
		<-gone
		assert.NoError(t, card.End())
		assert.NoError(t, card.Close())
		awaitEmpty(t, 0)
		assert.Equal(t, 3, slow.State().AuthTries)

		out := insert(t, 0, newCard(t, "pcscd"))
		next := connect(t, 0)
		requireAnswer(t, next, selectJPKI, done)
		requireAnswer(t, next, askCounter, threeLeft)
		require.NoError(t, next.Close())
		out()
		awaitEmpty(t, 0)
	}
	t.Log(soak.RequireNoMore(t, before))
}

// One watcher sees the daemon die and come back, as often as it does, and holds
// no more afterwards.
//
// Faults: F03.
func TestWatchOutlivesTheService(t *testing.T) {
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
	death := []reader.EventKind{reader.CardRemoved, reader.ReaderRemoved, reader.ServiceDown, reader.ServiceUp}
	once := slices.Concat(death, start)
	assert.Equal(t, slices.Concat(start, once, once, once), kinds)
}
