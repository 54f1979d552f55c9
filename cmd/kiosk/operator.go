package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// applicationsCommand opens what was applied for, for who has the private key.
func (p *program) applicationsCommand() *cobra.Command {
	var o options
	var private string
	c := &cobra.Command{
		Use:   "applications --operator-private-key FILE",
		Short: p.Say(textApplications),
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return p.applications(c.Context(), o, private, p.Stdout) },
	}
	p.terminalFlags(c, &o)
	c.Flags().StringVar(&private, "operator-private-key", "", "the `FILE` of operator-keygen")
	return c
}

func (p *program) applications(ctx context.Context, o options, private string, out io.Writer) error {
	raw, err := p.readHex(private, secretKey)
	if err != nil {
		return fmt.Errorf("--operator-private-key: %w", err)
	}
	defer clear(raw)
	key, err := operatorKEM().NewPrivateKey(raw)
	if err != nil {
		return fmt.Errorf("--operator-private-key: %w", err)
	}
	r, err := p.opened(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	table := csv.NewWriter(out)
	if err := table.Write([]string{"identifier", "service", "account", "code", "applied"}); err != nil {
		return err
	}
	for a, err := range r.Applications(ctx) {
		if err != nil {
			return err
		}
		account, err := a.Open(key)
		if err != nil {
			return fmt.Errorf("%s: %w", a.ID, err)
		}
		row := []string{a.ID.String(), account.Service(), account.ID(), account.Code(), a.Applied.UTC().Format(time.RFC3339)}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// auditCommand looks for what was removed or altered.
func (p *program) auditCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "audit",
		Short: p.Say(textAudit),
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := p.opened(c.Context(), o)
			if err != nil {
				return err
			}
			defer r.Close()
			heads, err := r.VerifyAudit(c.Context())
			if err != nil {
				return err
			}
			for _, h := range heads {
				fmt.Fprintf(p.Stdout, "%s %d %x\n", h.Chain, h.Number, h.Hash)
			}
			return nil
		},
	}
	p.terminalFlags(c, &o)
	return c
}

func (p *program) opened(ctx context.Context, o options) (*registry.Registry, error) {
	parts, err := p.parts(ctx, o)
	if err != nil {
		return nil, err
	}
	return parts.open(ctx)
}
