package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// terminalSetup is what a terminal needs in addition to its flags.
type terminalSetup struct {
	driver           reader.Driver
	readers          string            // kind of the driver
	chain            []jpki.CardOption // the same as trust, for cards
	trust            trust.Policy
	campaign         *campaign.Campaign
	url              string // registry URL; may contain a password
	terminal         string // name of the terminal
	generation       uint32 // current key generation
	otherGenerations []uint32
	simulated        *simulator.Driver
	// open opens the registry. It is nil for a terminal of a fleet, which has a server.
	open   func(context.Context) (*registry.Registry, error)
	server *fleet.Client
	close  func()
}

// start opens the registry, or gets the campaign from the server.
func (s *terminalSetup) start(ctx context.Context, log *slog.Logger) (backend, error) {
	if s.server != nil {
		b := &serverBackend{Client: s.server, log: log, interval: heartbeatInterval}
		c, err := b.start(ctx)
		s.campaign = c
		return b, err
	}
	pending := &pendingRegistry{openRegistry: s.open, trust: s.trust, onError: logUnavailable(log), interval: retryInterval}
	return registryBackend{pending, newCounts(pending)}, pending.open(ctx, firstOpenTimeout)
}

// setUp reads all files that the flags name, so that mistakes are found at startup.
func (p *program) setUp(o options) (s terminalSetup, err error) {
	s.close = func() {}
	if o.server != "" {
		return p.serverSetup(s, o)
	}
	if s.campaign, err = registrycli.ReadCampaign(p.Console, o.campaign); err != nil {
		return s, err
	}
	if o.simulate {
		return simulatedSetup(s)
	}
	s.driver, s.readers = p.driver, "pcsc"
	if s.chain, s.trust, err = trustOptions(o.caCertificates); err != nil {
		return s, err
	}
	options, err := registrycli.ApplicationOptions(p.Console, o.operatorKey, s.campaign, p.now())
	if err != nil {
		return s, err
	}
	k, err := registrycli.ReadKeys(p.Console, o.keyFiles(), s.campaign.Namespace)
	if err != nil {
		return s, err
	}
	terminal, err := registrycli.ReadTerminal(p.Console, "--terminal-key", o.terminalKey)
	if err != nil {
		return s, err
	}
	if o.noMigrate {
		options = append(options, registry.WithoutMigrations())
	}
	return s.withRegistry(o.registry, terminal, k, options...), nil
}

// serverSetup returns the setup of a terminal of a fleet.
func (p *program) serverSetup(s terminalSetup, o options) (_ terminalSetup, err error) {
	if s.server, s.terminal, err = p.serverClient(o, registry.RoleTerminal); err != nil {
		return s, err
	}
	s.url, s.otherGenerations = o.server, []uint32{}
	if o.simulate {
		return s.withSimulator()
	}
	s.driver, s.readers = p.driver, "pcsc"
	s.chain, s.trust, err = trustOptions(o.caCertificates)
	return s, err
}

// withSimulator returns the setup with simulated cards.
func (s terminalSetup) withSimulator() (terminalSetup, error) {
	card, err := democard.New(simulator.Contact)
	if err != nil {
		return s, err
	}
	s.simulated, s.readers = simulator.New(), "simulator"
	s.driver, s.chain = s.simulated, []jpki.CardOption{jpki.TrustSimulator(card.CACertificate())}
	s.trust = trust.Policy{SimulatorCAs: []*x509.Certificate{card.CACertificate()}}
	return s, nil
}

// withRegistry returns the setup with a registry.
func (s terminalSetup) withRegistry(url string, terminal registry.Terminal, k registrycli.Keys, options ...registry.Option) terminalSetup {
	s.url, s.terminal, s.generation = url, terminal.Name(), k.Current.Number
	s.otherGenerations = k.OtherNumbers()
	s.open = func(ctx context.Context) (*registry.Registry, error) {
		return registry.Open(ctx, url, terminal, k.Current, append(options, registry.WithOtherGenerations(k.Others...))...)
	}
	return s
}

// trustOptions returns the policy for J-LIS and the given CA certificate files, and the same
// as card options.
func trustOptions(files []string) ([]jpki.CardOption, trust.Policy, error) {
	policy, err := registrycli.TrustPolicy(files)
	if err != nil {
		return nil, policy, err
	}
	return []jpki.CardOption{jpki.RequireChain(policy.CAs...)}, policy, nil
}

// simulatedSetup returns the setup of a terminal with simulated cards, new keys and a
// temporary database.
func simulatedSetup(s terminalSetup) (terminalSetup, error) {
	s, err := s.withSimulator()
	if err != nil {
		return s, err
	}
	operator, err := registrycli.OperatorKEM().GenerateKey()
	if err != nil {
		return s, err
	}
	namespaceKey, err := mykey.GenerateKey(rand.Reader)
	if err != nil {
		return s, err
	}
	registryKey, err := mykey.GenerateKey(rand.Reader)
	if err != nil {
		return s, err
	}
	generation, err := registrycli.NewGeneration(1, s.campaign.Namespace, namespaceKey, registryKey)
	if err != nil {
		return s, err
	}
	terminal, err := registry.GenerateTerminal("simulated")
	if err != nil {
		return s, err
	}
	folder, err := os.MkdirTemp("", "kiosk-")
	if err != nil {
		return s, err
	}
	s.close = func() { _ = os.RemoveAll(folder) }
	return s.withRegistry("sqlite:"+filepath.Join(folder, "kiosk.db"), terminal, registrycli.Keys{Current: generation},
		registry.WithOperator(operator.PublicKey()), registry.AcceptIssuers(trust.IssuerSimulator)), nil
}
