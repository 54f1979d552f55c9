package readertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func (s suite) closeLogsOut(t *testing.T) {
	inserted := s.insertAndAwait(t, simulator.Contact)
	card := s.connect(t)
	s.send(t, card, selectJPKI, done)
	s.send(t, card, verifyPIN, done)
	require.True(t, inserted.State().AuthVerified)
	require.NoError(t, card.Close())

	second := s.connect(t)
	s.send(t, second, selectJPKI, done)
	s.send(t, second, signCommand(), []byte{0x69, 0x82})
	assert.False(t, inserted.State().AuthVerified)
}

func (s suite) closeEndsOthers(t *testing.T) {
	s.insertAndAwait(t, simulator.Contact)
	first, second := s.connect(t), s.connect(t)
	s.send(t, first, selectJPKI, done)
	s.send(t, second, readCounter, []byte{0x63, 0xC3}) // both connections share the card's state
	require.NoError(t, first.Close())
	_, err := second.Transmit(s.ctx, readCounter)
	assert.ErrorIs(t, err, reader.ErrChanged)
}

// closeDuringTransaction checks that closing a connection does not disturb the
// transaction of another one.
func (s suite) closeDuringTransaction(t *testing.T) {
	inserted := s.insertAndAwait(t, simulator.Contact)
	holder := s.connect(t)
	unused, used := s.connect(t), s.connect(t)
	s.send(t, used, selectJPKI, done)
	require.NoError(t, holder.Begin(s.ctx))
	s.send(t, holder, selectJPKI, done)
	s.send(t, holder, verifyPIN, done)
	if err := unused.Close(); err != nil {
		assert.ErrorIs(t, err, reader.ErrBusy)
	}
	assert.ErrorIs(t, used.Close(), reader.ErrBusy, "the power is cut when the transaction ends")
	s.send(t, holder, readCounter, []byte{0x63, 0xC3})
	assert.True(t, inserted.State().AuthVerified)

	require.NoError(t, holder.End())
	require.Eventually(t, func() bool { return !inserted.State().AuthVerified }, limit, time.Millisecond)
	_, err := holder.Transmit(s.ctx, readCounter)
	assert.ErrorIs(t, err, reader.ErrChanged)
}

// unusedConnection checks that closing a connection does not affect the card if no
// command was sent.
func (s suite) unusedConnection(t *testing.T) {
	inserted := s.insertAndAwait(t, simulator.Contact)
	used, unused := s.connect(t), s.connect(t)
	s.send(t, used, selectJPKI, done)
	s.send(t, used, verifyPIN, done)
	require.NoError(t, unused.Close())
	s.send(t, used, readCounter, []byte{0x63, 0xC3})
	assert.True(t, inserted.State().AuthVerified)
}

// keepPower checks that a probe does not disturb other programs that use the card,
// however its connection ends, unless it has sent a secret.
func (s suite) keepPower(t *testing.T) {
	inserted := s.insertAndAwait(t, simulator.Contact)
	probe := func() reader.Card {
		card := reader.Trace(s.connect(t), func(reader.Exchange) {})
		card.(reader.PowerKeeper).KeepPower()
		return card
	}
	working := s.connect(t)
	if _, ok := working.(reader.PowerKeeper); !ok {
		t.Skip("the cards of this driver do not implement PowerKeeper")
	}
	s.send(t, working, selectJPKI, done)
	s.send(t, working, verifyPIN, done)
	undisturbed := func() {
		t.Helper()
		s.send(t, working, readCounter, []byte{0x63, 0xC3})
		assert.True(t, inserted.State().AuthVerified)
	}

	closed := probe()
	s.send(t, closed, selectOther, notFound)
	require.NoError(t, closed.Close())
	undisturbed()

	inTransaction := probe()
	require.NoError(t, inTransaction.Begin(s.ctx))
	s.send(t, inTransaction, selectOther, notFound)
	require.NoError(t, inTransaction.Close())
	undisturbed()

	abandoned := probe()
	s.send(t, abandoned, selectOther, notFound)
	require.NoError(t, working.Begin(s.ctx))
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	_, err := abandoned.Transmit(ctx, selectOther)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, working.End())
	undisturbed()
	require.NoError(t, abandoned.Close())
	undisturbed()

	withSecret := probe()
	s.send(t, withSecret, verifyPIN, done)
	require.NoError(t, withSecret.Close())
	_, err = working.Transmit(s.ctx, readCounter)
	require.ErrorIs(t, err, reader.ErrChanged)
	assert.False(t, inserted.State().AuthVerified)
}
