package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// unlock acts as another program: it verifies the PIN of the card in a reader and keeps
// the connection open.
func unlock(t testing.TB, driver reader.Driver, name string) (other reader.Card) {
	t.Helper()
	other, err := driver.Connect(context.Background(), name)
	require.NoError(t, err)
	for _, command := range []string{"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01", "\x00\x20\x00\x98\x041234"} {
		answer, err := other.Transmit(context.Background(), []byte(command))
		require.NoError(t, err)
		require.Equal(t, []byte{0x90, 0x00}, answer)
	}
	return other
}

func logoutResults(t *testing.T, o outcome) map[string]logoutResult {
	t.Helper()
	var list struct{ Readers []readerLogout }
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &list), o.stderr)
	results := map[string]logoutResult{}
	for _, r := range list.Readers {
		results[r.Reader] = r.Result
	}
	return results
}

// Every My Number Card is logged out without a PIN or an attempt, even while another
// program is connected. Cards of other kinds and empty readers are not failures.
//
// Faults: F93.
func TestLogout(t *testing.T) {
	driver, cards := withCards(t, simulator.Contact, simulator.NotMyNumber, simulator.Android)
	driver.AddReader("Empty")
	other := unlock(t, driver, "Reader")
	m := &cardtest.Driver{Driver: driver}
	o := runner{driver: m}.run(t, "logout", "--json")
	require.Zero(t, o.exit, o.stderr)
	assert.Equal(t, map[string]logoutResult{"Reader": logoutDone, "Reader 2": logoutOtherCard, "Reader 3": logoutDone}, logoutResults(t, o))
	assert.False(t, cards[0].State().AuthVerified)
	assert.Equal(t, 3, cards[0].State().AuthAttempts)
	assert.Zero(t, m.Secrets())
	assert.Equal(t, 2+len(generation.All)+2, len(m.Sent()))
	require.NoError(t, other.Close())

	unlock(t, driver, "Reader")
	o = runner{driver: driver}.run(t, "logout", "--reader", "Reader 3")
	require.Zero(t, o.exit, o.stderr)
	assert.True(t, cards[0].State().AuthVerified, "only the reader that was named")
	for language, want := range map[string]string{
		"en": "  Reader    logged out\n  Reader 2  not a My Number Card\n  Reader 3  logged out\n",
		"ja": "  Reader    ログアウトしました\n  Reader 2  マイナンバーカードではありません\n  Reader 3  ログアウトしました\n",
	} {
		assert.Equal(t, want, runner{driver: driver}.run(t, "logout", "--lang", language).stdout)
	}
}

// Faults: F93.
func TestLogoutWithoutACard(t *testing.T) {
	empty := simulator.New()
	empty.AddReader("Reader")
	for _, d := range []*simulator.Driver{empty, simulator.New()} {
		o := runner{driver: d}.run(t, "logout", "--json")
		assert.Zero(t, o.exit, o.stderr)
		assert.JSONEq(t, `{"readers":[]}`, o.stdout)
		o = runner{driver: d}.run(t, "logout", "--lang", "ja")
		assert.Zero(t, o.exit, o.stderr)
		assert.Equal(t, textLogoutNoCard.JA+"\n", o.stdout)
	}
	assert.Zero(t, runner{driver: empty}.run(t, "logout", "--reader", "Reader").exit)
	assert.Equal(t, cli.ExitNoReader, runner{driver: empty}.run(t, "logout", "--reader", "Elsewhere").exit)
	empty.StopService()
	assert.Equal(t, cli.ExitNoReader, runner{driver: empty}.run(t, "logout").exit)
}

// A card that may still be unlocked is reported for its reader and as the failure. The
// other cards are still logged out.
//
// Faults: F75, F93.
func TestLogoutFails(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  simulator.Fault
		result logoutResult
		code   message.Code
	}{
		"refused":            {atLogout(simulator.AnswerStatus(apdu.StatusFileNotFound)), logoutFailed, message.CardStillUnlocked},
		"lost":               {simulator.Fault{Do: simulator.FailBefore(reader.ErrTransport)}, logoutFailed, message.CardStillUnlocked},
		"can't be connected": {simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrTransport)}, logoutFailed, message.CardStillUnlocked},
		"in use":             {simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrBusy)}, logoutBusy, message.ReaderBusy},
		"in a transaction":   {simulator.Fault{On: simulator.Begin, Nth: 1, Do: simulator.HoldTransaction(nil)}, logoutBusy, message.ReaderBusy},
		"mute":               {simulator.Fault{Do: simulator.Hang()}, logoutBusy, message.ReaderBusy},
		"reset again and again": {simulator.Fault{On: simulator.Begin, Do: simulator.Call(func(r *simulator.Reader) {
			time.Sleep(time.Second)
			_, _ = simulator.ResetCard()(t.Context(), r, func() ([]byte, error) { return nil, nil })
		})}, logoutBusy, message.ReaderBusy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				driver, slot := slotWith(t, simulator.Contact)
				second, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
				require.NoError(t, err)
				require.NoError(t, driver.AddReader("Second").Insert(second))
				other := unlock(t, driver, "Second")
				defer other.Close()
				slot.AddFault(tt.fault)
				start := time.Now()
				o := runner{driver: driver}.run(t, "logout", "--json")
				assert.LessOrEqual(t, time.Since(start), 10*time.Second)
				assert.Equal(t, cli.ExitFailed, o.exit, o.stderr)
				assert.Equal(t, map[string]logoutResult{"Reader": tt.result, "Second": logoutDone}, logoutResults(t, o))
				code, _ := failureOf(t, o)
				assert.Equal(t, string(tt.code), code)
				assert.Contains(t, o.stderr, string(message.CardStillUnlocked))
				assert.False(t, second.State().AuthVerified)
				slot.Remove() // ends the held commands
			})
		})
	}
}

// pcscd resets the card when it notices that the program that held it has died, possibly
// after logout has connected.
//
// Faults: F93.
func TestLogoutWhileTheCardIsReset(t *testing.T) {
	for nth := 1; nth <= 2; nth++ {
		driver, slot := slotWith(t, simulator.Contact)
		other := unlock(t, driver, "Reader")
		slot.AddFault(simulator.Fault{Nth: nth, Do: simulator.ResetCard()})
		o := runner{driver: driver}.run(t, "logout")
		assert.Zero(t, o.exit, o.stderr)
		assert.False(t, slot.Card().State().AuthVerified)
		_ = other.Close()
	}
}

// A card of another kind keeps its power if the driver supports that. A My Number Card is
// powered off.
//
// Faults: F93.
func TestLogoutKeepsThePowerOfOtherCards(t *testing.T) {
	driver, _ := withCards(t, simulator.Contact, simulator.NotMyNumber)
	k := &powerDriver{Driver: driver, kept: map[string]bool{}}
	require.Zero(t, runner{driver: k}.run(t, "logout").exit)
	assert.Equal(t, map[string]bool{"Reader 2": true}, k.kept)
}

// idleConnection is a program that connects to the card in a reader and keeps the idle
// connection until its standard input ends.
func idleConnection() {
	if _, err := pcsc.New().Connect(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("connected")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// powerDriver is a driver whose connections can close without cutting the card's power.
type powerDriver struct {
	reader.Driver
	kept map[string]bool
}

type powerCard struct {
	reader.Card
	keep func()
}

func (k powerCard) KeepPower() { k.keep() }

func (k *powerDriver) Connect(ctx context.Context, name string) (reader.Card, error) {
	card, err := k.Driver.Connect(ctx, name)
	return powerCard{card, func() { k.kept[name] = true }}, err
}
