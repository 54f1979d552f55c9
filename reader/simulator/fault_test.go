package simulator_test

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var errTransport = errors.New("transport failed")

// sendWrongPIN acts as another program that sends a wrong PIN.
func sendWrongPIN(r *simulator.Reader) {
	card := r.Card()
	card.Exchange(append([]byte(nil), selectApp...))
	card.Exchange([]byte{0x00, 0x20, 0x00, 0x98, 0x04, '0', '0', '0', '0'})
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   simulator.Fault
		answers []string // to SELECT, and twice to VERIFY without data
	}{
		{"none", simulator.Fault{Nth: 99}, []string{"9000", "63c3", "63c3"}},
		{"removed", simulator.Fault{Nth: 2, Do: simulator.PullCard()}, []string{"9000", "card removed", "card removed"}},
		{"exchanged", simulator.Fault{Nth: 2, Do: simulator.SwapCard(newCard(t, simulator.LastAttempt))}, []string{"9000", "card removed", "card removed"}},
		{"reset", simulator.Fault{Nth: 2, Do: simulator.ResetCard()}, []string{"9000", "card reset or exchanged", "card reset or exchanged"}},
		{"service stopped", simulator.Fault{Nth: 2, Do: simulator.StopService()}, []string{"9000", "no smart-card service", "no smart-card service"}},
		{"service restarted", simulator.Fault{Nth: 2, Do: simulator.RestartService()}, []string{"9000", "no smart-card service", "no smart-card service"}},
		{"removed after execution", simulator.Fault{Nth: 1, Do: simulator.After(simulator.PullCard())}, []string{"card removed", "card removed", "card removed"}},
		{"reset after execution", simulator.Fault{Nth: 2, Do: simulator.After(simulator.ResetCard())}, []string{"9000", "card reset or exchanged", "card reset or exchanged"}},
		{"another response after execution", simulator.Fault{Nth: 1, Do: simulator.After(simulator.AnswerStatus(0x6F00))}, []string{"6f00", "63c3", "63c3"}},
		{"another program sends a wrong PIN", simulator.Fault{Nth: 2, Do: simulator.Call(sendWrongPIN)}, []string{"9000", "63c2", "63c2"}},
		{"an error before execution", simulator.Fault{Nth: 1, Do: simulator.FailBefore(errTransport)}, []string{"transport failed", "6986", "6986"}},
		{"an error after execution", simulator.Fault{Nth: 1, Do: simulator.FailAfter(errTransport)}, []string{"transport failed", "63c3", "63c3"}},
		{"another response", simulator.Fault{Nth: 2, Do: simulator.Answer([]byte{1, 2, 0x90, 0x00})}, []string{"9000", "01029000", "63c3"}},
		{"an empty response", simulator.Fault{Nth: 2, Do: simulator.Answer(nil)}, []string{"9000", "", "63c3"}},
		{"another status word", simulator.Fault{INS: 0x20, Do: simulator.AnswerStatus(0x6985)}, []string{"9000", "6985", "6985"}},
		{"a longer response", simulator.Fault{INS: 0x20, Nth: 1, Do: simulator.ChangeLength(2)}, []string{"9000", "ffff63c3", "63c3"}},
		{"a shorter response, which has no data to remove", simulator.Fault{INS: 0x20, Do: simulator.ChangeLength(-1)}, []string{"9000", "63c3", "63c3"}},
		{"no response", simulator.Fault{Nth: 2, Do: simulator.Hang()}, []string{"9000", "context deadline exceeded", "connection closed"}},
		{"another program's transaction", simulator.Fault{Nth: 2, Do: simulator.HoldTransaction(nil)}, []string{"9000", "context deadline exceeded", "connection closed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver := simulator.New()
			slot := driver.AddReader("Reader")
			require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
			session, err := driver.Connect(context.Background(), "Reader")
			require.NoError(t, err)
			slot.AddFault(tt.fault)
			var got []string
			for _, command := range [][]byte{selectApp, readAttempts, readAttempts} {
				ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
				answer, err := session.Transmit(ctx, command)
				cancel()
				if err != nil {
					got = append(got, err.Error())
				} else {
					got = append(got, hex.EncodeToString(answer))
				}
			}
			assert.Equal(t, tt.answers, got)

			slot.ClearFaults()
			slot.Remove()
			driver.StartService()
			require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
			session, err = driver.Connect(context.Background(), "Reader")
			require.NoError(t, err)
			_, err = session.Transmit(context.Background(), selectApp)
			require.NoError(t, err, "without faults")
		})
	}
}

