package simulator_test

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var (
	rightPIN = []byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}
	wrongPIN = []byte{0x00, 0x20, 0x00, 0x98, 0x04, '9', '9', '9', '9'}
)

// connected is a session with a new card.
func connected(t *testing.T, options ...simulator.DriverOption) (*simulator.Driver, *simulator.Reader, *simulator.Card, reader.Card) {
	t.Helper()
	driver := simulator.New(options...)
	slot := driver.AddReader("Reader")
	card := newCard(t, simulator.Contact)
	require.NoError(t, slot.Insert(card))
	return driver, slot, card, connect(t, driver)
}

func connect(t *testing.T, driver *simulator.Driver) reader.Card {
	t.Helper()
	session, err := driver.Connect(context.Background(), "Reader")
	require.NoError(t, err)
	return session
}

func send(t *testing.T, session reader.Card, command []byte) string {
	t.Helper()
	answer, err := session.Transmit(context.Background(), command)
	require.NoError(t, err)
	return hex.EncodeToString(answer)
}

// The card has counted the wrong PIN, and who sent it can't know.
func TestFaultsAfterTheCardHasExecuted(t *testing.T) {
	other := newCard(t, simulator.Contact)
	for _, tt := range []struct {
		name string
		do   simulator.Action
		err  error
	}{
		{"pulled", simulator.PullCard(), reader.ErrRemoved},
		{"swapped", simulator.SwapCard(other), reader.ErrRemoved},
		{"reset", simulator.ResetCard(), reader.ErrChanged},
		{"service stopped", simulator.StopService(), reader.ErrNoService},
		{"service restarted", simulator.RestartService(), reader.ErrNoService},
		{"fails", simulator.FailBefore(errLost), errLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, slot, card, session := connected(t)
			send(t, session, selectApp)
			slot.Fail(simulator.Fault{INS: 0x20, Nth: 1, Do: simulator.After(tt.do)})
			answer, err := session.Transmit(context.Background(), wrongPIN)
			require.ErrorIs(t, err, tt.err)
			assert.Nil(t, answer)
			assert.Equal(t, 2, card.State().AuthTries)
		})
	}
	assert.Equal(t, 3, other.State().AuthTries)
}

// A warm reset keeps what was verified, for whoever connects next; what cuts
// the card's power does not, and neither does closing the session in the end.
func TestWhatFaultsLeaveVerified(t *testing.T) {
	for _, tt := range []struct {
		name     string
		do       simulator.Action
		verified bool
	}{
		{"reset", simulator.ResetCard(), true},
		{"service restarted", simulator.RestartService(), false},
		{"pulled", simulator.PullCard(), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, slot, card, session := connected(t)
			send(t, session, selectApp)
			require.Equal(t, "9000", send(t, session, rightPIN))
			slot.Fail(simulator.Fault{INS: 0x20, Nth: 1, Do: tt.do})
			_, _ = session.Transmit(context.Background(), askTries)
			assert.Equal(t, tt.verified, card.State().AuthVerified)
			if second, err := driver.Connect(context.Background(), "Reader"); err == nil {
				assert.Equal(t, tt.verified, card.State().AuthVerified, "connecting is no reset")
				assert.Equal(t, "6986", send(t, second, askTries), "no application is selected")
				require.NoError(t, second.End())
			}
			require.NoError(t, session.Close())
			assert.False(t, card.State().AuthVerified)
		})
	}
}

// A reset does not save a card whose power was to be cut.
func TestAResetOfACardWhosePowerWasToBeCut(t *testing.T) {
	driver, slot, card, session := connected(t)
	send(t, session, selectApp)
	send(t, session, rightPIN)
	second := connect(t, driver)
	require.NoError(t, second.Begin(context.Background()))
	require.ErrorIs(t, session.Close(), reader.ErrBusy)
	require.True(t, card.State().AuthVerified)
	slot.Fail(simulator.Fault{Do: simulator.ResetCard()})
	_, err := second.Transmit(context.Background(), askTries)
	require.ErrorIs(t, err, reader.ErrChanged)
	assert.False(t, card.State().AuthVerified)
}

// Whatever comes next finds that an idle transaction's time is over: ending and
// closing, another program, and an answer that is not the card's.
func TestIdleTransactionsAreFoundByAnybody(t *testing.T) {
	ctx := context.Background()
	begun := func(t *testing.T) (*simulator.Driver, *simulator.Reader, *simulator.Card, reader.Card) {
		now := time.Unix(0, 0)
		driver, slot, card, session := connected(t, simulator.WithIdleReset(func() time.Time { return now }))
		require.NoError(t, session.Begin(ctx))
		send(t, session, selectApp)
		now = now.Add(time.Minute)
		return driver, slot, card, session
	}
	t.Run("another program", func(t *testing.T) {
		driver, _, _, session := begun(t)
		require.NoError(t, connect(t, driver).Begin(ctx))
		_, err := session.Transmit(ctx, askTries)
		require.ErrorIs(t, err, reader.ErrChanged)
	})
	t.Run("its end", func(t *testing.T) {
		_, _, _, session := begun(t)
		require.NoError(t, session.End())
		_, err := session.Transmit(ctx, askTries)
		require.ErrorIs(t, err, reader.ErrChanged)
	})
	t.Run("closing", func(t *testing.T) {
		_, slot, card, session := begun(t)
		require.NoError(t, session.Close())
		assert.False(t, card.State().Powered)
		connections, transaction := slot.InUse()
		assert.Zero(t, connections)
		assert.False(t, transaction)
	})
	t.Run("an answer that is not the card's", func(t *testing.T) {
		_, slot, _, session := begun(t)
		slot.Fail(simulator.Fault{Do: simulator.AnswerStatus(0x9000)})
		_, err := session.Transmit(ctx, askTries)
		require.ErrorIs(t, err, reader.ErrChanged)
	})
}

// Nobody could close a connection that was made and lost on the way.
func TestALostConnectionIsNotInUse(t *testing.T) {
	ctx := context.Background()
	driver, slot, _, session := connected(t)
	slot.Fail(simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailAfter(errLost)})
	_, err := driver.Connect(ctx, "Reader")
	require.ErrorIs(t, err, errLost)
	require.NoError(t, session.Close())

	abandoned := connect(t, driver)
	ending, cancel := context.WithCancel(ctx)
	slot.Fail(simulator.Fault{Do: simulator.After(func(context.Context, *simulator.Reader, func() ([]byte, error)) ([]byte, error) {
		cancel()
		return nil, errLost
	})})
	_, err = abandoned.Transmit(ending, selectApp)
	require.ErrorIs(t, err, context.Canceled)
	connections, _ := slot.InUse()
	assert.Zero(t, connections)
}
