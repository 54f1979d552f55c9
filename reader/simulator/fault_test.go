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

var errLost = errors.New("lost on the wire")

// spendATry is another program that tries a wrong PIN.
func spendATry(r *simulator.Reader) {
	card := r.Card()
	card.Exchange(append([]byte(nil), selectApp...))
	card.Exchange([]byte{0x00, 0x20, 0x00, 0x98, 0x04, '0', '0', '0', '0'})
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   simulator.Fault
		answers []string // to SELECT, the question for tries, and it again
	}{
		{"none", simulator.Fault{Nth: 99}, []string{"9000", "63c3", "63c3"}},
		{"pulled", simulator.Fault{Nth: 2, Do: simulator.PullCard()}, []string{"9000", "card removed", "card removed"}},
		{"swapped", simulator.Fault{Nth: 2, Do: simulator.SwapCard(newCard(t, simulator.LastTry))}, []string{"9000", "card removed", "card removed"}},
		{"reset", simulator.Fault{Nth: 2, Do: simulator.ResetCard()}, []string{"9000", "card reset or exchanged", "card reset or exchanged"}},
		{"service stopped", simulator.Fault{Nth: 2, Do: simulator.StopService()}, []string{"9000", "no smart-card service", "no smart-card service"}},
		{"service restarted", simulator.Fault{Nth: 2, Do: simulator.RestartService()}, []string{"9000", "no smart-card service", "no smart-card service"}},
		{"pulled after it worked", simulator.Fault{Nth: 1, Do: simulator.After(simulator.PullCard())}, []string{"card removed", "card removed", "card removed"}},
		{"reset after it worked", simulator.Fault{Nth: 2, Do: simulator.After(simulator.ResetCard())}, []string{"9000", "card reset or exchanged", "card reset or exchanged"}},
		{"works, and answers something else", simulator.Fault{Nth: 1, Do: simulator.After(simulator.AnswerStatus(0x6F00))}, []string{"6f00", "63c3", "63c3"}},
		{"another program's PIN meanwhile", simulator.Fault{Nth: 2, Do: simulator.Meanwhile(spendATry)}, []string{"9000", "63c2", "63c2"}},
		{"fails before", simulator.Fault{Nth: 1, Do: simulator.FailBefore(errLost)}, []string{"lost on the wire", "6986", "6986"}},
		{"fails after", simulator.Fault{Nth: 1, Do: simulator.FailAfter(errLost)}, []string{"lost on the wire", "63c3", "63c3"}},
		{"answers", simulator.Fault{Nth: 2, Do: simulator.Answer([]byte{1, 2, 0x90, 0x00})}, []string{"9000", "01029000", "63c3"}},
		{"answers nothing", simulator.Fault{Nth: 2, Do: simulator.Answer(nil)}, []string{"9000", "", "63c3"}},
		{"answers a status", simulator.Fault{INS: 0x20, Do: simulator.AnswerStatus(0x6985)}, []string{"9000", "6985", "6985"}},
		{"answers too long", simulator.Fault{INS: 0x20, Nth: 1, Do: simulator.Lengthen(2)}, []string{"9000", "ffff63c3", "63c3"}},
		{"answers too short", simulator.Fault{INS: 0x20, Do: simulator.Lengthen(-1)}, []string{"9000", "63c3", "63c3"}},
		{"hangs", simulator.Fault{Nth: 2, Do: simulator.Hang()}, []string{"9000", "context deadline exceeded", "connection closed"}},
		{"held by another", simulator.Fault{Nth: 2, Do: simulator.Hold(nil)}, []string{"9000", "context deadline exceeded", "connection closed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver := simulator.New()
			slot := driver.AddReader("Reader")
			require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
			session, err := driver.Connect(context.Background(), "Reader")
			require.NoError(t, err)
			slot.Fail(tt.fault)
			var got []string
			for _, command := range [][]byte{selectApp, askTries, askTries} {
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

			slot.Heal()
			slot.Remove()
			driver.StartService()
			require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
			session, err = driver.Connect(context.Background(), "Reader")
			require.NoError(t, err)
			_, err = session.Transmit(context.Background(), selectApp)
			require.NoError(t, err, "healed")
		})
	}
}