// SendsSecret matches commands with a secret in any form, and ReadsAttempts matches those
// that read the attempts left.
func TestSendsSecretAndReadsAttempts(t *testing.T) {
	for command, want := range map[string]struct{ secret, attempts bool }{
		"0020009804" + "31323334":        {secret: true},
		"0020008004" + "31323334":        {secret: true},
		"1020009804" + "31323334":        {secret: true}, // chained
		"00200098000004" + "31323334":    {secret: true}, // extended
		"0020009B06" + "414243313233":    {secret: true}, // the signature password
		"0020009804" + "31323334" + "00": {secret: true},
		"00200098":                       {attempts: true},
		"00200080":                       {attempts: true},
		"0020008000":                     {attempts: true},
		"0024019804" + "39393939":        {secret: true}, // CHANGE REFERENCE DATA
		"8032008004" + "39393939":        {secret: true}, // its form in other applications
		"00240198":                       {},
		"00A4040C0AD392F000260100000001": {},
		"802A0097040102030400":           {},
		"00B08A0000":                     {},
		"002000980A" + "31":              {}, // not a command
	} {
		t.Run(command, func(t *testing.T) {
			b, err := hex.DecodeString(command)
			require.NoError(t, err)
			assert.Equal(t, want.secret, simulator.SendsSecret(b))
			assert.Equal(t, want.attempts, simulator.ReadsAttempts(b))
		})
	}

	driver := simulator.New()
	slot := driver.AddReader("Reader")
	card := newCard(t, simulator.Contact)
	require.NoError(t, slot.Insert(card))
	session, err := driver.Connect(t.Context(), "Reader")
	require.NoError(t, err)
	slot.AddFault(simulator.Fault{Command: simulator.SendsSecret, Nth: 2, Do: simulator.PullCard()})
	for _, command := range [][]byte{selectApp, readAttempts, rightPIN, readAttempts} {
		_, err := session.Transmit(t.Context(), command)
		require.NoError(t, err)
	}
	_, err = session.Transmit(t.Context(), rightPIN)
	require.ErrorIs(t, err, reader.ErrRemoved)
}

func TestConnectAndBeginFaults(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	slot.AddFault(simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailBefore(reader.ErrBusy)})
	slot.AddFault(simulator.Fault{On: simulator.Connect, Nth: 2, Do: simulator.Answer(nil)})
	slot.AddFault(simulator.Fault{On: simulator.Begin, Nth: 1, Do: simulator.FailBefore(reader.ErrBusy)})
	slot.AddFault(simulator.Fault{On: simulator.Begin, Nth: 2, Do: simulator.PullCard()})

	_, err := driver.Connect(ctx, "Reader")
	require.ErrorIs(t, err, reader.ErrBusy)
	_, err = driver.Connect(ctx, "Reader")
	require.ErrorIs(t, err, reader.ErrTransport, "a response to Connect is an error")
	session, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	require.ErrorIs(t, session.Begin(ctx), reader.ErrBusy)
	require.ErrorIs(t, session.Begin(ctx), reader.ErrRemoved)
}

func TestHangEndsWhenCardIsRemoved(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	session, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	slot.AddFault(simulator.Fault{Do: simulator.Hang()})
	time.AfterFunc(20*time.Millisecond, func() { slot.Remove() })
	_, err = session.Transmit(ctx, selectApp)
	require.ErrorIs(t, err, reader.ErrRemoved)
}

// Begin blocks until the other program's transaction ends.
func TestHoldTransactionBlocksBeginUntilReleased(t *testing.T) {
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	session, err := driver.Connect(t.Context(), "Reader")
	require.NoError(t, err)
	release := make(chan struct{})
	slot.AddFault(simulator.Fault{On: simulator.Begin, Do: simulator.HoldTransaction(release)})
	begun := make(chan error, 1)
	go func() { begun <- session.Begin(t.Context()) }()
	require.Eventually(t, func() bool { n, held := slot.InUse(); return n == 2 && held }, 5*time.Second, time.Millisecond)
	select {
	case <-begun:
		t.Fatal("a second transaction began")
	default:
	}
	close(release)
	require.NoError(t, <-begun)
	require.NoError(t, session.Close())
	require.Eventually(t, func() bool { n, held := slot.InUse(); return n == 0 && !held }, 5*time.Second, time.Millisecond)
}

// As on Windows, a card whose transaction is idle for more than five seconds is reset.
//
// Faults: F28.
func TestIdleTransactionIsReset(t *testing.T) {
	ctx := t.Context()
	now := time.Unix(0, 0)
	driver := simulator.New(simulator.WithIdleReset(func() time.Time { return now }))
	slot := driver.AddReader("Reader")
	card := newCard(t, simulator.Contact)
	require.NoError(t, slot.Insert(card))
	connect := func() reader.Card {
		session, err := driver.Connect(ctx, "Reader")
		require.NoError(t, err)
		return session
	}
	holder := connect()
	other := connect()
	_, err := holder.Transmit(ctx, selectApp)
	require.NoError(t, err)
	now = now.Add(time.Hour)
	require.NoError(t, holder.Begin(ctx), "without a transaction there is no reset")
	for range 3 {
		now = now.Add(5 * time.Second) // the limit, but not more
		_, err = holder.Transmit(ctx, rightPIN)
		require.NoError(t, err)
	}
	now = now.Add(5*time.Second + 1)
	require.ErrorIs(t, other.Begin(ctx), reader.ErrChanged, "the reset ends all sessions")
	_, err = holder.Transmit(ctx, readAttempts)
	require.ErrorIs(t, err, reader.ErrChanged)
	_, held := slot.InUse()
	assert.False(t, held, "the reset ends the transaction")
	assert.True(t, card.State().AuthVerified, "the card is still unlocked after a warm reset")

	require.NoError(t, holder.Close())
	assert.False(t, card.State().AuthVerified)
	require.NoError(t, connect().Begin(ctx))
}

func TestInUse(t *testing.T) {
	ctx := t.Context()
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	inUse := func(connections int, transaction bool) {
		t.Helper()
		n, held := slot.InUse()
		assert.Equal(t, connections, n)
		assert.Equal(t, transaction, held)
	}
	inUse(0, false)
	first, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	second, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	inUse(2, false)
	require.NoError(t, first.Begin(ctx))
	inUse(2, true)
	slot.Remove()
	inUse(2, false)
	require.NoError(t, first.Close())
	require.NoError(t, first.Close())
	inUse(1, false)
	require.NoError(t, second.Close())
	inUse(0, false)
}
