package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// answers are what somebody types after one question after the other.
func answers(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// pin change says what it does before it asks, and what it means for the card.
func TestGoldenPINChange(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		var b strings.Builder
		for _, c := range []struct{ typed, command string }{
			{answers("change", simulator.PIN, "8261", "8261"), "pin change"},
			{answers("変更", simulator.PIN, "0401", "0401"), "pin change"},
			{answers("Change", simulator.Password, "abc999", "ＡＢＣ999"), "pin change --signature"},
			{answers("yes"), "pin change"},
			{answers("change", simulator.PIN, "8261", "8262"), "pin change"},
			{answers("change", simulator.PIN, simulator.PIN, simulator.PIN), "pin change"},
			{answers("change", simulator.PIN, "82610", "82610"), "pin change"},
			{answers("change", "0000", "8261", "8261"), "pin change"},
			{"", "pin change"},
			{"", "pin"},
		} {
			args := append(strings.Fields(c.command), "--simulator", "contact", "--lang", language)
			o := runner{typed: c.typed}.run(t, args...)
			b.WriteString("$ card-info " + c.command + "\n" + o.terminal + o.stdout + o.stderr + "\n")
		}
		clitest.Fits(t, b.String())
		clitest.Golden(t, "change-"+language+".txt", b.String())
	}
}

// The PIN is sent to the card that was there before the questions, and is shown nowhere. A lost response
// is told as such, and nothing is repeated.
func TestPINChange(t *testing.T) {
	typed := answers("change", simulator.PIN, "8261", "8261")
	d := cardtest.New(t, simulator.ContactExtended)
	o := runner{driver: &d.Driver, typed: typed}.run(t, "pin", "change", "--json")
	require.Zero(t, o.exit, o.stderr)
	assert.JSONEq(t, `{"changed": true}`, o.stdout)
	assert.Equal(t, 2, d.Secrets())
	for _, digits := range []string{simulator.PIN, "8261"} {
		assert.NotContains(t, o.stdout+o.stderr+o.terminal, digits)
	}
	o = runner{driver: &d.Driver, typed: typed}.run(t, "pin", "change")
	assert.Equal(t, cli.ExitPIN, o.exit, "it has the new PIN now")

	d = cardtest.New(t, simulator.ContactExtended)
	d.Slot.AddFault(simulator.Fault{On: simulator.Transmit, INS: apdu.InsChangeReferenceData, Do: simulator.FailAfter(reader.ErrTransport)})
	o = runner{driver: &d.Driver, typed: typed}.run(t, "pin", "change")
	assert.Equal(t, cli.ExitFailed, o.exit)
	assert.Contains(t, o.stderr, "[PIN_CHANGE_UNKNOWN]")
	assert.NotContains(t, o.stderr, textNotChanged.EN, "either may be valid")
	assert.Equal(t, 2, d.Secrets())

	d = cardtest.New(t, simulator.Contact)
	o = runner{driver: &d.Driver, typed: typed, typing: func() {
		d.Insert(t, cardtest.AnotherCard(t, simulator.Contact))
	}}.run(t, "pin", "change")
	assert.Equal(t, cli.ExitNoCard, o.exit, o.stderr)
	assert.Zero(t, d.Secrets())

	d = cardtest.New(t, simulator.LastAttempt)
	o = runner{driver: &d.Driver, typed: typed}.run(t, "pin", "change")
	assert.Contains(t, o.stderr, "[PIN_LAST_TRY]")
	assert.Empty(t, o.terminal)
	o = runner{driver: &d.Driver, typed: typed}.run(t, "pin", "change", "--allow-last-attempt")
	assert.Zero(t, o.exit, o.stderr)
}

// PINs that are tried first are called easy to guess.
func TestWeakPINs(t *testing.T) {
	for pin, weak := range map[string]bool{
		"0000": true, "7777": true, "1234": true, "9876": true, "0401": true, "3112": true, "0229": true, "1985": true, "2026": true,
		"8261": false, "0230": false, "1350": false, "4807": false, "12345": false, "": false,
	} {
		assert.Equal(t, weak, isWeakPIN([]byte(pin)), pin)
	}
}
