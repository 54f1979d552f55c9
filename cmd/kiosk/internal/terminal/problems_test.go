package terminal_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A problem is shown until it is solved.
func TestProblems(t *testing.T) {
	for profile, code := range map[simulator.Profile]message.Code{
		simulator.Locked: message.PINLocked, simulator.FaceAuth: message.PINLocked, simulator.Expired: message.CertExpired,
		simulator.NotMyNumber: message.NotMyNumberCard, simulator.NoCertificate: message.NoAuthCert,
	} {
		withTerminal(t, profile, func(t *testing.T, s *fixture, card *simulator.Card) {
			s.start()
			require.NoError(t, s.slot.Insert(card))
			s.problem(code)
			s.slot.Remove()
			s.shows(terminal.Welcome)
		})
	}
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		second := s.driver.AddReader("Second")
		other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
		require.NoError(t, err)
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
		require.NoError(t, second.Insert(other))
		s.problem(message.SeveralCards)
		assert.Empty(t, s.view().ID)
		second.Remove()
		s.shows(terminal.Take) // the card of the first visit
		s.slot.Remove()
		s.shows(terminal.Welcome)

		s.driver.RemoveReader(second)
		s.driver.RemoveReader(s.slot)
		s.problem(message.For(reader.ErrNoReader).Code)
		s.slot = s.driver.AddReader("Reader")
		s.shows(terminal.Welcome)

		s.driver.StopService()
		s.problem(message.For(reader.ErrNoService).Code)
		s.driver.StartService()
		s.shows(terminal.Welcome)
	})
}

// An unavailable registry is reported before the PIN is asked for. A failure after the
// PIN uses no attempt either.
func TestRegistryUnavailable(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.registry.down = true
		s.start()
		s.problem("DATABASE_UNAVAILABLE")
		require.NoError(t, s.slot.Insert(card))
		s.problem("DATABASE_UNAVAILABLE")
		s.slot.Remove()
		s.registry.mu.Lock()
		s.registry.down = false
		s.registry.mu.Unlock()
		time.Sleep(3 * time.Second)
		s.shows(terminal.Welcome)
		assert.Equal(t, 1, strings.Count(strings.Join(s.log, "\n"), "problem DATABASE_UNAVAILABLE"), "a problem is logged once, even if cards come and go")

		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.registry.mu.Lock()
		s.registry.down = true
		s.registry.mu.Unlock()
		s.enter(simulator.PIN)
		s.problem("DATABASE_UNAVAILABLE")
		assert.Equal(t, 3, card.State().AuthAttempts)
		s.registry.mu.Lock()
		s.registry.down = false
		s.registry.mu.Unlock()
		time.Sleep(3 * time.Second)
		s.shows(terminal.Take)
	})
}

// Every other registry error is shown with a code until the card is taken.
func TestOtherRegistryErrors(t *testing.T) {
	for _, err := range []error{registry.ErrSuperseded, registry.ErrNoIdentifier, registry.ErrProof, errors.New("anything else")} {
		withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
			s.registry.failures = err
			require.NoError(t, s.slot.Insert(card))
			s.start()
			s.enter(simulator.PIN)
			v := s.shows(terminal.Problem)
			assert.NotEmpty(t, v.Notice.Code)
			assert.NotEmpty(t, v.Notice.What.JA)
			s.slot.Remove()
			s.shows(terminal.Welcome)
		})
	}
}

// A problem for the staff stays on the screen without the visit's data until the card is
// taken.
func TestProblemForStaffStays(t *testing.T) {
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		s.registry.failures = registry.ErrProof
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		time.Sleep(10 * time.Minute)
		v := s.shows(terminal.Problem)
		assert.True(t, v.KeepCard)
		assert.Equal(t, "ended ", s.log[len(s.log)-1])
		s.slot.Remove()
		s.shows(terminal.Welcome)
	})
}

// If a visit ends while the registry is making a change, the screens say until the next
// visit that it may have been made.
func TestOutcomeUnknown(t *testing.T) {
	for what, end := range map[string]func(s *fixture){
		"card taken":  func(s *fixture) { s.slot.Remove() },
		"second card": func(s *fixture) { s.secondCard() },
		"idle":        func(s *fixture) { time.Sleep(91 * time.Second) },
	} {
		withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
			require.NoError(t, s.slot.Insert(card))
			s.start()
			s.enter(simulator.PIN)
			s.toConfirm()
			release := make(chan struct{})
			s.registry.set(func() { s.registry.slowConfirm = release })
			s.press(terminal.Agree)
			assert.False(t, s.shows(terminal.Applying).OutcomeUnknown)
			end(s)
			assert.True(t, s.view().OutcomeUnknown, what)
			close(release)
			s.slot.Remove()
			time.Sleep(time.Minute)
			if what != "second card" {
				assert.False(t, s.shows(terminal.Welcome).OutcomeUnknown, what)
			}
		})
	}
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.toConfirm()
		s.registry.set(func() { s.registry.down = true })
		s.press(terminal.Agree)
		s.problem("DATABASE_UNAVAILABLE")
		assert.True(t, s.view().OutcomeUnknown)
		s.slot.Remove()
		assert.True(t, s.shows(terminal.Problem).OutcomeUnknown, "also after the card was taken")
		s.registry.set(func() { s.registry.down = false })
		time.Sleep(3 * time.Second)
		assert.False(t, s.shows(terminal.Welcome).OutcomeUnknown)
	})
	withTerminal(t, simulator.Contact, func(t *testing.T, s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.toConfirm()
		s.slot.Remove()
		v := s.shows(terminal.Cleared)
		assert.False(t, v.OutcomeUnknown, "nothing was confirmed")
		assert.Contains(t, v.Notice.Next.EN, "Your ID remains valid.")
	})
}

// toConfirm goes from the result to the confirmation, and lets the resident read it.
func (s *fixture) toConfirm() {
	s.t.Helper()
	s.press(terminal.Apply)
	require.NoError(s.t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
	require.NoError(s.t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0123456789"), Code: typed("4649")}))
	s.shows(terminal.Confirm)
	time.Sleep(time.Second)
}

// secondCard inserts a second My Number Card.
func (s *fixture) secondCard() {
	s.t.Helper()
	other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
	require.NoError(s.t, err)
	require.NoError(s.t, s.driver.AddReader("Second").Insert(other))
}
