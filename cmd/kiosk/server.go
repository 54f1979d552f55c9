package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// backend is where a terminal keeps its reservations.
type backend interface {
	fleet.Service
	// count counts an event for statistics.
	count(terminal.Event)
	// tasks are to run as long as the terminal does.
	tasks() []func(context.Context) error
	Close() error
}

const heartbeatInterval = time.Minute

// serverBackend is the backend of a terminal of a fleet: a server has the registry.
type serverBackend struct {
	*fleet.Client
	log      *slog.Logger
	interval time.Duration // between heartbeats, and between attempts to reach the server at the start
	// setCampaign is called if the server has another campaign than before.
	setCampaign func(context.Context, *campaign.Campaign)

	campaign []byte       // as last fetched; used by one goroutine
	visits   atomic.Int64 // since the last heartbeat
}

// serverClient returns the client for the server that the flags name, and the name in the
// bundle, which must have a role.
func (p *program) serverClient(o options, role registry.Role) (*fleet.Client, string, error) {
	text, err := registrycli.ReadKeyFile(p.Console, o.bundle, registrycli.SecretKey)
	defer clear(text)
	if err != nil {
		return nil, "", registrycli.KeyFailure(fmt.Errorf("--bundle: %w", err))
	}
	bundle, err := fleettls.ParseBundle(text)
	if err != nil {
		return nil, "", registrycli.KeyFailure(fmt.Errorf("--bundle: %w", registrycli.InFile(o.bundle, err)))
	}
	if err := p.checkRole(bundle.Identity(), role); err != nil {
		return nil, "", err
	}
	tlsConfig, err := fleettls.ClientConfig(bundle)
	if err != nil {
		return nil, "", err
	}
	key, err := bundle.Terminal()
	if err != nil {
		return nil, "", err
	}
	transport := &http.Transport{
		TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 5 * time.Minute,
		MaxIdleConnsPerHost: 4,
	}
	client, err := fleet.NewClient(o.server, transport, key)
	if err != nil {
		return nil, "", p.Misuse(Text{
			JA: "--server には、サーバーのURLを https://HOST:PORT の形で指定してください。", EN: "Give --server as https://HOST:PORT.",
		}, fmt.Errorf("--server: %w", err))
	}
	return client, key.Name(), nil
}

// checkRole reports a bundle of another role than a command needs, before anybody enters a
// PIN. The server rejects it too.
func (p *program) checkRole(i fleettls.Identity, role registry.Role) error {
	switch {
	case i.Role == role:
		return nil
	case role == registry.RoleClerk:
		return fmt.Errorf("--bundle: %w: the role of %s is %s", registry.ErrNotClerk, i.Name, i.Role)
	}
	return p.Misuse(Text{
		JA: "--bundle には、担当者ではなく、端末のファイルを指定してください。", EN: "Give --bundle the file of a terminal, not that of a clerk.",
	}, fmt.Errorf("--bundle: the role of %s is %s", i.Name, i.Role))
}

// checkServerFlags reports flags that do not belong together: a terminal of a fleet has a
// bundle, and the server has the registry and its keys.
func (p *program) checkServerFlags(f *pflag.FlagSet) error {
	if !f.Changed("server") {
		if f.Changed("bundle") {
			return p.Misuse(Text{JA: "--bundle は、--server と一緒に指定してください。", EN: "Give --bundle together with --server."}, errors.New("--bundle: without --server"))
		}
		return nil
	}
	for _, name := range []string{"registry", "campaign", "namespace-key", "registry-key", "terminal-key", "operator-key", "generation", "other-keys", "no-migrate", "clerk"} {
		if f.Changed(name) {
			return p.Misuse(Text{
				JA: "--" + name + " は、--server と一緒には指定できません。", EN: "--" + name + " can't be given together with --server.",
			}, fmt.Errorf("--%s: with --server", name))
		}
	}
	return nil
}

// start fetches the campaign. It blocks until the server has answered, or ctx is done.
func (b *serverBackend) start(ctx context.Context) (*campaign.Campaign, error) {
	unavailable := logUnavailable(b.log)
	for {
		c, err := b.fetchCampaign(ctx)
		switch {
		case c != nil:
			return c, nil
		case errors.Is(err, campaign.ErrCampaign):
			return nil, err
		}
		unavailable(err)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(min(b.interval, retryInterval)):
		}
	}
}

// fetchCampaign returns the server's campaign, or nil if it is the one that was last fetched.
func (b *serverBackend) fetchCampaign(ctx context.Context) (*campaign.Campaign, error) {
	text, err := b.Campaign(ctx)
	if err != nil || bytes.Equal(text, b.campaign) {
		return nil, err
	}
	c, err := campaign.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	b.campaign = text
	b.SetNamespace(c.Namespace)
	return c, nil
}

// run sends heartbeats and fetches the campaign until ctx is done. Failures are logged: visits
// find out by themselves that the server is away.
func (b *serverBackend) run(ctx context.Context) error {
	unavailable := logUnavailable(b.log)
	for {
		visits := b.visits.Swap(0)
		if err := b.Heartbeat(ctx, cli.Version(), int(visits)); err != nil {
			b.visits.Add(visits)
			unavailable(err)
		}
		switch c, err := b.fetchCampaign(ctx); {
		case errors.Is(err, campaign.ErrCampaign):
			b.log.Error("campaign", "error", termtext.Printable(err.Error()))
		case err != nil:
			unavailable(err)
		case c != nil:
			b.log.Info("campaign changed", "campaign", c.Name.EN)
			b.setCampaign(ctx, c)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(b.interval):
		}
	}
}

// tasks implements backend.
func (b *serverBackend) tasks() []func(context.Context) error {
	return []func(context.Context) error{b.run}
}

// count implements backend. The server counts everything but visits itself.
func (b *serverBackend) count(e terminal.Event) {
	if e.Name == "begun" {
		b.visits.Add(1)
	}
}

// Close implements backend.
func (b *serverBackend) Close() error { return nil }
