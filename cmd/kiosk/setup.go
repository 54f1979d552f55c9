package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hpke"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/authority"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// parts are what a terminal needs beside its flags.
type parts struct {
	driver    reader.Driver
	chain     []jpki.Option
	registry  *registry.Registry
	campaign  *campaign.Campaign
	simulated *simulator.Driver
	close     func()
}

// parts opens everything that the flags name.
func (o options) parts(ctx context.Context) (p parts, err error) {
	if p, err = o.campaignOnly(); err != nil {
		return p, err
	}
	if o.simulate {
		return o.simulated(ctx, p)
	}
	p.driver, p.chain = pcsc.New(), []jpki.Option{jpki.RequireChain()}
	for _, file := range o.authorities {
		trusted, err := authority.Read(file)
		if err != nil {
			return p, fmt.Errorf("--authority: %s: %w", file, err)
		}
		p.chain = append(p.chain, jpki.RequireChain(trusted...))
	}
	return o.openKept(ctx, p)
}

func (o options) campaignOnly() (p parts, err error) {
	if o.language != string(message.Japanese) && o.language != string(message.English) {
		return p, errors.New("--lang: ja or en")
	}
	if o.campaign == "" {
		return p, errors.New("--campaign: which campaign is it for?")
	}
	text, _, err := keyfile.Read(o.campaign, longestCampaign)
	if err != nil {
		return p, err
	}
	if p.campaign, err = campaign.Parse(bytes.NewReader(text)); err != nil {
		return p, fmt.Errorf("%s: %w", o.campaign, err)
	}
	return p, nil
}

// openKept opens the registry that the flags name.
func (o options) openKept(ctx context.Context, p parts) (parts, error) {
	namespaceKey, err := o.readKey(o.namespaceKey)
	if err != nil {
		return p, fmt.Errorf("--namespace-key: %w", err)
	}
	registryKey, err := o.readKey(o.registryKey)
	if err != nil {
		return p, fmt.Errorf("--registry-key: %w", err)
	}
	var more []registry.Option
	if o.operatorKey != "" {
		operator, err := o.readOperator(o.operatorKey)
		if err != nil {
			return p, fmt.Errorf("--operator-key: %w", err)
		}
		more = append(more, registry.WithOperator(operator))
	}
	return o.open(ctx, p, o.registry, namespaceKey, registryKey, more...)
}

func (o options) open(ctx context.Context, p parts, url string, namespaceKey, registryKey mykey.Key, more ...registry.Option) (parts, error) {
	namespace, err := mykey.NewNamespace(p.campaign.Namespace, namespaceKey)
	if err != nil {
		return p, err
	}
	generation := registry.Generation{Number: o.generation, Namespace: namespace, Key: registryKey}
	p.registry, err = registry.Open(ctx, url, generation, append(more, registry.WithTerminal(o.terminal))...)
	if err != nil {
		return p, err
	}
	p.close = func() { _ = p.registry.Close() }
	return p, nil
}

// seed of the simulated cards: they are the same each time, and nobody's.
const seed = "kiosk"

func newCard(p simulator.Profile) (*simulator.Card, error) {
	return simulator.NewCard(p, simulator.WithInsecureSeed(seed))
}

// simulated is a terminal with cards of software, fresh keys, and a database that is
// gone in the end.
func (o options) simulated(ctx context.Context, p parts) (parts, error) {
	card, err := newCard(simulator.Contact)
	if err != nil {
		return p, err
	}
	p.simulated = simulator.New()
	p.driver, p.chain = p.simulated, []jpki.Option{jpki.TrustSimulator(card.Authority())}
	keys := make([]mykey.Key, 2)
	for i := range keys {
		if keys[i], err = mykey.GenerateKey(rand.Reader); err != nil {
			return p, err
		}
	}
	operator, err := operatorKEM().GenerateKey()
	if err != nil {
		return p, err
	}
	folder, err := os.MkdirTemp("", "kiosk-")
	if err != nil {
		return p, err
	}
	p, err = o.open(ctx, p, "sqlite:"+filepath.Join(folder, "kiosk.db"), keys[0], keys[1],
		registry.WithOperator(operator.PublicKey()), registry.AcceptChains(jpki.ChainSimulator))
	if err != nil {
		_ = os.RemoveAll(folder)
		return p, err
	}
	closing := p.close
	p.close = func() {
		closing()
		_ = os.RemoveAll(folder)
	}
	return p, nil
}

// Bounds of files, in bytes.
const (
	longestKey      = 16 << 10
	longestCampaign = 1 << 20
)

// keyKind says what others must not do with a key's file: the bits of their mode.
type keyKind fs.FileMode

const (
	secretKey keyKind = 0o077
	publicKey keyKind = 0o022
)

// readKeyFile reads a key's file, and warns of one that others may use.
func (o options) readKeyFile(path string, kind keyKind) ([]byte, error) {
	if path == "" {
		return nil, errors.New("which file?")
	}
	text, mode, err := keyfile.Read(path, longestKey)
	if err == nil && keyfile.Exposed(mode&fs.FileMode(kind)) {
		fmt.Fprintf(cmp.Or(o.stderr, io.Writer(os.Stderr)), "%s: %s\n", message.Printable(path), message.KeyExposed.In(message.Language(o.language)))
	}
	return text, err
}

func (o options) readKey(path string) (mykey.Key, error) {
	text, err := o.readKeyFile(path, secretKey)
	defer clear(text)
	if err != nil {
		return mykey.Key{}, err
	}
	return mykey.ParseKey(text)
}

// readHex reads a key as hexLine writes it.
func (o options) readHex(path string, kind keyKind) ([]byte, error) {
	text, err := o.readKeyFile(path, kind)
	defer clear(text)
	if err != nil {
		return nil, err
	}
	digits := bytes.TrimSpace(text)
	raw := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(raw, digits); err != nil {
		clear(raw)
		return nil, errors.New("not hexadecimal")
	}
	return raw, nil
}

func (o options) readOperator(path string) (hpke.PublicKey, error) {
	raw, err := o.readHex(path, publicKey)
	if err != nil {
		return nil, err
	}
	return operatorKEM().NewPublicKey(raw)
}
