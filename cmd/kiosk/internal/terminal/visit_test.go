package terminal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A visit goes from consent to application, and nothing remains afterwards.
func TestVisit(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.Place)
		require.NoError(t, s.slot.Insert(card))
		v := s.shows(terminal.EnterPIN)
		assert.Equal(t, 3, v.Counter.Remaining, "the attempts left are shown before the PIN is typed")
		s.enter(simulator.PIN)
		v = s.shows(terminal.Result)
		assert.Equal(t, mykey.ID("ABCD2345"), v.ID)
		assert.NotEmpty(t, text(v.Recovery))
		assert.False(t, card.State().AuthVerified)
		s.press(terminal.Apply)
		s.shows(terminal.Services)
		require.NoError(t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
		s.shows(terminal.Account)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("12"), Code: typed("4649")}))
		assert.Equal(t, terminal.Refused{Account: true}, s.shows(terminal.Account).Refused)
		s.registry.used["0000000000"] = true
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0000000000"), Code: typed("4649")}))
		assert.Equal(t, terminal.Refused{Used: true}, s.shows(terminal.Account).Refused)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("０１２３４５６７８９"), Code: typed("4649")}))
		s.shows(terminal.Confirm)
		s.press(terminal.Back)
		s.shows(terminal.Account)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0123456789"), Code: typed("4649")}))
		s.shows(terminal.Confirm)
		time.Sleep(time.Second)
		s.press(terminal.Agree)
		s.shows(terminal.Done)
		s.press(terminal.Finish)
		v = s.shows(terminal.Take)
		assert.Empty(t, v.ID)
		s.slot.Remove()
		s.shows(terminal.Welcome)
		account := s.registry.confirmed[len(s.registry.confirmed)-1]
		assert.Equal(t, []string{"sample-pay", "0123456789", "4649"}, []string{account.Service(), account.ID(), account.Code()})
		for _, line := range s.log {
			assert.NotContains(t, line, "ABCD2345")
			assert.NotContains(t, line, "0123456789")
		}
	})
}

// A card may be inserted before the visit starts.
func TestCardInsertedBeforeTheVisit(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.EnterPIN)
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
	})
}

// A visit and its data end when the card is taken or replaced, or when the visit is
// idle.
func TestVisitEnds(t *testing.T) {
	other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
	require.NoError(t, err)
	until := map[string]func(s *fixture, card *simulator.Card){
		"the PIN pad": func(*fixture, *simulator.Card) {},
		"the result":  func(s *fixture, _ *simulator.Card) { s.enter(simulator.PIN); s.shows(terminal.Result) },
		"the account": func(s *fixture, _ *simulator.Card) {
			s.enter(simulator.PIN)
			s.press(terminal.Apply)
			require.NoError(s.t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
			s.shows(terminal.Account)
		},
	}
	for where, until := range until {
		for what, happens := range map[string]func(s *fixture){
			"card taken": func(s *fixture) { s.slot.Remove() },
			"card swapped": func(s *fixture) {
				s.slot.Remove()
				require.NoError(s.t, s.slot.Insert(other))
			},
			"idle": func(s *fixture) {
				time.Sleep(61 * time.Second)
				assert.True(s.t, s.view().Ending)
				time.Sleep(30 * time.Second)
			},
		} {
			withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
				require.NoError(t, s.slot.Insert(card))
				s.start()
				s.shows(terminal.EnterPIN)
				until(s, card)
				happens(s)
				v := s.shows(terminal.Cleared)
				assert.Empty(t, v.ID, where+what)
				assert.Empty(t, text(v.Recovery))
				assert.Empty(t, text(v.Account))
				time.Sleep(11 * time.Second)
				switch what {
				case "idle":
					s.shows(terminal.Take)
					s.slot.Remove()
				case "card swapped":
					s.slot.Remove()
				}
				s.shows(terminal.Welcome)
				assert.Equal(t, 3, other.State().AuthAttempts)
			})
		}
	}
}

// A result that arrives after its visit is discarded, even if another visit has
// started.
func TestLateResultsAreDiscarded(t *testing.T) {
	for range 10 {
		withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
			release := make(chan struct{})
			s.registry.mu.Lock()
			s.registry.wait = release
			s.registry.mu.Unlock()
			require.NoError(t, s.slot.Insert(card))
			s.start()
			s.enter(simulator.PIN)
			s.shows(terminal.Reading)
			s.slot.Remove()
			s.shows(terminal.Cleared)
			s.press(terminal.Close)
			s.start()
			s.shows(terminal.Place)
			close(release)
			assert.Empty(t, s.shows(terminal.Place).ID)
		})
	}
}

// The end of a visit is shown in the visit's language.
func TestEndIsShownInTheVisitsLanguage(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.do(terminal.Action{Name: terminal.Start, Language: message.English}))
		time.Sleep(91 * time.Second)
		assert.Equal(t, message.English, s.shows(terminal.Cleared).Language)
		time.Sleep(time.Minute)
		assert.Equal(t, message.Japanese, s.shows(terminal.Welcome).Language)
	})
}

// Each step of a visit is logged once, in order.
func TestVisitLog(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.Japanese}))
		s.enter(simulator.PIN)
		s.shows(terminal.TakeOver)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ-6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		s.shows(terminal.Result)
		s.press(terminal.Apply)
		require.NoError(t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0123456789"), Code: typed("4649")}))
		s.shows(terminal.Confirm)
		time.Sleep(time.Second)
		s.press(terminal.Agree)
		s.shows(terminal.Done)
		s.press(terminal.Finish)
		s.slot.Remove()
		s.shows(terminal.Welcome)
		assert.Equal(t, []string{"begun ", "renewed ", "applied ", "finished ", "ended "}, s.log)
		for _, e := range s.events {
			assert.Equal(t, s.events[0].Visit, e.Visit, e.Name)
			assert.Len(t, e.Visit, 10)
		}
		assert.Zero(t, s.events[0].Duration)
		assert.GreaterOrEqual(t, s.events[4].Duration, time.Second)

		first := s.events[0].Visit
		s.start()
		s.press(terminal.Finish)
		assert.NotEqual(t, first, s.events[5].Visit, "another visit has another number")
	})
}

// A new campaign replaces the old one between visits, and never during one.
func TestCampaignChangesBetweenVisits(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		next := *s.campaign
		next.Name.EN = "The next campaign"
		s.shows(terminal.Welcome)
		s.terminal.SetCampaign(t.Context(), &next)
		require.Equal(t, "The next campaign", s.shows(terminal.Welcome).Campaign.Name.EN)

		after := next
		after.Name.EN = "The campaign after that"
		s.start()
		s.terminal.SetCampaign(t.Context(), &after)
		require.Equal(t, "The next campaign", s.shows(terminal.Place).Campaign.Name.EN)
		time.Sleep(5 * time.Minute) // the visit is idle for too long
		require.Equal(t, "The campaign after that", s.shows(terminal.Welcome).Campaign.Name.EN)
	})
}
