package simulator_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// slow inserts a card into a reader called "Slow". During GET CHALLENGE the card closes
// computing and then computes until done is closed.
func slow(t *testing.T, driver *simulator.Driver) (slot *simulator.Reader, computing, done chan struct{}) {
	t.Helper()
	computing, done = make(chan struct{}), make(chan struct{})
	card := newCard(t, simulator.Contact, simulator.WithRandom(readerFunc(func(b []byte) (int, error) {
		close(computing)
		<-done
		return len(b), nil
	})))
	slot = driver.AddReader("Slow")
	require.NoError(t, slot.Insert(card))
	return slot, computing, done
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(b []byte) (int, error) { return r(b) }

func TestSlowCardDoesNotBlockOthers(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	slot, computing, done := slow(t, driver)
	require.NoError(t, driver.AddReader("Other").Insert(newCard(t, simulator.Contact)))
	session, err := driver.Connect(ctx, "Slow")
	require.NoError(t, err)

	canceled, cancel := context.WithCancel(ctx)
	answered := make(chan error, 1)
	go func() {
		_, err := session.Transmit(canceled, getChallenge)
		answered <- err
	}()
	<-computing
	cancel()
	require.ErrorIs(t, <-answered, context.Canceled, "returns at once")

	other, err := driver.Connect(ctx, "Other")
	require.NoError(t, err)
	_, err = other.Transmit(ctx, selectApp)
	require.NoError(t, err)
	removed := make(chan struct{})
	go func() { slot.Remove(); close(removed) }()
	require.NoError(t, other.Close())
	list, err := driver.Readers(ctx)
	require.NoError(t, err)
	assert.Len(t, list, 2)
	close(done)
	<-removed
	require.NoError(t, session.Close())
}

func TestCommandInProgressBlocksBegin(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	_, computing, done := slow(t, driver)
	first, err := driver.Connect(ctx, "Slow")
	require.NoError(t, err)
	second, err := driver.Connect(ctx, "Slow")
	require.NoError(t, err)

	answered := make(chan error, 1)
	go func() {
		_, err := first.Transmit(ctx, getChallenge)
		answered <- err
	}()
	<-computing
	begun := make(chan error, 1)
	go func() { begun <- second.Begin(ctx) }()
	select {
	case <-begun:
		t.Fatal("the transaction began during another session's command")
	case <-time.After(20 * time.Millisecond):
	}
	close(done)
	require.NoError(t, <-answered)
	require.NoError(t, <-begun)
}

func TestRemoveDuringCommand(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	slot, computing, done := slow(t, driver)
	session, err := driver.Connect(ctx, "Slow")
	require.NoError(t, err)
	answered := make(chan error, 1)
	go func() {
		_, err := session.Transmit(ctx, getChallenge)
		answered <- err
	}()
	<-computing
	removed := make(chan struct{})
	go func() { slot.Remove(); close(removed) }()
	require.ErrorIs(t, <-answered, reader.ErrRemoved)

	// The reader accepts another card at once.
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	second, err := driver.Connect(ctx, "Slow")
	require.NoError(t, err)
	_, err = second.Transmit(ctx, selectApp)
	require.NoError(t, err)
	close(done)
	<-removed
	_, err = second.Transmit(ctx, readAttempts)
	require.NoError(t, err)
}
