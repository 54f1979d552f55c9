package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/authority"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// parts are what a terminal needs beside its flags.
type parts struct {
	driver     reader.Driver
	readers    string // what the driver is
	chain      []jpki.CardOption
	campaign   *campaign.Campaign
	url        string   // the registry's; it may have a password
	terminal   string   // its name
	generation uint32   // of the current keys
	earlier    []uint32 // the other generations that it has keys of
	simulated  *simulator.Driver
	// open opens the registry.
	open  func(context.Context) (*registry.Registry, error)
	close func()
}

// parts reads everything that the flags name, and finds what is wrong with it before a
// resident does.
func (p *program) parts(o options) (r parts, err error) {
	r.close = func() {}
	if r.campaign, err = p.readCampaign(o.campaign); err != nil {
		return r, err
	}
	if o.simulate {
		return simulatedParts(r)
	}
	r.driver, r.readers = p.driver, "pcsc"
	if r.chain, err = trusted(o.authorities); err != nil {
		return r, err
	}
	more, err := p.takesApplications(o, r.campaign)
	if err != nil {
		return r, err
	}
	k, err := p.readKeys(o, r.campaign.Namespace)
	if err != nil {
		return r, err
	}
	terminal, err := p.readTerminalKey(o.terminalKey)
	if err != nil {
		return r, err
	}
	if o.noMigrate {
		more = append(more, registry.WithoutMigrations())
	}
	return r.with(o.registry, terminal, k, more...), nil
}

// with adds the registry.
func (r parts) with(url string, terminal registry.Terminal, k keys, more ...registry.Option) parts {
	r.url, r.terminal, r.generation = url, terminal.Name(), k.current.Number
	r.earlier = []uint32{} // and not null in JSON
	for _, g := range k.earlier {
		r.earlier = append(r.earlier, g.Number)
	}
	r.open = func(ctx context.Context) (*registry.Registry, error) {
		return registry.Open(ctx, url, terminal, k.current, append(more, registry.WithEarlier(k.earlier...))...)
	}
	return r
}

// trusted are the options of whose cards are trusted.
func trusted(files []string) ([]jpki.CardOption, error) {
	options := []jpki.CardOption{jpki.RequireChain()}
	for _, file := range files {
		authorities, err := authority.Read(file)
		if err != nil {
			return nil, cli.Because(fmt.Errorf("--authority: %s: %w", file, err), cli.CodeCACertificate,
				Text{JA: "--authority のファイルは、認証局の証明書として使えません。", EN: "The --authority file can't be used."},
				Text{JA: "認証局の証明書（PEMまたはDER）のファイルを指定してください。", EN: "Give a file with CA certificates, as PEM or DER."})
		}
		options = append(options, jpki.RequireChain(authorities...))
	}
	return options, nil
}

func (p *program) readCampaign(path string) (*campaign.Campaign, error) {
	if path == "" {
		return nil, p.Misuse(Text{JA: "--campaign で事業設定ファイルを指定してください。", EN: "Give the campaign's file with --campaign."}, errors.New("--campaign: not given"))
	}
	text, _, err := keyfile.Read(path, longestCampaign)
	if err != nil {
		return nil, err
	}
	return campaign.Parse(bytes.NewReader(text))
}

// takesApplications are the options for applications. While a campaign has not ended
// they need the operator's key: else residents would find out that it is missing.
func (p *program) takesApplications(o options, c *campaign.Campaign) ([]registry.Option, error) {
	if o.operatorKey != "" {
		operator, err := p.readOperator(o.operatorKey)
		if err != nil {
			return nil, keyFailure(fmt.Errorf("--operator-key: %w", err))
		}
		return []registry.Option{registry.WithOperator(operator)}, nil
	}
	if c.Ended(p.now()) {
		return nil, nil
	}
	return nil, noOperatorKey()
}

// seed of the simulated cards: they are the same each time, and nobody's.
const seed = "kiosk"

func newCard(p simulator.Profile) (*simulator.Card, error) {
	return simulator.NewCard(p, simulator.WithInsecureSeed(seed))
}

// simulatedParts are of a terminal with simulated cards, fresh keys, and a database that
// is gone in the end.
func simulatedParts(r parts) (parts, error) {
	card, err := newCard(simulator.Contact)
	if err != nil {
		return r, err
	}
	r.simulated, r.readers = simulator.New(), "simulator"
	r.driver, r.chain = r.simulated, []jpki.CardOption{jpki.TrustSimulator(card.CACertificate())}
	operator, err := operatorKEM().GenerateKey()
	if err != nil {
		return r, err
	}
	namespaceKey, err := mykey.GenerateKey(rand.Reader)
	if err != nil {
		return r, err
	}
	registryKey, err := mykey.GenerateKey(rand.Reader)
	if err != nil {
		return r, err
	}
	generation, err := newGeneration(1, r.campaign.Namespace, namespaceKey, registryKey)
	if err != nil {
		return r, err
	}
	terminal, err := registry.GenerateTerminal("simulated")
	if err != nil {
		return r, err
	}
	folder, err := os.MkdirTemp("", "kiosk-")
	if err != nil {
		return r, err
	}
	r.close = func() { _ = os.RemoveAll(folder) }
	return r.with("sqlite:"+filepath.Join(folder, "kiosk.db"), terminal, keys{current: generation},
		registry.WithOperator(operator.PublicKey()), registry.AcceptChains(trust.Simulator)), nil
}
