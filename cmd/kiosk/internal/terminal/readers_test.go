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

// A card of another kind in another reader disturbs no visit, whenever it comes: its
// reader may be plugged in anew, and the next visit goes on beside it.
// Faults: F71.
func TestAnotherCardComesDuringAVisit(t *testing.T) {
	for name, fault := range map[string]*simulator.Fault{
		"of another kind": nil,
		"that hangs":      {On: simulator.Transmit, Do: simulator.Hang()},
		"that is mute":    {On: simulator.Connect, Do: simulator.FailBefore(reader.ErrTransport)},
	} {
		t.Run(name, func(t *testing.T) {
			at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
				require.NoError(t, s.slot.Insert(card))
				s.start()
				s.shows(terminal.EnterPIN)
				slot := s.driver.AddReader("B-CAS")
				if fault != nil {
					slot.Fail(*fault)
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

// A reader that is plugged in anew while a card is waited for brings its card along.
// Faults: F71.
func TestAnotherReaderComesWhileACardIsWaitedFor(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.start()
		s.shows(terminal.Place)
		require.NoError(t, s.driver.AddReader("B-CAS").Insert(cardOf(t, simulator.NotMyNumber, "other")))
		s.shows(terminal.Place)
		require.NoError(t, s.slot.Insert(card))
		s.shows(terminal.EnterPIN)
	})
}

// Whoever puts in a card of another kind is told so, and goes on with a My Number
// Card in another reader.
// Faults: F71.
func TestAVisitorFindsTheRightCard(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
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

// A card that can't be probed before a visit is told of as long as it is alone, and
// is in nobody's way otherwise.
// Faults: F71.
func TestACardThatCantBeProbed(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		mute := s.driver.AddReader("SAM")
		mute.Fail(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrTransport)})
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

// Two cards that are there from the start are nobody's problem while they are probed.
// Faults: F71.
func TestOtherCardsAreThereFromTheStart(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		for _, name := range []string{"B-CAS", "SAM"} {
			require.NoError(t, s.driver.AddReader(name).Insert(cardOf(t, simulator.NotMyNumber, name)))
		}
		s.shows(terminal.Welcome)
		assert.NotContains(t, s.log, "problem SEVERAL_CARDS")
	})
}

// Who agreed to spend the last attempt of one card has not agreed for another one, which
// comes when the first has been locked.
// Faults: F47, F71.
func TestTheLastAttemptIsOfOneCard(t *testing.T) {
	at(t, simulator.LastTry, func(t *testing.T, s *stand, card *simulator.Card) {
		unsure := s.driver.AddReader("A")
		unsure.Fail(simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailBefore(reader.ErrTransport)})
		require.NoError(t, unsure.Insert(card))
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.LastTry)
		s.press(terminal.SpendLast)
		s.enter("9999")
		s.problem(message.PINLocked)
		second := cardOf(t, simulator.LastTry, "another")
		require.NoError(t, s.slot.Insert(second))
		assert.NotEqual(t, terminal.EnterPIN, s.view().Screen)
		assert.Equal(t, 1, second.State().AuthTries)
	})
}
