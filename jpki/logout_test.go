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

// A card that somebody left unlocked is logged out, before its power is cut, and
// without a PIN; one that was not stays as it was.
//
// Faults: F93.
func TestLogOut(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android, simulator.LastTry} {
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

// A card of another kind gets one SELECT for each generation, which changes nothing in it.
//
// Faults: F93.
func TestLogOutLeavesOtherCardsAlone(t *testing.T) {
	d := cardtest.Open(t, simulator.NotMyNumber)
	require.ErrorIs(t, jpki.LogOut(context.Background(), d.Connection), jpki.ErrNoApplication)
	require.Len(t, d.Sent(), len(generation.All))
	for _, c := range d.Sent() {
		assert.EqualValues(t, apdu.InsSelect, c.INS)
	}
	require.NotErrorIs(t, jpki.LogOut(context.Background(), d.Connection), jpki.ErrStillUnlocked)
}

// Without error the card is logged out; with one it may still be unlocked, whatever
// failed.
//
// Faults: F75, F93.
func TestLogOutFails(t *testing.T) {
	for name, tt := range unsure {
		if name == "refused" {
			continue // by a card that is left: below
		}
		for _, fault := range []simulator.Fault{{On: simulator.Begin, Do: tt.do}, {Do: tt.do}, whileLeaving(tt.do)} {
			if fault.On == simulator.Begin && (tt.cause == apdu.ErrShortResponse || tt.cause == apdu.ErrExcessResponse) {
				continue // Begin has no answer
			}
			d := cardtest.Open(t, simulator.Contact)
			unlock(t, d)
			d.Slot.Fail(fault)
			err := jpki.LogOut(context.Background(), d.Connection)
			require.ErrorIs(t, err, jpki.ErrStillUnlocked, name)
			require.ErrorIs(t, err, tt.cause, name)
		}
	}
	for name, removal := range removals(t) {
		for _, fault := range []simulator.Fault{{On: simulator.Begin, Nth: 1, Do: removal}, {Nth: 1, Do: removal}, whileLeaving(removal)} {
			d := cardtest.Open(t, simulator.Contact)
			unlock(t, d)
			d.Slot.Fail(fault)
			require.NoError(t, jpki.LogOut(context.Background(), d.Connection), name)
			assert.False(t, d.Card.State().AuthVerified)
		}
	}
	d := cardtest.Open(t, simulator.Contact)
	unlock(t, d)
	d.Slot.Fail(whileLeaving(simulator.AnswerStatus(apdu.StatusFileNotFound)))
	require.ErrorIs(t, jpki.LogOut(context.Background(), d.Connection), jpki.ErrStillUnlocked)
}

// Another program's transaction is waited for until the context ends.
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
