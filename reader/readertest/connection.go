package readertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func (s suite) commands(t *testing.T) {
	inserted := s.insertAndAwait(t, simulator.ContactExtended)
	card := s.connect(t)
	assert.Equal(t, inserted.ATR(), card.ATR())
	s.send(t, card, selectJPKI, done)
	s.send(t, card, readCounter, []byte{0x63, 0xC3})

	block, err := card.Transmit(s.ctx, readBlock)
	require.NoError(t, err)
	assert.Len(t, block, 258)
	whole, err := card.Transmit(s.ctx, []byte{0x00, 0xB0, 0x8A, 0x00, 0x00, 0x00, 0x00})
	require.NoError(t, err)
	assert.Greater(t, len(whole), 1500, "the reader supports extended lengths")
	assert.Equal(t, block[:256], whole[:256])
}

func (s suite) malformedCommands(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	card := s.connect(t)
	for _, command := range [][]byte{nil, {}, {0x00}, {0x00, 0xA4, 0x04}} {
		_, err := card.Transmit(s.ctx, command)
		assert.Error(t, err, "%X", command)
	}
	s.send(t, card, selectJPKI, done)
}

func (s suite) removal(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	card := s.connect(t)
	require.NoError(t, card.Begin(s.ctx))
	s.send(t, card, selectJPKI, done)
	s.Remove(t)
	AwaitEmpty(t, s.Fixture)

	_, err := card.Transmit(s.ctx, readCounter)
	assert.ErrorIs(t, err, reader.ErrRemoved)
	assert.NoError(t, card.End())

	s.insertAndAwait(t, simulator.Contact)
	_, err = card.Transmit(s.ctx, readCounter)
	assert.ErrorIs(t, err, reader.ErrRemoved, "a connection does not continue with another card")
	assert.ErrorIs(t, card.Begin(s.ctx), reader.ErrRemoved)
	assert.NoError(t, card.Close())

	s.send(t, s.connect(t), selectJPKI, done)
}

func (s suite) endedContext(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.Driver.Connect(ctx, s.Reader)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = s.Driver.Readers(ctx)
	assert.ErrorIs(t, err, context.Canceled)

	card := s.connect(t)
	_, err = card.Transmit(ctx, selectJPKI)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, card.Begin(ctx), context.Canceled)
	s.send(t, card, selectJPKI, done)
}

func (s suite) closedConnection(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	card := s.connect(t)
	require.NoError(t, card.Close())
	require.NoError(t, card.Close())
	_, err := card.Transmit(s.ctx, selectJPKI)
	assert.ErrorIs(t, err, reader.ErrClosed)
	assert.ErrorIs(t, card.Begin(s.ctx), reader.ErrClosed)
	assert.NoError(t, card.End())
}
