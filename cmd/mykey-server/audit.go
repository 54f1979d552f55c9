package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// auditOptions are the flags of audit.
type auditOptions struct{ folder, registry, campaign, keys, heads string }

// auditCommand verifies the audit log and the registry.
func (p *program) auditCommand() *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use: "audit --campaign FILE", Short: p.Say(textAudit), Long: p.Say(textAuditLong), Args: cli.NoArguments,
		Example: "  mykey-server audit --campaign campaign.toml --keys servers \\\n    --heads heads-1130 > heads-1201",
		RunE:    func(c *cobra.Command, _ []string) error { return p.audit(c.Context(), o) },
	}
	p.folderFlag(c, &o.folder)
	p.fleetFlags(c, &o.registry, &o.campaign)
	c.Flags().StringVar(&o.keys, "keys", "", p.Say(textFlagKeys))
	c.Flags().StringVar(&o.heads, "heads", "", p.Say(textFlagHeads))
	return c
}

func (p *program) audit(ctx context.Context, o auditOptions) error {
	if o.keys == "" {
		o.keys = pki.Path(o.folder, pki.ServerPublic)
	}
	kept, err := registrycli.ReadHeads(p.Console, o.heads)
	if err != nil {
		return err
	}
	campaign, err := registrycli.ReadCampaign(p.Console, o.campaign)
	if err != nil {
		return err
	}
	keys, err := readKeys(o.keys)
	if err != nil {
		return err
	}
	r, err := registry.OpenOperator(ctx, o.registry, campaign.Namespace, keys)
	if err != nil {
		return err
	}
	defer r.Close()
	report, err := r.Verify(ctx, kept...)
	if err != nil {
		return err
	}
	return registrycli.WriteAudit(p.Console, report)
}

// readKeys reads the public keys of the servers.
func readKeys(path string) ([]registry.TerminalKey, error) {
	text, _, err := keyfile.Read(path, registrycli.MaxListSize)
	if err != nil {
		return nil, registrycli.KeyFailure(fmt.Errorf("--keys: %w", err))
	}
	keys, err := registry.ParseTerminalKeys(text)
	if err != nil {
		return nil, registrycli.KeyFailure(fmt.Errorf("--keys: %s: %w", path, err))
	}
	return keys, nil
}
