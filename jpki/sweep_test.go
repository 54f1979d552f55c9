package jpki_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Every fault at every command of Authenticate, with the right and a wrong PIN,
// on the profiles that make a difference. Whatever happens: it ends, one PIN is
// one VERIFY, no try is lost that a VERIFY does not explain, nothing is reported
// that was not established, and the card is left unverified where it can be.
func TestSweepOfFaults(t *testing.T) {
	lost := fmt.Errorf("%w: in a test", reader.ErrTransport)
	faults := map[string]simulator.Action{
		"pulled":          simulator.PullCard(),
		"reset":           simulator.ResetCard(),
		"service stopped": simulator.StopService(),
		"fails before":    simulator.FailBefore(lost),
		"fails after":     simulator.FailAfter(lost),
		"no answer":       simulator.Answer(nil),
		"one byte":        simulator.Answer([]byte{0x90}),
		"too long":        simulator.Lengthen(70000),
		"a byte too long": simulator.Lengthen(1),
		"a byte short":    simulator.Lengthen(-1),
		"hangs":           simulator.Hang(),
	}
	for _, s := range []apdu.Status{0x6100, 0x6C00, 0x6282, 0x6300, 0x63C0, 0x63C3, 0x6700, 0x6982, 0x6983, 0x6985, 0x6A82, 0x6B00, 0x6D00, 0x6F00} {
		faults[fmt.Sprintf("%04X", uint16(s))] = simulator.AnswerStatus(s)
	}
	profiles := []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android}
	cases := 0
	for _, profile := range profiles {
		d := newDesk(t, profile)
		_, err := jpki.Authenticate(context.Background(), d.tap, pin(t, simulator.PIN))
		require.NoError(t, err)
		commands := len(d.tap.sent)

		for name, action := range faults {
			for nth := 1; nth <= commands; nth++ {
				for _, digits := range []string{simulator.PIN, "9999"} {
					cases++
					where := fmt.Sprintf("%s, %s at command %d, PIN %s", profile, name, nth, digits)
					d := newDesk(t, profile)
					d.slot.Fail(simulator.Fault{Nth: nth, Do: action})
					pulled := make(chan struct{})
					if name == "hangs" {
						time.AfterFunc(5*time.Millisecond, func() { d.slot.Remove(); close(pulled) })
					} else {
						close(pulled)
					}
					got, err := jpki.Authenticate(context.Background(), d.tap, pin(t, digits))
					<-pulled

					require.Equal(t, err == nil, got != nil, where)
					if got != nil {
						require.Equal(t, simulator.PIN, digits, where)
						require.True(t, got.PIN && got.Possession, where)
					}
					require.LessOrEqual(t, d.tap.pins, 1, where)
					left := d.card.State().AuthTries
					switch {
					case d.tap.pins == 0 || digits == simulator.PIN:
						require.Equal(t, 3, left, where)
					default:
						require.GreaterOrEqual(t, left, 2, where)
					}
					if !errors.Is(err, jpki.ErrStillVerified) && name != "reset" {
						require.False(t, d.card.State().AuthVerified, where)
					}
					require.NoError(t, d.tap.Close(), where)
					require.False(t, d.card.State().AuthVerified, where)
				}
			}
		}
	}
	t.Logf("%d cases: %d faults, %d profiles", cases, len(faults), len(profiles))
}
