package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The card is removed at each command that each subcommand sends.
//
// Faults: F75.
func TestCardPulledAtAnyCommand(t *testing.T) {
	for _, args := range [][]string{
		nil, {"retries"}, {"cert"}, {"cert", "--ca"}, idArgs(t, "--pin-stdin"),
	} {
		driver, _ := withCards(t, simulator.Contact)
		whole := &cardtest.Driver{Driver: driver}
		o := runner{driver: whole, stdin: "1234\n"}.run(t, args...)
		require.Zero(t, o.exit, o.stderr)

		for n := range whole.Sent() {
			d := cardtest.New(t, simulator.Contact)
			d.Slot.AddFault(simulator.Fault{Nth: n + 1, Do: simulator.PullCard()})
			o := runner{driver: d, stdin: "1234\n"}.run(t, append(args, "--json")...)
			name := fmt.Sprintf("%v, command %d", args, n)
			assert.False(t, d.Card.State().AuthVerified, name)
			if d.Secrets() > 0 && n == len(whole.Sent())-1 { // the command that logs out; removing the card does the same
				assert.Zero(t, o.exit, name+": "+o.stderr)
				assert.Contains(t, o.stdout, "mykey_id", name)
				continue
			}
			assert.Equal(t, 4, o.exit, name+": "+o.stderr)
			assert.Empty(t, o.stdout, name)
			failureOf(t, o)
			assert.LessOrEqual(t, d.Secrets(), 1, name)
			assert.Equal(t, 3, d.Card.State().AuthAttempts, name)
		}
	}
}

// Faults: F47.
func TestPINIsSentOnlyWhenAllowed(t *testing.T) {
	for _, tt := range []struct {
		profile simulator.Profile
		stdin   string
		args    []string
		pins    int
		exit    int
	}{
		{simulator.Contact, "12345\n", idArgs(t, "--pin-stdin"), 0, 2},
		{simulator.Contact, "9999\n", idArgs(t, "--pin-stdin"), 1, 6},
		{simulator.LastAttempt, "1234\n", idArgs(t, "--pin-stdin"), 0, 6},
		{simulator.LastAttempt, "9999\n", idArgs(t, "--pin-stdin", "--allow-last-attempt"), 1, 7},
		{simulator.Locked, "1234\n", idArgs(t, "--pin-stdin", "--allow-last-attempt"), 0, 7},
		{simulator.Expired, "1234\n", idArgs(t, "--pin-stdin"), 0, 8},
		{simulator.Contact, "1234\n", nil, 0, 0},
		{simulator.Contact, "1234\n", []string{"retries"}, 0, 0},
		{simulator.Contact, "1234\n", []string{"cert"}, 0, 0},
	} {
		driver, _ := withCards(t, tt.profile)
		m := &cardtest.Driver{Driver: driver}
		o := runner{driver: m, stdin: tt.stdin}.run(t, tt.args...)
		assert.Equal(t, tt.pins, m.Secrets(), "%s %v", tt.profile, tt.args)
		assert.Equal(t, tt.exit, o.exit, "%s %v", tt.profile, tt.args)
	}
}

// A malformed PIN is detected before the card is used or, if the card was asked for the
// attempts left, before it is used again.
//
// Faults: F46.
func TestMalformedPINIsNotSent(t *testing.T) {
	for _, line := range []string{
		"", "1", "123", "12345", "12a4", "ABC123", "１２３", "１２３４５", "１２３ａ", "一二三四", "١٢٣٤", "123\x00", "\x00\x00\x00\x00", "1234\x00",
		"12 34", "12\u300034", "-123", "+123", "1e10", "0x12", "12\xff4", "12\u200b34", "\u202e1234", "1234\u0301", strings.Repeat("1", 1<<20),
	} {
		driver, _ := withCards(t, simulator.Contact)
		m := &cardtest.Driver{Driver: driver}
		o := runner{driver: m, stdin: line + "\n"}.run(t, idArgs(t, "--pin-stdin")...)
		assert.Equal(t, 2, o.exit, "%.20q", line)
		assert.Contains(t, o.stderr, "[PIN_FORMAT]", "%.20q", line)
		assert.Zero(t, len(m.Sent()), "%.20q", line)
		if line == "" {
			continue // a runner with nothing typed has no terminal
		}

		before := 0
		o = runner{driver: m, typed: line, typing: func() { before = len(m.Sent()) }}.run(t, idArgs(t)...)
		assert.Equal(t, 2, o.exit, "%.20q", line)
		assert.Contains(t, o.stderr, "[PIN_FORMAT]", "%.20q", line)
		assert.NotZero(t, before)
		assert.Equal(t, before, len(m.Sent()), "%.20q", line)
		assert.Zero(t, m.Secrets())
	}
	for _, line := range []string{" 1234", "1234 "} { // accepted only when piped: TestPipedPINIsTrimmed
		driver, _ := withCards(t, simulator.Contact)
		m := &cardtest.Driver{Driver: driver}
		assert.Equal(t, 2, runner{driver: m, typed: line}.run(t, idArgs(t)...).exit)
		assert.Zero(t, m.Secrets())
	}
	for _, line := range []string{"1234", "１２３４", "1２3４", "1234\r"} { // valid
		driver, _ := withCards(t, simulator.Contact)
		m := &cardtest.Driver{Driver: driver}
		o := runner{driver: m, stdin: line + "\n"}.run(t, idArgs(t, "--pin-stdin")...)
		assert.Zero(t, o.exit, "%q", line)
		assert.Equal(t, 1, m.Secrets(), "%q", line)
	}
}

