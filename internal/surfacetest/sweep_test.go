package surfacetest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/surfacetest"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/text"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// uses are the uses of both applications. Each returns what it read, "" for nothing.
func uses(t testing.TB, policy cvc.Policy) map[string]func(context.Context, reader.Card) (string, error) {
	return map[string]func(context.Context, reader.Card) (string, error){
		"attributes": func(ctx context.Context, card reader.Card) (string, error) {
			a, err := (&text.Reader{Policy: policy}).Attributes(ctx, card, text.ByNumberB(surfacetest.NumberB(t)))
			return a.Name() + a.Address(), err
		},
		"number": func(ctx context.Context, card reader.Card) (string, error) {
			n, err := (&text.Reader{Policy: policy}).MyNumberUnderNumberAct(ctx, card, text.ByNumberA(surfacetest.NumberA(t)))
			return n.Reveal(), err
		},
		"face": func(ctx context.Context, card reader.Card) (string, error) {
			d, err := (&face.Reader{Policy: policy}).Read(ctx, card, face.ByNumberB(surfacetest.NumberB(t)))
			return d.Birth() + string(d.PhotoJP2()), err
		},
	}
}

// The sweep injects every fault at every command of every use. A secret is sent once at most, no
// attempt is used up, nothing is returned with an error and nothing else than what the card has
// without one, and the card is logged out.
func TestSweepOfSurfaceFaults(t *testing.T) {
	lost := fmt.Errorf("%w: in a test", reader.ErrTransport)
	faults := map[string]simulator.Action{
		"pulled": simulator.PullCard(), "pulled after it worked": simulator.After(simulator.PullCard()), "reset": simulator.ResetCard(),
		"reset after it worked": simulator.After(simulator.ResetCard()), "service stopped": simulator.StopService(),
		"fails before": simulator.FailBefore(lost), "fails after": simulator.FailAfter(lost), "no answer": simulator.Answer(nil),
		"one byte": simulator.Answer([]byte{0x90}), "too long": simulator.ChangeLength(300), "too short": simulator.ChangeLength(-5),
		"9000, and nothing is done": simulator.AnswerStatus(0x9000), "6F00": simulator.AnswerStatus(0x6F00), "6A82": simulator.AnswerStatus(0x6A82),
		"6982": simulator.AnswerStatus(0x6982), "63C1": simulator.AnswerStatus(0x63C1), "63C0": simulator.AnswerStatus(0x63C0),
	}
	cases := 0
	profiles := []simulator.Profile{simulator.ContactExtended, simulator.Contact}
	for _, profile := range profiles {
		card := cardtest.NewCard(t, profile)
		for name, use := range uses(t, surfacetest.CallerPolicy(t, card)) {
			genuine, commands := "", 0
			run := func(where string, fault simulator.Fault, limit time.Duration) {
				d := &cardtest.Driver{Driver: simulator.New()}
				slot := d.Driver.(*simulator.Driver).AddReader(cardtest.ReaderName)
				require.NoError(t, slot.Insert(card))
				slot.AddFault(fault)
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				connection, err := d.Connect(ctx, cardtest.ReaderName)
				require.NoError(t, err, where)
				read, err := use(ctx, connection)
				_ = connection.Close() // it may be broken
				switch {
				case genuine == "":
					require.NoError(t, err)
					genuine, commands = read, len(d.Sent())
				case err != nil:
					require.Empty(t, read, where)
				default:
					require.Equal(t, genuine, read, where)
				}
				require.LessOrEqual(t, d.Secrets(), 1, where)
				slot.Remove()
				require.False(t, card.State().Unlocked, where)
				cases++
			}
			run("undisturbed", simulator.Fault{Nth: 1 << 30}, time.Minute)
			for what, action := range faults {
				for nth := 1; nth <= commands; nth++ {
					run(fmt.Sprintf("%s %s: %s at %d", profile, name, what, nth), simulator.Fault{On: simulator.Transmit, Nth: nth, Do: action}, time.Minute)
				}
			}
			if name == "face" && profile == simulator.Contact { // one is enough: it takes seconds until the card is given up
				run("hangs at the secret", simulator.Fault{On: simulator.Transmit, Nth: 1, Command: simulator.SendsSecret, Do: simulator.Hang()}, 20*time.Millisecond)
			}
		}
		desk := cardtest.In(t, simulator.New(), card).Open(t)
		texts, err := text.Counters(t.Context(), desk.Connection)
		require.NoError(t, err)
		faces, err := face.Counters(t.Context(), desk.Connection)
		require.NoError(t, err)
		assert.Equal(t, []int{3, 10, 10, 10, 10}, []int{texts.PIN.Remaining, texts.NumberA.Remaining, texts.NumberB.Remaining, faces.NumberA.Remaining, faces.NumberB.Remaining})
	}
	t.Logf("sweep: text and visual application: %d cases, %d faults, %d profiles", cases, len(faults), len(profiles))
}
