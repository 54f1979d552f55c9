package terminal_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func typed(s string) hidden.Bytes { return hidden.NewBytes([]byte(s)) }

func text(b hidden.Bytes) (s string) {
	b.Use(func(secret []byte) { s = string(secret) })
	return s
}

// fixture is a terminal with one simulated reader and its own clock.
type fixture struct {
	t        *testing.T
	driver   *simulator.Driver
	slot     *simulator.Reader
	registry *fakeRegistry
	campaign *campaign.Campaign
	connects reader.Driver // used for connections
	terminal *terminal.Terminal
	stop     func() // stops the terminal; idempotent

	logging sync.Mutex
	log     []string
	events  []terminal.Event
}

func (s *fixture) note(e terminal.Event) {
	s.logging.Lock()
	defer s.logging.Unlock()
	s.log = append(s.log, e.Name+" "+string(e.Code))
	s.events = append(s.events, e)
}

// hookedDriver is the fixture's driver. Its connections may come from another driver.
type hookedDriver struct {
	reader.Driver
	fixture *fixture
}

func (h hookedDriver) Connect(ctx context.Context, name string) (reader.Card, error) {
	return h.fixture.connects.Connect(ctx, name)
}

func withTerminal(t *testing.T, profile simulator.Profile, test func(t *testing.T, s *fixture, card *simulator.Card)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		card, err := simulator.NewCard(profile, simulator.WithInsecureSeed("kiosk"), simulator.WithClock(time.Now))
		require.NoError(t, err)
		file, err := os.Open(filepath.Join("..", "..", "campaigns", "2020.toml"))
		require.NoError(t, err)
		defer file.Close()
		c, err := campaign.Parse(file)
		require.NoError(t, err)
		c.Begins.Time, c.Ends.Time = time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 1, 0)
		s := &fixture{t: t, driver: simulator.New(), registry: &fakeRegistry{reserved: map[string]*registry.Reservation{}, used: map[string]bool{}}}
		s.campaign, c.AskRenewed = c, false
		s.slot, s.connects = s.driver.AddReader("Reader"), s.driver
		var chain []jpki.CardOption
		var policy trust.Policy
		if card.CACertificate() != nil {
			chain = append(chain, jpki.WithChain(card.CACertificate()))
			policy.CAs = append(policy.CAs, card.CACertificate())
		}
		s.terminal = terminal.New(terminal.Config{
			Driver: hookedDriver{s.driver, s}, Campaign: c, Service: fleet.NewLocal(s.registry, policy), Language: message.Japanese, Chain: append(chain, jpki.WithClock(time.Now)),
			Log: s.note,
		})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.terminal.Run(ctx) }()
		s.stop = sync.OnceFunc(func() {
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
		})
		synctest.Wait()
		test(t, s, card)
		s.stop()
		synctest.Wait()
		assert.False(t, card.State().AuthVerified, "still unlocked")
		connections, _ := s.slot.InUse()
		assert.Zero(t, connections)
	})
}

func (s *fixture) view() terminal.View {
	synctest.Wait()
	v, _ := s.terminal.View()
	return v
}

func (s *fixture) shows(screen terminal.Screen) terminal.View {
	s.t.Helper()
	v := s.view()
	require.Equal(s.t, screen, v.Screen, "%+v", v.Notice)
	return v
}

func (s *fixture) do(a terminal.Action) error {
	a.Step = s.view().Step
	return s.terminal.Do(context.Background(), a)
}

func (s *fixture) press(name string) {
	s.t.Helper()
	require.NoError(s.t, s.do(terminal.Action{Name: name}))
}

func (s *fixture) start() {
	s.t.Helper()
	require.NoError(s.t, s.do(terminal.Action{Name: terminal.Start, Language: message.Japanese}))
}

func (s *fixture) enter(digits string) {
	s.t.Helper()
	pin, err := jpki.ParsePIN([]byte(digits))
	require.NoError(s.t, err)
	require.NoError(s.t, s.do(terminal.Action{Name: terminal.GivePIN, PIN: pin}))
}

func (s *fixture) problem(code message.Code) {
	s.t.Helper()
	v := s.shows(terminal.Problem)
	assert.Equal(s.t, code, v.Notice.Code)
	assert.NotEmpty(s.t, v.Notice.Next.JA)
}
