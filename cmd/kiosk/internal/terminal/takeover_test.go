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

// If the campaign says so, a holder whom the registry does not know gets an identifier
// only after saying that there is no earlier one. One PIN is enough, and a wrong answer
// can be corrected.
//
// Faults: F114.
func TestUnknownHolderIsAskedForAnEarlierIdentifier(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.campaign.AskRenewed = true
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.FirstTime)
		assert.Empty(t, s.registry.reserved)
		s.press(terminal.HaveID)
		s.shows(terminal.TakeOver)
		s.press(terminal.Back)
		s.shows(terminal.FirstTime)
		s.press(terminal.HaveID)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		assert.Equal(t, mykey.ID("WXYZ6789"), s.shows(terminal.Result).ID)
		assert.Equal(t, []string{"begun ", "renewed "}, s.log)
	})
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
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

		require.NoError(t, s.slot.Insert(card)) // the registry knows it now
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
		assert.Equal(t, 3, card.State().AuthAttempts)
	})
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.campaign.AskRenewed = true
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.registry.set(func() { s.registry.down = true })
		s.enter(simulator.PIN)
		s.problem("DATABASE_UNAVAILABLE") // not the question about an earlier identifier
	})
}

// A known holder who says that the card is new gets the existing identifier and types
// nothing.
//
// Faults: F114.
func TestKnownHolderHasNothingToTakeOver(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
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

// Wrong recovery codes are logged without their content, and the fifth ends the visit.
//
// Faults: F115.
func TestWrongRecoveryCodesAreLimited(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.Japanese}))
		s.enter(simulator.PIN)
		wrong := func(err error) {
			s.shows(terminal.TakeOver)
			s.registry.failures = err
			require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ-6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
			s.view()
			s.registry.failures = nil
		}
		for _, err := range []error{registry.ErrRecovery, registry.ErrNotFound, registry.ErrWithdrawn, registry.ErrRecovery} {
			wrong(err)
			require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("short"), Code: typed("7K2M")})) // malformed codes are not counted
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

// A holder who returns can replace a lost recovery code after confirming it.
//
// Faults: F117.
func TestNewRecoveryCode(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		v := s.shows(terminal.Result)
		assert.False(t, v.NewCode, "the code is already new")
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

// The PIN is asked for only after the registry has proved writable, however long that
// takes. The terminal stays closed until then.
//
// Faults: F118.
func TestNoPINBeforeTheRegistryCanWrite(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.registry.slow = make(chan struct{})
		s.start()
		s.shows(terminal.Checking)
		time.Sleep(10 * time.Second)
		s.shows(terminal.Checking)
		close(s.registry.slow)
		s.shows(terminal.EnterPIN)
	})
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.registry.slow = make(chan struct{})
		s.start()
		time.Sleep(16 * time.Second) // the ping has timed out
		s.problem("DATABASE_UNAVAILABLE")
		time.Sleep(time.Minute)
		s.problem("DATABASE_UNAVAILABLE")
		close(s.registry.slow)
		time.Sleep(3 * time.Second)
		s.shows(terminal.Take)
	})
}

// A terminal whose name another process uses is closed, and says what the staff can do.
//
// Faults: F102.
func TestTerminalNameTaken(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.registry.ping = registry.ErrTerminalTaken
		s.start()
		s.problem("TERMINAL_NAME_TAKEN")
		s.registry.set(func() { s.registry.ping = registry.ErrUnavailable })
		time.Sleep(3 * time.Second)
		s.problem("DATABASE_UNAVAILABLE")
		s.registry.set(func() { s.registry.ping = registry.ErrTerminalTaken })
		time.Sleep(3 * time.Second)
		s.problem("TERMINAL_NAME_TAKEN")
		s.registry.set(func() { s.registry.ping = nil })
		time.Sleep(3 * time.Second)
		s.shows(terminal.Welcome)

		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.registry.failures = registry.ErrTerminalTaken // the lease was lost during a visit
		s.registry.set(func() { s.registry.ping = registry.ErrTerminalTaken })
		s.enter(simulator.PIN)
		s.problem("TERMINAL_NAME_TAKEN")
		time.Sleep(time.Minute)
		s.problem("TERMINAL_NAME_TAKEN")
	})
}

// A resident with a new card moves the identifier of the earlier card with its recovery
// code, and gets a new recovery code.
func TestTakeOver(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.Japanese}))
		s.enter(simulator.PIN)
		s.shows(terminal.TakeOver)
		assert.Empty(t, s.registry.reserved, "the new card has no identifier yet")
		for _, tt := range []struct {
			id, code string
			refused  terminal.Refused
		}{
			{"", "", terminal.Refused{Account: true, Code: true}},
			{"WXYZ6789", "short", terminal.Refused{Code: true}},
			{"short", "7K2M-9QXR-0ABC-DEFG", terminal.Refused{Account: true}},
		} {
			require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed(tt.id), Code: typed(tt.code)}))
			assert.Equal(t, tt.refused, s.shows(terminal.TakeOver).Refused)
		}
		s.registry.failures = registry.ErrRecovery
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ-6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		assert.Equal(t, terminal.Refused{Wrong: true}, s.shows(terminal.TakeOver).Refused)
		s.registry.failures = nil
		s.registry.lostCount = 1 // the terminal retries, or the new code would be lost too
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("ｗｘｙｚ６７８９"), Code: typed("7k2m 9qxr 0abc defg")}))
		v := s.shows(terminal.Result)
		assert.Equal(t, mykey.ID("WXYZ6789"), v.ID)
		assert.NotEmpty(t, text(v.Recovery))
		assert.NotEqual(t, "7K2M-9QXR-0ABC-DEFG", text(v.Recovery))
	})
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.registry.failures = registry.ErrHolderReserved
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.English}))
		s.enter(simulator.PIN)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		s.problem("HAS_IDENTIFIER")
	})
}
