package terminal_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A PIN is rejected until a card and its remaining attempts are shown. It could
// otherwise be sent to the next card.
//
// Faults: F66.
func TestPINBeforeTheCardIsRejected(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.start()
		s.shows(terminal.Place)
		pin, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.ErrorIs(t, s.do(terminal.Action{Name: terminal.GivePIN, PIN: pin}), terminal.ErrStale)
		require.ErrorIs(t, s.do(terminal.Action{Name: "type-first"}), terminal.ErrStale)
		require.NoError(t, s.slot.Insert(card))
		assert.Equal(t, 3, s.shows(terminal.EnterPIN).Counter.Remaining)
		assert.Equal(t, 3, card.State().AuthAttempts)
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
	})
}

// Asking for more time and typing keep the view and what was typed.
func TestMoreTime(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.start()
		step := s.view().Step
		for range 5 {
			time.Sleep(61 * time.Second)
			require.True(t, s.shows(terminal.Place).Ending)
			s.press(terminal.MoreTime)
			require.False(t, s.shows(terminal.Place).Ending)
		}
		for range 5 {
			time.Sleep(59 * time.Second)
			s.press(terminal.MoreTime)
			require.False(t, s.shows(terminal.Place).Ending)
		}
		assert.Equal(t, step, s.view().Step)
		time.Sleep(91 * time.Second)
		s.shows(terminal.Cleared)
		s.press(terminal.MoreTime) // without a visit
		time.Sleep(11 * time.Second)
		s.shows(terminal.Welcome)
	})
}

// An application can be confirmed only after the resident had time to read it, also
// after a change of language.
//
// Faults: F66.
func TestApplicationConfirmedTooSoon(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.press(terminal.Apply)
		require.NoError(t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0123 456-789"), Code: typed("4649")}))
		for range 2 {
			s.shows(terminal.Confirm)
			require.ErrorIs(t, s.do(terminal.Action{Name: terminal.Agree}), terminal.ErrUnread)
			time.Sleep(999 * time.Millisecond)
			require.ErrorIs(t, s.do(terminal.Action{Name: terminal.Agree}), terminal.ErrUnread)
			require.NoError(t, s.do(terminal.Action{Name: terminal.SetLanguage, Language: message.English}))
		}
		time.Sleep(time.Second)
		s.press(terminal.Agree)
		s.shows(terminal.Done)
	})
}

// A wrong PIN shows the remaining attempts, and the last attempt needs consent.
func TestWrongPINs(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		for _, left := range []int{2, 1} {
			s.enter("9999")
			assert.Equal(t, left, s.shows(terminal.WrongPIN).Counter.Remaining)
			assert.Equal(t, left, card.State().AuthAttempts)
			s.press(terminal.TryAgain)
		}
		s.shows(terminal.LastAttempt)
		pin, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.ErrorIs(t, s.do(terminal.Action{Name: terminal.GivePIN, PIN: pin}), terminal.ErrStale)
		assert.Equal(t, 1, card.State().AuthAttempts)
		s.press(terminal.UseLastAttempt)
		s.shows(terminal.EnterPIN)
		s.enter("9999")
		s.problem(message.PINLocked)
	})
}

// An action on an earlier view does nothing, and its PIN is wiped: the second of two
// taps, a replayed action, and an action of another screen.
func TestStaleActions(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		step := s.shows(terminal.EnterPIN).Step
		pin, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		second, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.NoError(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: pin}))
		require.ErrorIs(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: second}), terminal.ErrStale)
		s.shows(terminal.WrongPIN)
		require.ErrorIs(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: second}), terminal.ErrStale)
		assert.Equal(t, 2, card.State().AuthAttempts)
		session, err := s.driver.Connect(context.Background(), "Reader")
		require.NoError(t, err)
		_, err = jpki.Authenticate(context.Background(), session, second)
		require.ErrorIs(t, err, credential.ErrUsed, "the PIN was wiped")
		require.NoError(t, session.Close())
		s.press(terminal.TryAgain)
		s.shows(terminal.EnterPIN) // the same screen, but another view
		replayed, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.ErrorIs(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: replayed}), terminal.ErrStale)
		assert.Equal(t, 2, card.State().AuthAttempts)
		s.enter("9999")
		s.shows(terminal.WrongPIN)
		for _, name := range []string{terminal.Agree, terminal.Apply, terminal.Start, "", "surprise"} {
			require.ErrorIs(t, s.do(terminal.Action{Name: name}), terminal.ErrStale, name)
		}
		s.shows(terminal.WrongPIN)
	})
}

// A card that was swapped without an event after the PIN pad was shown gets no PIN.
func TestSwappedCardGetsNoPIN(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
		require.NoError(t, err)
		elsewhere := simulator.New().AddReader("Reader")
		require.NoError(t, elsewhere.Insert(other))
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.connects = elsewhere.Driver()
		s.enter("9999")
		s.problem(message.CardChanged)
		assert.Equal(t, 3, other.State().AuthAttempts)
		assert.Equal(t, 3, card.State().AuthAttempts)
	})
}
