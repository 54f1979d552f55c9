package main

import (
	"context"
	"crypto/hpke"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/residue"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// fixture is a complete terminal with a simulated reader, a registry file and a page.
type fixture struct {
	driver   *simulator.Driver
	slot     *simulator.Reader
	terminal *terminal.Terminal
	registry *registry.Registry
	operator hpke.PrivateKey
	page     *web.Server
	host     string
	die      func() // stops the page's server, as if its process had ended
	database string

	overwritten atomic.Int32 // number of residue.Overwrite calls

	mu  sync.Mutex
	log string
}

// newFixture returns a fixture that also trusts the given CA certificates.
func newFixture(t testing.TB, certificates ...*x509.Certificate) *fixture {
	t.Helper()
	return newFixtureFor(t, func(*campaign.Campaign) {}, certificates...)
}

// newFixtureFor returns a fixture with a changed campaign.
func newFixtureFor(t testing.TB, change func(*campaign.Campaign), certificates ...*x509.Certificate) *fixture {
	t.Helper()
	s := &fixture{driver: simulator.New()}
	s.slot = s.driver.AddReader("Reader")
	file, err := os.Open(filepath.Join("campaigns", "demo.toml"))
	require.NoError(t, err)
	defer file.Close()
	c, err := campaign.Parse(file)
	require.NoError(t, err)
	c.AskRenewed = false
	change(c)
	s.operator, err = hpke.MLKEM768X25519().GenerateKey()
	require.NoError(t, err)
	s.database = filepath.Join(t.TempDir(), "kiosk.db")
	s.registry, err = testRegistry(t, s.database, registry.WithOperator(s.operator.PublicKey()), registry.AcceptIssuers(trust.IssuerSimulator))(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.registry.Close() })

	chain := []jpki.CardOption{jpki.TrustSimulator(s.card(t, simulator.Contact).CACertificate())}
	policy := trust.Policy{SimulatorCAs: append(slices.Clone(certificates), s.card(t, simulator.Contact).CACertificate())}
	for _, a := range certificates {
		chain = append(chain, jpki.TrustSimulator(a))
	}
	s.terminal = terminal.New(terminal.Config{
		Driver: s.driver, Campaign: c, Service: fleet.NewLocal(s.registry, policy), Language: message.Japanese,
		Chain: chain,
		AfterVisit: func() {
			residue.Overwrite()
			s.overwritten.Add(1)
		},
		Log: func(e terminal.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log += fmt.Sprintln(e.Name, e.Code)
		},
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.host = listener.Addr().String()
	s.page = web.New(s.terminal, s.host)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.terminal.Run(ctx) })
	s.serve(listener)
	t.Cleanup(func() {
		cancel()
		s.die()
		running.Wait()
		connections, _ := s.slot.InUse()
		require.Zero(t, connections)
	})
	s.await(t, terminal.Welcome)
	return s
}

// serve serves the page until die.
func (s *fixture) serve(listener net.Listener) {
	server, ended := newServer(s.page), make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(web.Listener(listener))
	}()
	s.die = func() {
		_ = server.Close()
		<-ended
	}
}

// card returns a new card of a profile. All cards have the same seed.
func (s *fixture) card(t testing.TB, p simulator.Profile) *simulator.Card {
	t.Helper()
	card, err := democard.New(p)
	require.NoError(t, err)
	return card
}

func (s *fixture) insert(t testing.TB, p simulator.Profile) *simulator.Card {
	t.Helper()
	card := s.card(t, p)
	require.NoError(t, s.slot.Insert(card))
	return card
}

func (s *fixture) await(t testing.TB, screen terminal.Screen) terminal.View {
	t.Helper()
	return awaitScreen(t, s.terminal, screen)
}

// awaitScreen waits until a terminal shows a screen.
func awaitScreen(t testing.TB, k *terminal.Terminal, screen terminal.Screen) terminal.View {
	t.Helper()
	deadline := time.After(time.Minute) // other tests load the machine
	for {
		view, changed := k.View()
		if view.Screen == screen {
			return view
		}
		select {
		case <-changed:
		case <-deadline:
			require.Equal(t, screen, view.Screen, "%+v", view.Notice)
		}
	}
}

func (s *fixture) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log
}

// authenticated returns the authentication of a simulated card's holder.
func authenticated(t testing.TB) *proof.Holder {
	t.Helper()
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)
	d := cardtest.In(t, simulator.New(), card).Open(t)
	pin, err := jpki.ParsePIN([]byte(simulator.PIN))
	require.NoError(t, err)
	holder, err := jpki.Authenticate(t.Context(), d.Connection, pin, jpki.WithChain(card.CACertificate()))
	require.NoError(t, err)
	return holder
}

// testTerminal returns the terminal key of the tests.
var testTerminal = sync.OnceValue(func() registry.Terminal {
	terminal, err := registry.GenerateTerminal("t1")
	if err != nil {
		panic(err)
	}
	return terminal
})

// testRegistry opens a registry in a file.
func testRegistry(t testing.TB, path string, options ...registry.Option) func(context.Context) (*registry.Registry, error) {
	key := func(first string) mykey.Key {
		k, err := mykey.ParseKey([]byte(first + "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
		require.NoError(t, err)
		return k
	}
	generation, err := registrycli.NewGeneration(1, "points.example", key("00"), key("20"))
	require.NoError(t, err)
	return func(ctx context.Context) (*registry.Registry, error) {
		return registry.Open(ctx, "sqlite:"+path, testTerminal(), generation, options...)
	}
}
