package terminal_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// whileLeaving is a fault at each command that logs the card out.
func whileLeaving(do simulator.Action) simulator.Fault {
	return simulator.Fault{Command: func(command []byte) bool {
		return command[1] == apdu.InsSelect && len(command) > 5 && command[5] == 0xA0
	}, Do: do}
}

// A card that may still be unlocked is told beside what else failed, in both
// languages, and has to be taken before anything goes on.
//
// Faults: F75.
func TestACardThatMayStillBeUnlockedIsToldBesideTheCause(t *testing.T) {
	for code, digits := range map[message.Code]string{message.PINWrong: "9999", message.CardStillUnlocked: simulator.PIN} {
		at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
			s.slot.Fail(whileLeaving(simulator.FailBefore(reader.ErrTransport)))
			require.NoError(t, s.slot.Insert(card))
			s.start()
			s.enter(digits)
			s.problem(code)
			v := s.view()
			assert.True(t, v.CardInside)
			still := terminal.MessageFor(jpki.ErrStillUnlocked)
			assert.Contains(t, v.Notice.What.JA, still.What.JA)
			assert.Contains(t, v.Notice.What.EN, still.What.EN)
			assert.Contains(t, v.Notice.Next.JA, still.Next.JA)
			assert.Contains(t, v.Notice.Next.EN, still.Next.EN)
			assert.Equal(t, 1, strings.Count(v.Notice.What.EN, still.What.EN))
			if code == message.PINWrong {
				assert.Contains(t, v.Notice.What.EN, "Wrong PIN.")
			}
			assert.Contains(t, strings.Join(s.log, "\n"), string(message.CardStillUnlocked))
			s.slot.Remove()
			s.shows(terminal.Welcome)
		})
	}
}

// slow has the card take its time.
func slow(ctx context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
	time.Sleep(time.Second)
	return next()
}

// A terminal that is stopped while it uses a card ends after it has logged that out.
//
// Faults: F75.
func TestATerminalLogsTheCardOutBeforeItEnds(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: slow})
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.Reading)
		require.True(t, card.State().AuthVerified)
		s.stop()
		assert.False(t, card.State().AuthVerified)
	})
}

// That the card may still be unlocked is logged also if nobody waits for the visit.
//
// Faults: F75.
func TestACardThatMayStillBeUnlockedIsLoggedAfterTheVisit(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: slow})
		s.slot.Fail(whileLeaving(simulator.FailBefore(reader.ErrTransport)))
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.Reading)
		require.NoError(t, s.terminal.Abandon(context.Background()))
		time.Sleep(10 * time.Second)
		s.view()
		assert.Contains(t, strings.Join(s.log, "\n"), "refused "+string(message.CardStillUnlocked))
	})
}
