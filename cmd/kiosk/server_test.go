package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// fleetServer is a server with a registry, for the kiosk in a test. It trusts the simulated
// cards of newCard, and those of more CAs.
type fleetServer struct {
	ca       *fleettls.CA
	url      string
	registry *registry.Registry
	database string // the registry's file
	campaign atomic.Pointer[[]byte]
	away     atomic.Bool // answers 503
	revoked  atomic.Bool // rejects every terminal
}

func newFleetServer(t *testing.T, cas ...*x509.Certificate) *fleetServer {
	t.Helper()
	s := &fleetServer{database: filepath.Join(t.TempDir(), "server.db")}
	var err error
	s.ca, err = fleettls.NewCA(time.Now())
	require.NoError(t, err)
	s.registry, err = testRegistry(t, s.database, registry.AcceptIssuers(trust.IssuerSimulator, trust.IssuerCaller))(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.registry.Close() })
	text, err := os.ReadFile(demo)
	require.NoError(t, err)
	s.campaign.Store(&text)
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)
	pair, err := s.ca.NewServer([]string{"127.0.0.1"}, time.Now())
	require.NoError(t, err)
	certificate, err := tls.X509KeyPair(pair, pair)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := fleettls.Peer(r.TLS, time.Now())
		if err == nil && !s.revoked.Load() {
			r = r.WithContext(fleet.WithCaller(r.Context(), peer))
		}
		if s.away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		fleet.NewHandler(fleet.HandlerConfig{
			Store: s.registry, Campaign: *s.campaign.Load(),
			Verifier: proof.Verifier{Audience: "points.example", Purpose: fleet.Purpose, Trust: trust.Policy{SimulatorCAs: append(cas, card.CACertificate())}},
		}).ServeHTTP(w, r)
	}))
	server.TLS = fleettls.ServerConfig([]*x509.Certificate{s.ca.Certificate()}, func() (*tls.Certificate, error) { return &certificate, nil })
	server.TLS.Certificates = []tls.Certificate{certificate} // httptest has one of its own
	server.StartTLS()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// bundle writes a terminal's bundle to a file.
func (s *fleetServer) bundle(t *testing.T, name string) string {
	t.Helper()
	return s.bundleFor(t, name, registry.RoleTerminal)
}

// bundleFor writes a bundle with a role to a file.
func (s *fleetServer) bundleFor(t *testing.T, name string, role registry.Role) string {
	t.Helper()
	b, err := s.ca.NewBundle(name, role, 30, time.Now())
	require.NoError(t, err)
	text, err := b.RevealText()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name+".pem")
	require.NoError(t, keyfile.WriteNew(path, text))
	return path
}

// A terminal of a fleet makes an identifier at its server. It has no key but its own.
func TestKioskWithAServer(t *testing.T) {
	server := newFleetServer(t)
	p := newProgram(io.Discard, io.Discard)
	setup, err := p.setUp(options{server: server.url, bundle: server.bundle(t, "t1"), simulate: true})
	require.NoError(t, err)
	b, err := setup.start(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer b.Close()
	assert.Equal(t, "t1", setup.terminal)
	c := *setup.campaign
	c.AskRenewed = false
	k := terminal.New(terminal.Config{Driver: setup.driver, Campaign: &c, Service: b, Chain: setup.chain, Language: "en"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	slot := setup.simulated.AddReader("Reader")
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)

	pin, err := jpki.ParsePIN([]byte(simulator.PIN))
	require.NoError(t, err)

	v := awaitScreen(t, k, terminal.Welcome)
	require.NoError(t, k.Do(ctx, terminal.Action{Step: v.Step, Name: terminal.Start, Language: "en"}))
	require.NoError(t, slot.Insert(card))
	v = awaitScreen(t, k, terminal.EnterPIN)
	require.NoError(t, k.Do(ctx, terminal.Action{Step: v.Step, Name: terminal.GivePIN, PIN: pin}))
	v = awaitScreen(t, k, terminal.Result)
	kept, err := server.registry.Lookup(ctx, v.ID)
	require.NoError(t, err)
	assert.Equal(t, registry.Reserved, kept.State)
	assert.False(t, card.State().AuthVerified)
}

// While the server is away, the terminal is closed before anybody enters a PIN. It opens
// again by itself.
//
// Faults: F122.
func TestKioskWhoseServerIsAway(t *testing.T) {
	server := newFleetServer(t)
	p := newProgram(io.Discard, io.Discard)
	setup, err := p.setUp(options{server: server.url, bundle: server.bundle(t, "t1"), simulate: true})
	require.NoError(t, err)
	server.away.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	_, err = setup.start(ctx, slog.New(slog.DiscardHandler))
	cancel()
	require.ErrorIs(t, err, context.DeadlineExceeded, "no campaign yet")
	server.away.Store(false)
	b, err := setup.start(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)

	k := terminal.New(terminal.Config{Driver: setup.driver, Campaign: setup.campaign, Service: b, Chain: setup.chain, Language: "en"})
	ctx, cancel = context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	setup.simulated.AddReader("Reader")
	v := awaitScreen(t, k, terminal.Welcome)
	for code, state := range map[string]*atomic.Bool{"DATABASE_UNAVAILABLE": &server.away, "TERMINAL_NOT_ENROLLED": &server.revoked} {
		state.Store(true)
		require.NoError(t, k.Do(ctx, terminal.Action{Step: v.Step, Name: terminal.Start, Language: "en"}))
		v = awaitScreen(t, k, terminal.Problem)
		assert.EqualValues(t, code, v.Notice.Code)
		state.Store(false)
		v = awaitScreen(t, k, terminal.Welcome)
	}
}

// The server's next campaign reaches the terminal, and one that can't be read does not.
func TestCampaignFromTheServer(t *testing.T) {
	server := newFleetServer(t)
	client, name, err := newProgram(io.Discard, io.Discard).serverClient(options{server: server.url, bundle: server.bundle(t, "t1")}, registry.RoleTerminal)
	require.NoError(t, err)
	assert.Equal(t, "t1", name)
	changed := make(chan *campaign.Campaign, 1)
	b := &serverBackend{Client: client, log: slog.New(slog.DiscardHandler), interval: time.Millisecond, setCampaign: func(_ context.Context, c *campaign.Campaign) { changed <- c }}
	first, err := b.start(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.run(ctx) }()
	broken := []byte("broken")
	server.campaign.Store(&broken)
	text, err := os.ReadFile(filepath.Join("campaigns", "2020.toml"))
	require.NoError(t, err)
	server.campaign.Store(&text)
	next := <-changed
	assert.NotEqual(t, first.Name, next.Name)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// Flags that do not belong together are reported before anything starts.
func TestServerFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--bundle", "x"}, {"--server", "https://s", "--bundle", "x", "--registry", "sqlite:x"}, {"--server", "https://s", "--campaign", demo},
		{"--server", "https://s", "--namespace-key", "x"}, {"--server", "https://s", "--terminal-key", "x"}, {"--server", "https://s", "--other-keys", "x"},
	} {
		o := testEnv{}.run(t, args...)
		assert.Equal(t, 2, o.exit, "%v: %s", args, o.stderr)
	}
	server := newFleetServer(t)
	o := testEnv{}.run(t, "--server", "http://plain.example", "--bundle", server.bundle(t, "t1"))
	assert.Equal(t, 2, o.exit, o.stderr)
	o = testEnv{}.run(t, "--server", server.url, "--bundle", demo)
	assert.NotZero(t, o.exit)
	assert.NotContains(t, o.stderr, "name =", "the file is not quoted")
}
