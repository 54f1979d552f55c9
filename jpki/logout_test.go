package jpki_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// unlock is another program that verifies the PIN and is gone.
func unlock(t *testing.T, d *cardtest.Desk) {
	t.Helper()
	card := d.OtherProgram(t)
	for _, command := range [][]byte{selectJPKI, verifyWith(simulator.PIN)} {
		answer, err := card.Transmit(context.Background(), command)
		require.NoError(t, err)
		require.Equal(t, []byte{0x90, 0x00}, answer)
	}
	require.True(t, d.Card.State().AuthVerified)
}

// LogOut logs out a card that another program left unlocked, without a PIN and before the
// power is cut. It does not change any other card.
//
// Faults: F93.
func TestLogOut(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android, simulator.LastAttempt} {
		d := cardtest.Open(t, profile)
		unlock(t, d)
		require.NoError(t, jpki.LogOut(context.Background(), d.Connection))
		assert.False(t, d.Card.State().AuthVerified)
		assert.Len(t, d.Sent(), 2)
		assert.Zero(t, d.Secrets())
		_, transaction := d.Slot.InUse()
		assert.False(t, transaction)
		require.NoError(t, jpki.LogOut(context.Background(), d.Connection), "again")
	}
	locked := cardtest.Open(t, simulator.Locked)
	require.NoError(t, jpki.LogOut(context.Background(), locked.Connection))
}

// Another kind of card gets one SELECT for each generation, which changes nothing in it.
//
// Faults: F93.
func TestLogOutDoesNotChangeOtherCards(t *testing.T) {
	d := cardtest.Open(t, simulator.NotMyNumber)
	require.ErrorIs(t, jpki.LogOut(context.Background(), d.Connection), jpki.ErrNoApplication)
	require.Len(t, d.Sent(), len(generation.All))
	for _, c := range d.Sent() {
		assert.EqualValues(t, apdu.InsSelect, c.INS)
	}
	require.NotErrorIs(t, jpki.LogOut(context.Background(), d.Connection), jpki.ErrStillUnlocked)
}

// If LogOut returns an error, the card may still be unlocked, whatever failed.
//
// Faults: F75, F93.
func TestLogOutFails(t *testing.T) {
	for name, tt := range unsure {
		if name == "refused" {
			continue // by a card that is left: below
		}
		for _, fault := range []simulator.Fault{{On: simulator.Begin, Do: tt.do}, {Do: tt.do}, whileLoggingOut(tt.do)} {
			if fault.On == simulator.Begin && (tt.cause == apdu.ErrShortResponse || tt.cause == apdu.ErrExcessResponse) {
				continue // Begin has no answer
			}
			d := cardtest.Open(t, simulator.Contact)
			unlock(t, d)
			d.Slot.AddFault(fault)
			err := jpki.LogOut(context.Background(), d.Connection)
			require.ErrorIs(t, err, jpki.ErrStillUnlocked, name)
			require.ErrorIs(t, err, tt.cause, name)
		}
	}
	for name, removal := range removals(t) {
		for _, fault := range []simulator.Fault{{On: simulator.Begin, Nth: 1, Do: removal}, {Nth: 1, Do: removal}, whileLoggingOut(removal)} {
			d := cardtest.Open(t, simulator.Contact)
			unlock(t, d)
			d.Slot.AddFault(fault)
			require.NoError(t, jpki.LogOut(context.Background(), d.Connection), name)
			assert.False(t, d.Card.State().AuthVerified)
		}
	}
	d := cardtest.Open(t, simulator.Contact)
	unlock(t, d)
	d.Slot.AddFault(whileLoggingOut(simulator.AnswerStatus(apdu.StatusFileNotFound)))
	require.ErrorIs(t, jpki.LogOut(context.Background(), d.Connection), jpki.ErrStillUnlocked)
}

// LogOut waits for another program's transaction until the context ends.
//
// Faults: F93.
func TestLogOutWaitsForAnotherTransaction(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	other := d.OtherProgram(t)
	require.NoError(t, other.Begin(context.Background()))
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := jpki.LogOut(ctx, d.Connection)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, jpki.ErrStillUnlocked)
	require.NoError(t, other.End())
	require.ErrorIs(t, jpki.LogOut(context.Background(), d.Connection), reader.ErrClosed, "given up")
	require.NoError(t, jpki.LogOut(context.Background(), d.OtherProgram(t)))
}