// Rules for the PIN leave the question for the attempts left alone, and the reverse,
// whatever form the commands have.
func TestFaultsOfThePINAndOfTheQuestion(t *testing.T) {
	for command, want := range map[string]struct{ pin, question bool }{
		"0020009804" + "31323334":        {pin: true},
		"0020008004" + "31323334":        {pin: true},
		"1020009804" + "31323334":        {pin: true}, // chained
		"00200098000004" + "31323334":    {pin: true}, // extended
		"0020009B06" + "414243313233":    {pin: true}, // the signature password
		"0020009804" + "31323334" + "00": {pin: true},
		"00200098":                       {question: true},
		"00200080":                       {question: true},
		"0020008000":                     {question: true},
		"0024019804" + "39393939":        {pin: true}, // the PIN is changed
		"8032008004" + "39393939":        {pin: true}, // in other applications
		"00240198":                       {},
		"00A4040C0AD392F000260100000001": {},
		"802A0097040102030400":           {},
		"00B08A0000":                     {},
		"002000980A" + "31":              {}, // no command
	} {
		t.Run(command, func(t *testing.T) {
			b, err := hex.DecodeString(command)
			require.NoError(t, err)
			assert.Equal(t, want.pin, simulator.SendsSecret(b))
			assert.Equal(t, want.question, simulator.AsksAttempts(b))
		})
	}

	driver := simulator.New()
	slot := driver.AddReader("Reader")
	card := newCard(t, simulator.Contact)
	require.NoError(t, slot.Insert(card))
	session, err := driver.Connect(t.Context(), "Reader")
	require.NoError(t, err)
	slot.Fail(simulator.Fault{Command: simulator.SendsSecret, Nth: 2, Do: simulator.PullCard()})
	for _, command := range [][]byte{selectApp, askTries, rightPIN, askTries} {
		_, err := session.Transmit(t.Context(), command)
		require.NoError(t, err)
	}
	_, err = session.Transmit(t.Context(), rightPIN)
	require.ErrorIs(t, err, reader.ErrRemoved)
}

func TestFaultsOfConnectAndBegin(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	slot.Fail(simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailBefore(reader.ErrBusy)})
	slot.Fail(simulator.Fault{On: simulator.Connect, Nth: 2, Do: simulator.Answer(nil)})
	slot.Fail(simulator.Fault{On: simulator.Begin, Nth: 1, Do: simulator.FailBefore(reader.ErrBusy)})
	slot.Fail(simulator.Fault{On: simulator.Begin, Nth: 2, Do: simulator.PullCard()})

	_, err := driver.Connect(ctx, "Reader")
	require.ErrorIs(t, err, reader.ErrBusy)
	_, err = driver.Connect(ctx, "Reader")
	require.ErrorIs(t, err, reader.ErrTransport, "a fault that makes no sense is no panic")
	session, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	require.ErrorIs(t, session.Begin(ctx), reader.ErrBusy)
	require.ErrorIs(t, session.Begin(ctx), reader.ErrRemoved)
}

func TestAHangingCardThatIsPulled(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	session, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	slot.Fail(simulator.Fault{Do: simulator.Hang()})
	time.AfterFunc(20*time.Millisecond, func() { slot.Remove() })
	_, err = session.Transmit(ctx, selectApp)
	require.ErrorIs(t, err, reader.ErrRemoved)
}

// Another program's transaction ends, and ours begins.
func TestAHoldThatIsReleased(t *testing.T) {
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	session, err := driver.Connect(t.Context(), "Reader")
	require.NoError(t, err)
	release := make(chan struct{})
	slot.Fail(simulator.Fault{On: simulator.Begin, Do: simulator.Hold(release)})
	begun := make(chan error, 1)
	go func() { begun <- session.Begin(t.Context()) }()
	require.Eventually(t, func() bool { n, held := slot.InUse(); return n == 2 && held }, 5*time.Second, time.Millisecond)
	select {
	case <-begun:
		t.Fatal("two transactions at once")
	default:
	}
	close(release)
	require.NoError(t, <-begun)
	require.NoError(t, session.Close())
	require.Eventually(t, func() bool { n, held := slot.InUse(); return n == 0 && !held }, 5*time.Second, time.Millisecond)
}

// Windows resets a card whose transaction is idle for more than five seconds.
//
// Faults: F28.
func TestIdleTransactionsAreReset(t *testing.T) {
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
	require.NoError(t, holder.Begin(ctx), "without a transaction nothing is reset")
	for range 3 {
		now = now.Add(5 * time.Second) // and not more
		_, err = holder.Transmit(ctx, rightPIN)
		require.NoError(t, err)
	}
	now = now.Add(5*time.Second + 1)
	require.ErrorIs(t, other.Begin(ctx), reader.ErrChanged, "a reset is everybody's")
	_, err = holder.Transmit(ctx, askTries)
	require.ErrorIs(t, err, reader.ErrChanged)
	_, held := slot.InUse()
	assert.False(t, held, "the transaction is lost")
	assert.True(t, card.State().AuthVerified, "a warm reset does not end that")

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
