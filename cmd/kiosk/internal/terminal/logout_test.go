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

// onLogOut is a fault at each command that logs the card out.
func onLogOut(do simulator.Action) simulator.Fault {
	return simulator.Fault{Command: func(command []byte) bool {
		return command[1] == apdu.InsSelect && len(command) > 5 && command[5] == 0xA0
	}, Do: do}
}

// A card that may still be unlocked is reported together with the other failure, in
// both languages, and must be taken before a visit can start.
//
// Faults: F75.
func TestStillUnlockedIsShownWithTheCause(t *testing.T) {
	for code, digits := range map[message.Code]string{message.PINWrong: "9999", message.CardStillUnlocked: simulator.PIN} {
		withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
			s.slot.AddFault(onLogOut(simulator.FailBefore(reader.ErrTransport)))
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

// slow delays a command.
func slow(ctx context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
	time.Sleep(time.Second)
	return next()
}

// A terminal that is stopped while it uses a card logs the card out before Run returns.
//
// Faults: F75.
func TestStoppingLogsTheCardOut(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: slow})
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.Reading)
		require.True(t, card.State().AuthVerified)
		s.stop()
		assert.False(t, card.State().AuthVerified)
	})
}

// A card that may still be unlocked is logged even if the visit has ended.
//
// Faults: F75.
func TestStillUnlockedIsLoggedAfterTheVisit(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: slow})
		s.slot.AddFault(onLogOut(simulator.FailBefore(reader.ErrTransport)))
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