// canary is a PIN that must not appear anywhere.
const canary = "7305"

func canaryForms() []string {
	var decimal []string
	for _, c := range []byte(canary) {
		decimal = append(decimal, fmt.Sprint(c))
	}
	return []string{
		canary, hex.EncodeToString([]byte(canary)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(canary)), "="),
		strings.Join(decimal, " "), strings.Join(decimal, ","), strings.Join(decimal, ", "),
	}
}

// The PIN never appears in the output: with cards that accept or reject it, with the
// service stopped at each command, in both languages, as text and JSON, and traced.
//
// Faults: F48.
func TestPINIsNowhereInTheOutput(t *testing.T) {
	var all bytes.Buffer
	runs := 0
	for _, correct := range []bool{true, false} {
		for _, language := range []string{"ja", "en"} {
			for _, form := range []string{"--json", "--json=false"} {
				for pulled := -1; pulled < 12; pulled++ {
					driver, cards := withCards(t, simulator.Contact)
					if correct {
						changePIN(t, cards[0])
					}
					m := &cardtest.Driver{Driver: driver}
					m.Before = func(n int, _ apdu.Command) error {
						if n == pulled {
							driver.StopService()
						}
						return nil
					}
					args := append(idArgs(t, "--pin-stdin"), "--trace", "--lang", language, form)
					o := runner{driver: m, stdin: canary + "\n"}.run(t, args...)
					all.WriteString(o.stdout + o.stderr)
					fresh, cards := withCards(t, simulator.Contact)
					if correct {
						changePIN(t, cards[0])
					}
					typed := runner{driver: fresh, typed: canary}.run(t, append(idArgs(t), "--trace", "--lang", language, form)...)
					assert.NotEmpty(t, typed.terminal)
					all.WriteString(typed.stdout + typed.stderr + typed.terminal)
					runs += 2
				}
				for _, malformed := range []string{canary + "0", canary + "x", "７３０５１", canary[:2] + " " + canary[2:]} {
					o := runner{stdin: malformed + "\n"}.run(t, append(idArgs(t, "--pin-stdin"), "--simulator", "contact", "--lang", language, form)...)
					assert.Equal(t, 2, o.exit)
					all.WriteString(o.stdout + o.stderr)
					runs++
				}
				// A PIN in the wrong place.
				for _, misplaced := range [][]string{
					{canary}, {"id", canary}, {"--pin-stdin=" + canary}, {"id", "--pin-stdin=" + canary}, {"id", "--pin-stdin", canary},
					{"id", "--pin=" + canary}, {"id", "--pin", canary}, {"id", "-" + canary}, {"id", "--" + canary}, {"--wait", canary},
					{"--lang", canary}, {"help", canary}, {"keygen", canary, canary}, {"list", canary},
				} {
					o := runner{stdin: canary + "\n"}.run(t, append([]string{"--lang", language, form}, misplaced...)...)
					assert.Equal(t, 2, o.exit, misplaced)
					all.WriteString(o.stdout + o.stderr)
					runs++
				}
			}
		}
	}
	output := strings.ToLower(all.String())
	require.Greater(t, len(output), 10000)
	for _, form := range canaryForms() {
		assert.NotContains(t, output, strings.ToLower(form))
	}
	assert.Contains(t, output, "[redacted]")
	t.Logf("%d runs, %d bytes of output", runs, len(output))
}

// changePIN changes the card's PIN to the canary.
func changePIN(t testing.TB, card *simulator.Card) {
	t.Helper()
	card.PowerOn()
	for _, command := range []string{
		"00A4040C0AD392F000260100000001", "0020009804" + hex.EncodeToString([]byte(simulator.PIN)), "0024019804" + hex.EncodeToString([]byte(canary)),
	} {
		b, err := hex.DecodeString(command)
		require.NoError(t, err)
		require.Equal(t, []byte{0x90, 0x00}, card.Exchange(b))
	}
	card.PowerOff()
}

// Only cert and ssh-key print personal data.
func TestReportsAreNotPersonal(t *testing.T) {
	der := runner{}.run(t, "cert", "--der", "--simulator", "contact").stdout
	serial := hex.EncodeToString([]byte(der[15:19]))
	holder := strings.ToLower(der[strings.Index(der, "SIMULATED"):][:24])
	var all strings.Builder
	for _, args := range [][]string{nil, {"--json"}, {"--trace"}, {"retries", "--trace"}, {"list", "--json"}, idArgs(t, "--pin-stdin", "--trace"), idArgs(t, "--pin-stdin", "--json")} {
		o := runner{stdin: "1234\n"}.run(t, append(args, "--simulator", "contact")...)
		require.Zero(t, o.exit)
		all.WriteString(strings.ToLower(o.stdout + o.stderr))
	}
	for _, personal := range []string{serial, holder, "cn=", "serial", "fingerprint"} {
		assert.NotContains(t, all.String(), personal)
	}
}

func TestJSONIsOneObject(t *testing.T) {
	for _, args := range [][]string{nil, {"retries"}, {"list"}, idArgs(t, "--pin-stdin")} {
		o := runner{stdin: "1234\n"}.run(t, append(args, "--json", "--simulator", "contact")...)
		decoder := json.NewDecoder(strings.NewReader(o.stdout))
		var object map[string]any
		require.NoError(t, decoder.Decode(&object))
		assert.False(t, decoder.More())
		assert.True(t, strings.HasSuffix(o.stdout, "}\n"))
	}
}
