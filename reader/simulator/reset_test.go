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

// connected inserts a new card and connects to it.
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

// The card has counted the wrong PIN, and the program gets no response.
func TestFaultsAfterExecution(t *testing.T) {
	other := newCard(t, simulator.Contact)
	for _, tt := range []struct {
		name string
		do   simulator.Action
		err  error
	}{
		{"removed", simulator.PullCard(), reader.ErrRemoved},
		{"exchanged", simulator.SwapCard(other), reader.ErrRemoved},
		{"reset", simulator.ResetCard(), reader.ErrChanged},
		{"service stopped", simulator.StopService(), reader.ErrNoService},
		{"service restarted", simulator.RestartService(), reader.ErrNoService},
		{"error", simulator.FailBefore(errTransport), errTransport},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, slot, card, session := connected(t)
			send(t, session, selectApp)
			slot.AddFault(simulator.Fault{INS: 0x20, Nth: 1, Do: simulator.After(tt.do)})
			answer, err := session.Transmit(context.Background(), wrongPIN)
			require.ErrorIs(t, err, tt.err)
			assert.Nil(t, answer)
			assert.Equal(t, 2, card.State().AuthAttempts)
		})
	}
	assert.Equal(t, 3, other.State().AuthAttempts)
}

// After a warm reset the card is still unlocked, also for the next program. A cut of the
// card's power logs it out, and closing the session cuts the power.
func TestCardIsStillUnlockedAfterReset(t *testing.T) {
	for _, tt := range []struct {
		name     string
		do       simulator.Action
		verified bool
	}{
		{"reset", simulator.ResetCard(), true},
		{"service restarted", simulator.RestartService(), false},
		{"removed", simulator.PullCard(), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, slot, card, session := connected(t)
			send(t, session, selectApp)
			require.Equal(t, "9000", send(t, session, rightPIN))
			slot.AddFault(simulator.Fault{INS: 0x20, Nth: 1, Do: tt.do})
			_, _ = session.Transmit(context.Background(), readAttempts)
			assert.Equal(t, tt.verified, card.State().AuthVerified)
			if second, err := driver.Connect(context.Background(), "Reader"); err == nil {
				assert.Equal(t, tt.verified, card.State().AuthVerified, "connecting does not reset the card")
				assert.Equal(t, "6986", send(t, second, readAttempts), "no application is selected")
				require.NoError(t, second.End())
			}
			require.NoError(t, session.Close())
			assert.False(t, card.State().AuthVerified)
		})
	}
}

// If the card's power is to be cut when the last session ends, a reset cuts it at once.
func TestResetCutsPowerThatIsDue(t *testing.T) {
	driver, slot, card, session := connected(t)
	send(t, session, selectApp)
	send(t, session, rightPIN)
	second := connect(t, driver)
	require.NoError(t, second.Begin(context.Background()))
	require.ErrorIs(t, session.Close(), reader.ErrBusy)
	require.True(t, card.State().AuthVerified)
	slot.AddFault(simulator.Fault{Do: simulator.ResetCard()})
	_, err := second.Transmit(context.Background(), readAttempts)
	require.ErrorIs(t, err, reader.ErrChanged)
	assert.False(t, card.State().AuthVerified)
}

// Any next access resets a card whose transaction is idle: another program's, ending the
// transaction, closing the session, or a command that a fault answers.
func TestAnyAccessResetsIdleCard(t *testing.T) {
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
		_, err := session.Transmit(ctx, readAttempts)
		require.ErrorIs(t, err, reader.ErrChanged)
	})
	t.Run("ending the transaction", func(t *testing.T) {
		_, _, _, session := begun(t)
		require.NoError(t, session.End())
		_, err := session.Transmit(ctx, readAttempts)
		require.ErrorIs(t, err, reader.ErrChanged)
	})
	t.Run("closing the session", func(t *testing.T) {
		_, slot, card, session := begun(t)
		require.NoError(t, session.Close())
		assert.False(t, card.State().Powered)
		connections, transaction := slot.InUse()
		assert.Zero(t, connections)
		assert.False(t, transaction)
	})
	t.Run("a command that a fault answers", func(t *testing.T) {
		_, slot, _, session := begun(t)
		slot.AddFault(simulator.Fault{Do: simulator.AnswerStatus(0x9000)})
		_, err := session.Transmit(ctx, readAttempts)
		require.ErrorIs(t, err, reader.ErrChanged)
	})
}

// A connection that a fault or ctx's end withholds from the program can't be closed by it,
// so it does not count as in use.
func TestLostConnectionIsNotInUse(t *testing.T) {
	ctx := context.Background()
	driver, slot, _, session := connected(t)
	slot.AddFault(simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailAfter(errTransport)})
	_, err := driver.Connect(ctx, "Reader")
	require.ErrorIs(t, err, errTransport)
	require.NoError(t, session.Close())

	second := connect(t, driver)
	canceled, cancel := context.WithCancel(ctx)
	slot.AddFault(simulator.Fault{Do: simulator.After(func(context.Context, *simulator.Reader, func() ([]byte, error)) ([]byte, error) {
		cancel()
		return nil, errTransport
	})})
	_, err = second.Transmit(canceled, selectApp)
	require.ErrorIs(t, err, context.Canceled)
	connections, _ := slot.InUse()
	assert.Zero(t, connections)
}
