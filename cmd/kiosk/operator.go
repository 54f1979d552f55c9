package main

import (
	"context"
	"crypto/hpke"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/keyfile"
)

// operatorKEM is how accounts are sealed for the operator: a hybrid, so that what is
// kept today can't be read by machines to come.
func operatorKEM() hpke.KEM { return hpke.MLKEM768X25519() }

// keygenCommand makes the operator's keys, away from terminals.
func keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "operator-keygen PRIVATE PUBLIC",
		Short: "Make the operator's keys: terminals get the public one only",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := operatorKEM().GenerateKey()
			if err != nil {
				return err
			}
			private, err := key.Bytes()
			if err != nil {
				return err
			}
			defer clear(private)
			secret, public := hexLine(private), hexLine(key.PublicKey().Bytes())
			defer clear(secret)
			return keyfile.WritePair(args[0], secret, args[1], public)
		},
	}
}

// hexLine is a line of hexadecimal digits.
func hexLine(b []byte) []byte {
	return append(hex.AppendEncode(make([]byte, 0, hex.EncodedLen(len(b))+1), b), '\n')
}

// applicationsCommand opens what was applied for, for who has the private key.
func applicationsCommand(o *options, out io.Writer) *cobra.Command {
	var private string
	c := &cobra.Command{
		Use:   "applications --operator-private-key FILE",
		Short: "Write the applications as CSV: personal data, for the operator",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return applications(c.Context(), *o, private, out) },
	}
	c.Flags().StringVar(&private, "operator-private-key", "", "the `FILE` of operator-keygen")
	return c
}

func applications(ctx context.Context, o options, private string, out io.Writer) error {
	raw, err := o.readHex(private, secretKey)
	if err != nil {
		return fmt.Errorf("--operator-private-key: %w", err)
	}
	defer clear(raw)
	key, err := operatorKEM().NewPrivateKey(raw)
	if err != nil {
		return fmt.Errorf("--operator-private-key: %w", err)
	}
	p, err := o.campaignOnly()
	if err != nil {
		return err
	}
	if p, err = o.openKept(ctx, p); err != nil {
		return err
	}
	defer p.close()
	table := csv.NewWriter(out)
	if err := table.Write([]string{"identifier", "service", "account", "code", "applied"}); err != nil {
		return err
	}
	for a, err := range p.registry.Applications(ctx) {
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
func auditCommand(o *options, out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "audit",
		Short: "Verify the audit records, and print the heads to be kept elsewhere",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := o.campaignOnly()
			if err != nil {
				return err
			}
			if p, err = o.openKept(c.Context(), p); err != nil {
				return err
			}
			defer p.close()
			heads, err := p.registry.VerifyAudit(c.Context())
			if err != nil {
				return err
			}
			for _, h := range heads {
				fmt.Fprintf(out, "%s %d %x\n", h.Chain, h.Number, h.Hash)
			}
			return nil
		},
	}
}
