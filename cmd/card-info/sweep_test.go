package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Every fault at every command that each of the program's commands sends. It
// ends, within its time; a failure is one object with a code of its own and
// nothing on standard output; a PIN is sent once at most, no try is lost, the
// card is left unverified, and the PIN is nowhere.
func TestSweepOfFaults(t *testing.T) {
	lost := fmt.Errorf("%w: in a test", reader.ErrTransport)
	faults := map[string]struct {
		action simulator.Action
		exits  []int // those that name the cause, where it is clear
	}{
		"pulled":          {simulator.PullCard(), []int{4}},
		"reset":           {simulator.ResetCard(), []int{4}},
		"service stopped": {simulator.StopService(), []int{3}},
		"fails before":    {simulator.FailBefore(lost), []int{0, 1}},
		"fails after":     {simulator.FailAfter(lost), []int{0, 1}},
		"no answer":       {simulator.Answer(nil), nil},
		"too long":        {simulator.Lengthen(300), nil},
		"too short":       {simulator.Lengthen(-5), nil},
		"mute":            {simulator.Hang(), []int{1}},
		"6F00":            {simulator.AnswerStatus(0x6F00), nil},
		"6A82":            {simulator.AnswerStatus(0x6A82), nil},
		"63C1":            {simulator.AnswerStatus(0x63C1), nil},
	}
	cases := 0
	for _, args := range [][]string{nil, {"retries"}, {"cert"}, {"cert", "--ca"}, idArgs(t, "--pin-stdin")} {
		driver, cards := withCards(t, simulator.ContactExtended)
		changePIN(t, cards[0])
		whole := &meddler{Driver: driver}
		o := desk{driver: whole, stdin: canary + "\n"}.run(t, args...)
		require.Zero(t, o.exit, o.stderr)

		for name, fault := range faults {
			for nth := 1; nth <= whole.sent; nth++ {
				cases++
				where := fmt.Sprintf("%v, %s at command %d", args, name, nth)
				driver := simulator.New()
				slot := driver.AddReader("Reader")
				card, err := simulator.NewCard(simulator.ContactExtended, simulator.WithInsecureSeed(simulatorSeed))
				require.NoError(t, err)
				changePIN(t, card)
				require.NoError(t, slot.Insert(card))
				slot.Fail(simulator.Fault{Nth: nth, Do: fault.action})
				m := &meddler{Driver: driver}

				ctx, cancel := context.WithCancel(context.Background())
				if name == "mute" {
					time.AfterFunc(5*time.Millisecond, cancel) // as Ctrl-C does
				}
				start := time.Now()
				o := desk{driver: m, stdin: canary + "\n"}.runContext(t, ctx, append(args, "--json", "--trace")...)
				cancel()
				require.Less(t, time.Since(start), 6*time.Second, where)
				if fault.exits != nil {
					require.Contains(t, fault.exits, o.exit, where+o.stderr)
				}
				if o.exit != 0 {
					code, _ := failureOf(t, o)
					require.NotEmpty(t, code, where)
				}
				if o.exit != 0 && o.exit != exitCertificate { // a report shows what it can beside a bad certificate
					require.Empty(t, o.stdout, where)
				}
				require.LessOrEqual(t, m.pins, 1, where)
				require.Equal(t, 3, card.State().AuthTries, where)
				require.False(t, card.State().AuthVerified, where)
				for _, form := range canaryForms() {
					require.NotContains(t, strings.ToLower(o.stdout+o.stderr), strings.ToLower(form), where)
				}
			}
		}
	}
	t.Logf("%d cases: %d faults, 5 commands", cases, len(faults))
}
