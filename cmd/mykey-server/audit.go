package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	p.keysFlag(c, &o.keys)
	p.headsFlag(c, &o.heads)
	return c
}

func (p *program) audit(ctx context.Context, o auditOptions) error {
	kept, err := registrycli.ReadHeads(p.Console, o.heads)
	if err != nil {
		return err
	}
	campaign, err := registrycli.ReadCampaign(p.Console, o.campaign)
	if err != nil {
		return err
	}
	keys, err := publicKeys(ctx, o.folder, o.keys, o.registry, campaign.Namespace)
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

// publicKeys returns the keys that verify the audit log: those of the servers and desks in a file or
// in a server's folder, and those of the terminals and clerks that the registry lists. The
// verification detects one that no desk has enrolled.
func publicKeys(ctx context.Context, folder, file, url, namespace string) ([]registry.TerminalKey, error) {
	paths := []string{file}
	if file == "" {
		paths = []string{pki.Path(folder, pki.ServerPublic), pki.Path(folder, pki.DeskPublic)}
	}
	keys, err := readKeys(paths)
	if err != nil {
		return nil, err
	}
	r, err := registry.OpenOperator(ctx, url, namespace, keys)
	if err != nil {
		return nil, err
	}
	enrolled, err := r.Enrolled(ctx)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	for _, e := range enrolled {
		known := func(k registry.TerminalKey) bool { return k.Name == e.Name }
		if !slices.ContainsFunc(keys, known) {
			keys = append(keys, e.TerminalKey())
		}
	}
	return keys, nil
}

// readKeys reads the public keys of the servers and desks.
func readKeys(paths []string) (keys []registry.TerminalKey, err error) {
	for _, path := range paths {
		text, _, err := keyfile.Read(path, registrycli.MaxListSize)
		if err != nil {
			return nil, registrycli.KeyFailure(fmt.Errorf("--keys: %w", err))
		}
		some, err := registry.ParseTerminalKeys(text)
		if err != nil {
			return nil, registrycli.KeyFailure(fmt.Errorf("--keys: %s: %w", path, err))
		}
		keys = append(keys, some...)
	}
	return keys, nil
}
