package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// White space and byte order marks around a piped PIN are removed. A malformed PIN is not
// sent.
//
// Faults: F68.
func TestPipedPINIsTrimmed(t *testing.T) {
	for piped, exit := range map[string]int{
		"\uFEFF1234\r\n":                     0,
		"\uFEFF１２３４\r\n":                     0,
		"1234 \n":                            0,
		"1234\t\r\n":                         0,
		" 1234":                              0,
		"\u3000１２３４\u3000\u3000\n":           0,
		"1234 \r \r\n":                       0,
		"1234\n9999\n":                       0, // only one line is read
		"\uFEFF \u30001234\n":                0,
		"1234" + strings.Repeat(" ", 250):    0,
		"1234" + strings.Repeat(" ", 300):    cli.ExitUsage,
		"12 34\n":                            cli.ExitUsage,
		"12\u300034\n":                       cli.ExitUsage,
		"1234\uFEFF\n":                       cli.ExitUsage,
		"\uFEFF\uFEFF1234\n":                 cli.ExitUsage,
		"1234\u00A0\n":                       cli.ExitUsage,
		"1234\v\n":                           cli.ExitUsage,
		"\n1234\n":                           cli.ExitUsage,
		"\uFEFF\r\n":                         cli.ExitUsage,
		" \u3000\n":                          cli.ExitUsage,
		"\xff\xfe1\x002\x003\x004\x00\n\x00": cli.ExitUsage, // UTF-16
	} {
		driver, _ := withCards(t, simulator.Contact)
		m := &cardtest.Driver{Driver: driver}
		for _, stdin := range []io.Reader{strings.NewReader(piped), iotest.OneByteReader(strings.NewReader(piped)), iotest.DataErrReader(strings.NewReader(piped))} {
			m.Forget()
			var stderr bytes.Buffer
			got := run(t.Context(), idArgs(t, "--pin-stdin"), environment{
				stdin: stdin, stdout: io.Discard, stderr: &stderr, driver: m, now: func() time.Time { return today }, getenv: func(string) string { return "" },
			})
			assert.Equal(t, exit, got, "%q: %s", piped, &stderr)
			want := 1
			if exit != 0 {
				want = 0
				assert.Contains(t, stderr.String(), "[PIN_FORMAT]")
			}
			assert.Equal(t, want, m.Secrets(), "%q", piped)
		}
	}
}

// Faults: F25, F45.
func TestPINPrompt(t *testing.T) {
	t.Run("shows the attempts left", func(t *testing.T) {
		o := runner{typed: "1234", locale: "ja_JP.UTF-8"}.run(t, idArgs(t, "--simulator", "contact")...)
		require.Zero(t, o.exit, o.stderr)
		assert.Contains(t, o.terminal, "あと3回です。")
		assert.NotContains(t, o.terminal, "1234")
		o = runner{typed: "1234"}.run(t, idArgs(t, "--simulator", "last-try", "--allow-last-attempt")...)
		assert.Contains(t, o.terminal, "Attempts left: 1.")
		assert.Contains(t, o.terminal, "This is the last attempt.")
	})
	t.Run("is not asked for if it would not be sent", func(t *testing.T) {
		for profile, exit := range map[simulator.Profile]int{
			simulator.Locked: 7, simulator.LastAttempt: 6, simulator.NotMyNumber: 5, simulator.NoCertificate: 8, simulator.Expired: 8,
		} {
			o := runner{typed: "1234"}.run(t, idArgs(t, "--simulator", string(profile))...)
			assert.Equal(t, exit, o.exit)
			assert.Empty(t, o.terminal, profile)
		}
	})
	t.Run("is not sent to a card that has changed", func(t *testing.T) {
		driver, cards := withCards(t, simulator.Contact)
		o := runner{driver: driver, typed: "1234", typing: func() {
			cards[0].PowerOn()
			cards[0].Exchange([]byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01})
			cards[0].Exchange([]byte{0x00, 0x20, 0x00, 0x98, 0x04, '0', '0', '0', '0'})
		}}.run(t, idArgs(t)...)
		assert.Equal(t, 4, o.exit)
		assert.Contains(t, o.stderr, "[CARD_CHANGED]")
		assert.Equal(t, 2, cards[0].State().AuthAttempts, "the other program's attempt")
	})
	t.Run("is not sent to another card inserted meanwhile", func(t *testing.T) {
		driver := simulator.New()
		slot := driver.AddReader("Reader")
		var cards []*simulator.Card
		for _, profile := range []simulator.Profile{simulator.Contact, simulator.ResidentCard} { // with the same ATR and counters
			card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(simulatorSeed))
			require.NoError(t, err)
			cards = append(cards, card)
		}
		require.NoError(t, slot.Insert(cards[0]))
		m := &cardtest.Driver{Driver: driver}
		o := runner{driver: m, typed: "9999", typing: func() {
			slot.Remove()
			require.NoError(t, slot.Insert(cards[1]))
		}}.run(t, idArgs(t)...)
		assert.Equal(t, 4, o.exit)
		assert.Contains(t, o.stderr, "[CARD_CHANGED]")
		assert.Contains(t, o.stderr, "No PIN was sent")
		assert.Zero(t, m.Secrets())
		assert.Equal(t, 3, cards[1].State().AuthAttempts)
	})
	t.Run("malformed", func(t *testing.T) {
		driver, cards := withCards(t, simulator.Contact)
		o := runner{driver: driver, typed: "12345"}.run(t, idArgs(t)...)
		assert.Equal(t, 2, o.exit)
		assert.Equal(t, 3, cards[0].State().AuthAttempts)
	})
	t.Run("the card is not connected while the user types", func(t *testing.T) {
		driver, cards := withCards(t, simulator.Contact)
		o := runner{driver: driver, typed: "1234", typing: func() {
			assert.False(t, cards[0].State().Powered, "connected while the user types")
		}}.run(t, idArgs(t)...)
		assert.Zero(t, o.exit, o.stderr)
	})
}
