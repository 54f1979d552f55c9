package terminal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Where the campaign says so, a card that the registry does not know gets an identifier
// only after its holder said that there is none yet; one PIN is enough for that, and
// who answered wrongly can go back.
//
// Faults: F114.
func TestAnUnknownCardIsAskedForAnEarlierIdentifier(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.campaign.AskRenewed = true
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.FirstTime)
		assert.Empty(t, s.book.reserved)
		s.press(terminal.HaveID)
		s.shows(terminal.TakeOver)
		s.press(terminal.Back)
		s.shows(terminal.FirstTime)
		s.press(terminal.HaveID)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		assert.Equal(t, mykey.ID("WXYZ6789"), s.shows(terminal.Result).ID)
		assert.Equal(t, []string{"begun ", "renewed "}, s.log)
	})
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.campaign.AskRenewed = true
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.FirstTime)
		s.press(terminal.First)
		assert.NotEmpty(t, text(s.shows(terminal.Result).Recovery))
		s.press(terminal.Finish)
		s.slot.Remove()
		s.shows(terminal.Welcome)

		require.NoError(t, s.slot.Insert(card)) // known by now
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
		assert.Equal(t, 3, card.State().AuthTries)
	})
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.campaign.AskRenewed = true
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.book.set(func() { s.book.down = true })
		s.enter(simulator.PIN)
		s.problem("DATABASE_UNAVAILABLE") // and no question whose answer is not known
	})
}

// Who says to have a new card and has an identifier with it already gets that one, with
// nothing to type.
//
// Faults: F114.
func TestAKnownCardHasNothingToTakeOver(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		for _, name := range []string{terminal.Start, terminal.Renew} {
			require.NoError(t, s.slot.Insert(card))
			require.NoError(t, s.do(terminal.Action{Name: name, Language: message.Japanese}))
			s.enter(simulator.PIN)
			assert.Equal(t, mykey.ID("ABCD2345"), s.shows(terminal.Result).ID)
			s.slot.Remove()
			s.shows(terminal.Cleared)
			s.press(terminal.Close)
		}
	})
}

// Wrong recovery codes are logged without what they were, and the fifth ends the visit.
//
// Faults: F115.
func TestWrongRecoveryCodesAreLimited(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.Japanese}))
		s.enter(simulator.PIN)
		wrong := func(err error) {
			s.shows(terminal.TakeOver)
			s.book.failures = err
			require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ-6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
			s.view()
			s.book.failures = nil
		}
		for _, err := range []error{registry.ErrRecovery, registry.ErrNotFound, registry.ErrWithdrawn, registry.ErrRecovery} {
			wrong(err)
			require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("short"), Code: typed("7K2M")})) // malformed ones don't count
			s.press(terminal.Back)
			s.press(terminal.HaveID)
		}
		wrong(registry.ErrRecovery)
		s.problem("RECOVERY_CODES")
		require.ErrorIs(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ-6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}), terminal.ErrStale)
		assert.True(t, s.view().CardInside)
		assert.Equal(t, []string{
			"begun ", "wrong code RECOVERY_CODE_WRONG", "wrong code RECOVERY_CODE_WRONG", "wrong code RECOVERY_CODE_WRONG",
			"wrong code RECOVERY_CODE_WRONG", "wrong code RECOVERY_CODE_WRONG", "refused RECOVERY_CODES",
		}, s.log)
		s.slot.Remove()
		s.shows(terminal.Welcome)
	})
}

// A holder who comes back can have a new recovery code, in place of one that was lost,
// after a yes.
//
// Faults: F117.
func TestANewRecoveryCode(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		v := s.shows(terminal.Result)
		assert.False(t, v.NewCode, "there is a new one already")
		require.ErrorIs(t, s.do(terminal.Action{Name: terminal.AskCode}), terminal.ErrStale)
		s.slot.Remove()
		s.press(terminal.Close)

		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		v = s.shows(terminal.Result)
		assert.True(t, v.NewCode)
		assert.Empty(t, text(v.Recovery))
		s.press(terminal.AskCode)
		s.shows(terminal.NewCode)
		s.press(terminal.Back)
		assert.Empty(t, text(s.shows(terminal.Result).Recovery))
		s.press(terminal.AskCode)
		s.press(terminal.MakeCode)
		v = s.shows(terminal.Result)
		assert.NotEmpty(t, text(v.Recovery))
		assert.False(t, v.NewCode)
		assert.Contains(t, s.log, "new code ")
	})
}

// Nobody is asked for a PIN before the registry has answered that it can write, however
// long that takes; and while it can't, the terminal stays closed.
//
// Faults: F118.
func TestNoPINBeforeTheRegistryCanWrite(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.book.slow = make(chan struct{})
		s.start()
		s.shows(terminal.Checking)
		time.Sleep(10 * time.Second)
		s.shows(terminal.Checking)
		close(s.book.slow)
		s.shows(terminal.EnterPIN)
	})
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.book.slow = make(chan struct{})
		s.start()
		time.Sleep(16 * time.Second) // it has not answered
		s.problem("DATABASE_UNAVAILABLE")
		time.Sleep(time.Minute)
		s.problem("DATABASE_UNAVAILABLE")
		close(s.book.slow)
		time.Sleep(3 * time.Second)
		s.shows(terminal.Take)
	})
}

// A terminal whose name another one has is closed, with what its staff can do.
//
// Faults: F102.
func TestATerminalWhoseNameIsTaken(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.book.ping = registry.ErrTerminalTaken
		s.start()
		s.problem("TERMINAL_NAME_TAKEN")
		s.book.set(func() { s.book.ping = registry.ErrUnavailable })
		time.Sleep(3 * time.Second)
		s.problem("DATABASE_UNAVAILABLE")
		s.book.set(func() { s.book.ping = registry.ErrTerminalTaken })
		time.Sleep(3 * time.Second)
		s.problem("TERMINAL_NAME_TAKEN")
		s.book.set(func() { s.book.ping = nil })
		time.Sleep(3 * time.Second)
		s.shows(terminal.Welcome)

		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.book.failures = registry.ErrTerminalTaken // the lease was lost during a visit
		s.book.set(func() { s.book.ping = registry.ErrTerminalTaken })
		s.enter(simulator.PIN)
		s.problem("TERMINAL_NAME_TAKEN")
		time.Sleep(time.Minute)
		s.problem("TERMINAL_NAME_TAKEN")
	})
}
