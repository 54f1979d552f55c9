package terminal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func cardOf(t *testing.T, profile simulator.Profile, seed string) *simulator.Card {
	t.Helper()
	card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(seed), simulator.WithClock(time.Now))
	require.NoError(t, err)
	return card
}

// A card of another kind in another reader never disturbs a visit, even if its reader
// is reconnected, and the next visit works too.
//
// Faults: F71.
func TestOtherCardDuringAVisit(t *testing.T) {
	for name, fault := range map[string]*simulator.Fault{
		"another kind": nil,
		"hangs":        {On: simulator.Transmit, Do: simulator.Hang()},
		"mute":         {On: simulator.Connect, Do: simulator.FailBefore(reader.ErrTransport)},
	} {
		t.Run(name, func(t *testing.T) {
			withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
				require.NoError(t, s.slot.Insert(card))
				s.start()
				s.shows(terminal.EnterPIN)
				slot := s.driver.AddReader("B-CAS")
				if fault != nil {
					slot.AddFault(*fault)
				}
				require.NoError(t, slot.Insert(cardOf(t, simulator.NotMyNumber, "other")))
				s.shows(terminal.EnterPIN)
				time.Sleep(10 * time.Second)
				s.shows(terminal.EnterPIN)
				s.enter(simulator.PIN)
				s.shows(terminal.Result)
				s.press(terminal.Finish)
				s.slot.Remove()
				s.shows(terminal.Welcome)
				require.NoError(t, s.slot.Insert(card))
				s.start()
				s.shows(terminal.EnterPIN)
				connections, _ := slot.InUse()
				assert.Zero(t, connections)
			})
		})
	}
}

// A reader that is reconnected while the terminal waits for a card may contain a card
// of another kind.
//
// Faults: F71.
func TestReaderConnectedWhileWaitingForACard(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.start()
		s.shows(terminal.Place)
		require.NoError(t, s.driver.AddReader("B-CAS").Insert(cardOf(t, simulator.NotMyNumber, "other")))
		s.shows(terminal.Place)
		require.NoError(t, s.slot.Insert(card))
		s.shows(terminal.EnterPIN)
	})
}

// After a card of another kind, the visit continues with a My Number Card in another
// reader.
//
// Faults: F71.
func TestRightCardReplacesAWrongOne(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		second := s.driver.AddReader("Second")
		s.start()
		require.NoError(t, second.Insert(cardOf(t, simulator.NotMyNumber, "other")))
		s.problem(message.NotMyNumberCard)
		require.NoError(t, s.slot.Insert(card))
		s.shows(terminal.EnterPIN)
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
		require.NoError(t, s.driver.AddReader("Third").Insert(cardOf(t, simulator.Contact, "another")))
		s.problem(message.SeveralCards)
	})
}

// A card that cannot be probed is reported if it is the only one, and ignored
// otherwise.
//
// Faults: F71.
func TestCardThatCannotBeProbed(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		mute := s.driver.AddReader("SAM")
		mute.AddFault(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrTransport)})
		require.NoError(t, mute.Insert(cardOf(t, simulator.NotMyNumber, "other")))
		s.start()
		s.problem(message.ReadFailed)
		mute.Remove()
		s.shows(terminal.Welcome)
		require.NoError(t, mute.Insert(cardOf(t, simulator.NotMyNumber, "other")))
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
	})
}

// Two cards that are present at startup are no problem while they are probed.
//
// Faults: F71.
func TestOtherCardsAtStartup(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		for _, name := range []string{"B-CAS", "SAM"} {
			require.NoError(t, s.driver.AddReader(name).Insert(cardOf(t, simulator.NotMyNumber, name)))
		}
		s.shows(terminal.Welcome)
		assert.NotContains(t, s.log, "problem SEVERAL_CARDS")
	})
}

// Consent to use the last attempt of one card does not apply to another card that is
// inserted after the first was locked.
//
// Faults: F47, F71.
func TestLastAttemptConsentIsForOneCard(t *testing.T) {
	withTerminal(t, simulator.LastAttempt, func(t *testing.T, s *fixture, card *simulator.Card) {
		unsure := s.driver.AddReader("A")
		unsure.AddFault(simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailBefore(reader.ErrTransport)})
		require.NoError(t, unsure.Insert(card))
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.LastAttempt)
		s.press(terminal.UseLastAttempt)
		s.enter("9999")
		s.problem(message.PINLocked)
		second := cardOf(t, simulator.LastAttempt, "another")
		require.NoError(t, s.slot.Insert(second))
		assert.NotEqual(t, terminal.EnterPIN, s.view().Screen)
		assert.Equal(t, 1, second.State().AuthAttempts)
	})
}

// Cards of other kinds that stay in other readers are ignored.
//
// Faults: F71.
func TestCardsInOtherReadersAreIgnored(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		for _, name := range []string{"B-CAS", "SAM"} {
			other, err := simulator.NewCard(simulator.NotMyNumber, simulator.WithInsecureSeed(name))
			require.NoError(t, err)
			require.NoError(t, s.driver.AddReader(name).Insert(other))
		}
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.Place)
		require.NoError(t, s.slot.Insert(card))
		s.shows(terminal.EnterPIN)
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
		s.slot.Remove()
		s.shows(terminal.Cleared)
		s.press(terminal.Close)
		s.shows(terminal.Welcome)

		// A card of another kind that is inserted during a visit is a problem.
		s.start()
		other, err := simulator.NewCard(simulator.NotMyNumber, simulator.WithInsecureSeed("other"))
		require.NoError(t, err)
		require.NoError(t, s.slot.Insert(other))
		s.problem(message.NotMyNumberCard)
		s.slot.Remove()
		s.shows(terminal.Welcome)
	})
}
