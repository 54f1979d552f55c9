package jpki_test

import (
	"context"
	"crypto"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Every fault at every command of a signature. The result is a signature that verifies, or
// an error. A PIN is sent once at most, a right one uses no attempt, the card is logged out
// if possible, and the next signature works.
//
// Faults: F19, F20, F21, F22, F23, F25.
func TestSweepOfSignatures(t *testing.T) {
	other := cardtest.AnotherCard(t, simulator.ContactExtended)
	faults := map[string]simulator.Action{
		"pulled before":    simulator.PullCard(),
		"pulled after":     simulator.After(simulator.PullCard()),
		"swapped":          simulator.SwapCard(other),
		"reset":            simulator.ResetCard(),
		"failed before":    simulator.FailBefore(reader.ErrTransport),
		"failed after":     simulator.FailAfter(reader.ErrTransport),
		"no bytes":         simulator.Answer(nil),
		"one byte":         simulator.Answer([]byte{0x90}),
		"one byte less":    simulator.ChangeLength(-1),
		"one byte more":    simulator.ChangeLength(1),
		"nothing known":    simulator.AnswerStatus(apdu.StatusNoDiagnosis),
		"success, no data": simulator.AnswerStatus(apdu.StatusOK),
		"not satisfied":    simulator.AnswerStatus(apdu.StatusSecurityNotSatisfied),
		"mute":             simulator.Hang(),
		"restarted":        simulator.RestartService(),
	}
	cases := 0
	for _, idle := range []time.Duration{0, time.Minute} {
		for name, fault := range faults {
			for at := 1; ; at++ {
				met := false
				where := fmt.Sprintf("%s at command %d, idle %s", name, at, idle)
				synctest.Test(t, func(t *testing.T) {
					h := cardtest.NewHolder(t, simulator.ContactExtended, simulator.WithClock(time.Now))
					s := h.Signer(t, jpki.KeepUnlocked(idle))
					h.Slot.AddFault(simulator.Fault{Nth: at, Do: func(ctx context.Context, r *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
						met = true
						return fault(ctx, r, next)
					}})
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					defer cancel()
					start, digest := time.Now(), digestOf(crypto.SHA256)
					for range 2 { // where the card is kept, the second finds it so
						signature, err := s.SignContext(ctx, digest, crypto.SHA256)
						if err != nil {
							require.Nil(t, signature, where)
							requireNoPIN(t, err, where)
							break
						}
						requireSignature(t, s, crypto.SHA256, digest, signature)
					}
					require.LessOrEqual(t, time.Since(start), 20*time.Second, where)
					sent := h.Secrets()
					require.LessOrEqual(t, sent, h.Asked(), where)
					h.Unsent(h.Entered() - sent)
					require.Equal(t, 3, h.Card.State().AuthAttempts, where)
					require.Equal(t, 3, other.State().AuthAttempts, where)

					h.Slot.ClearFaults()
					h.Insert(t, h.Card)
					_, err := s.SignContext(context.Background(), digest, crypto.SHA256)
					require.NoError(t, err, where)
				})
				if !met {
					break
				}
				cases++
			}
		}
	}
	t.Logf("%d cases: %d faults at every command, with and without keeping the card", cases, len(faults))
	require.Greater(t, cases, 200)
}
