package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// sweptFault is a fault of package simulator and the exit codes allowed for it.
type sweptFault struct {
	action simulator.Action
	exits  []int // allowed exit codes; nil: any
	mute   bool  // the test has to interrupt the program

	atLogout []int // exits if the fault hits the command that logs the card out; nil: the same
}

func sweptFaults() map[string]sweptFault {
	lost := fmt.Errorf("%w: in a test", reader.ErrTransport)
	gone, down, any := []int{cli.ExitNoCard}, []int{cli.ExitNoReader}, []int(nil)
	unpowered, unsure := []int{cli.ExitDone}, []int{cli.ExitFailed}
	return map[string]sweptFault{
		"pulled":                    {simulator.PullCard(), gone, false, unpowered},
		"pulled after it worked":    {simulator.After(simulator.PullCard()), gone, false, unpowered},
		"reset":                     {simulator.ResetCard(), gone, false, unsure},
		"reset after it worked":     {simulator.After(simulator.ResetCard()), gone, false, unsure},
		"service stopped":           {simulator.StopService(), down, false, unsure},
		"service restarted":         {simulator.RestartService(), down, false, unsure},
		"fails before":              {simulator.FailBefore(lost), []int{cli.ExitDone, cli.ExitFailed}, false, nil},
		"fails after":               {simulator.FailAfter(lost), []int{cli.ExitDone, cli.ExitFailed}, false, nil},
		"in use":                    {simulator.FailBefore(reader.ErrBusy), []int{cli.ExitDone, cli.ExitFailed}, false, nil},
		"no answer":                 {simulator.Answer(nil), any, false, nil},
		"one byte":                  {simulator.Answer([]byte{0x90}), any, false, nil},
		"too long":                  {simulator.ChangeLength(300), any, false, nil},
		"too short":                 {simulator.ChangeLength(-5), any, false, nil},
		"mute until interrupted":    {simulator.Hang(), []int{cli.ExitFailed}, true, nil},
		"9000, and nothing is done": {simulator.AnswerStatus(0x9000), any, false, nil},
		"6F00":                      {simulator.AnswerStatus(0x6F00), any, false, nil},
		"6A82":                      {simulator.AnswerStatus(0x6A82), any, false, nil},
		"6982":                      {simulator.AnswerStatus(0x6982), any, false, nil},
		"63C1":                      {simulator.AnswerStatus(0x63C1), any, false, nil},
		"63C0":                      {simulator.AnswerStatus(0x63C0), any, false, nil},
	}
}

// The sweep injects every fault at every connection, transaction and command of each
// subcommand, with each profile whose commands differ. The program ends in time. A failure
// is one JSON object with a code and, unless a report can still be shown, nothing on
// standard output. The PIN is sent at most once and appears nowhere in the output, no
// attempt is used up, the card is logged out, and no connection stays open.
//
// Faults: F20, F21, F22, F23, F29, F48, F58, F75.
func TestSweepOfFaults(t *testing.T) {
	commands := [][]string{nil, {"list"}, {"retries"}, {"cert"}, {"cert", "--ca"}, {"ssh-key"}, {"doctor"}, {"logout"}, idArgs(t, "--pin-stdin")}
	profiles := []simulator.Profile{simulator.ContactExtended, simulator.Contact, simulator.Android}
	faults := sweptFaults()
	goroutines := runtime.NumGoroutine()
	var cases atomic.Int64
	t.Run("on", func(t *testing.T) {
		for _, profile := range profiles {
			for _, args := range commands {
				t.Run(fmt.Sprintf("%s %v", profile, append([]string{"report"}, args...)[min(len(args), 1)]), func(t *testing.T) {
					t.Parallel()
					card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(simulatorSeed), simulator.WithClock(func() time.Time { return today }))
					require.NoError(t, err)
					changePIN(t, card)
					s := sweep{card: card, args: args}
					sent := s.run(t, "undisturbed", sweptFault{exits: nil}, simulator.Fault{Nth: 1 << 30})
					whole, probe := len(sent), 1+slices.IndexFunc(sent, isProbe)
					for name, fault := range faults {
						for nth := 1; nth <= whole; nth++ {
							fault := fault
							if nth == probe && !slices.Contains(args, "id") && !slices.Contains(args, "doctor") && fault.exits != nil && !fault.mute {
								// The program connects again, as with a reader that breaks the
								// connection: no secret was sent.
								fault.exits = append(slices.Clone(fault.exits), cli.ExitDone)
							}
							switch {
							case slices.Contains(args, "logout"): // a removed card is logged out
								fault.exits = []int{cli.ExitDone, cli.ExitFailed}
							case nth == whole && slices.Contains(args, "id") && fault.atLogout != nil:
								fault.exits = fault.atLogout
							}
							s.run(t, name, fault, simulator.Fault{On: simulator.Transmit, Nth: nth})
							cases.Add(1)
						}
						if whole > 0 && !fault.mute {
							fault.exits = nil // a card removed before it is connected is absent
							s.run(t, name, fault, simulator.Fault{On: simulator.Connect, Nth: 1})
							s.run(t, name, fault, simulator.Fault{On: simulator.Begin, Nth: 1})
							cases.Add(2)
						}
					}
				})
			}
		}
	})
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "leaked goroutines")
	}
	t.Logf("sweep: card-info: %d cases, %d faults, %d commands, %d profiles", cases.Load(), len(faults), len(commands), len(profiles))
}

// sweep is one subcommand with one card.
type sweep struct {
	card *simulator.Card
	args []string
}

// run runs the subcommand with a fault and returns the commands it sent.
func (s sweep) run(t *testing.T, name string, fault sweptFault, rule simulator.Fault) []apdu.Command {
	t.Helper()
	where := fmt.Sprintf("%s at %d/%d", name, rule.On, rule.Nth)
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(s.card))
	rule.Do = fault.action
	slot.AddFault(rule)
	m := &cardtest.Driver{Driver: driver}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if fault.mute {
		time.AfterFunc(5*time.Millisecond, cancel) // as Ctrl-C does
	}
	start := time.Now()
	o := runner{driver: m, stdin: canary + "\n", system: machine(nil)}.runContext(t, ctx, append(slices.Clone(s.args), "--json", "--trace")...)
	require.Less(t, time.Since(start), 10*time.Second, where)

	if fault.exits != nil {
		require.Contains(t, fault.exits, o.exit, where+o.stderr)
	}
	if o.exit != 0 {
		code, _ := failureOf(t, o)
		require.NotEmpty(t, code, where)
		reports := o.exit == cli.ExitCertificate || slices.Contains(s.args, "doctor") || slices.Contains(s.args, "logout")
		require.True(t, reports || o.stdout == "", where)
	}
	require.LessOrEqual(t, m.Secrets(), 1, where)
	connections, transaction := slot.InUse()
	require.False(t, transaction, where)
	require.Zero(t, connections, where)
	state := s.card.State()
	require.Equal(t, 3, state.AuthAttempts, where)
	require.Equal(t, 5, state.SignatureAttempts, where)
	require.False(t, state.AuthVerified, where)
	for _, form := range canaryForms() {
		require.NotContains(t, strings.ToLower(o.stdout+o.stderr), strings.ToLower(form), where)
	}
	slot.Remove()
	return m.Sent()
}

// isProbe reports whether a command is the probe for extended lengths, in the middle of a file.
func isProbe(c apdu.Command) bool {
	return c.INS == apdu.InsReadBinary && c.Extended && c.P1&0x80 == 0
}
