package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// operator makes the commands that programs with a registry share.
func (p *program) operator() registrycli.Operator {
	return registrycli.Operator{
		Console: p.Console, RegistryFlag: p.registryFlag, CampaignFlag: p.campaignFlag, HeadsFlag: p.headsFlag, DeskFlags: p.deskFlags,
	}
}

// deskFlags adds the flags for the key of a desk and the public keys of all terminals and desks.
func (p *program) deskFlags(c *cobra.Command) registrycli.OpenDesk {
	var terminals, key string
	p.terminalsFlag(c, &terminals)
	c.Flags().StringVar(&key, "terminal-key", "", p.Say(textFlagDeskKey))
	return func(ctx context.Context, url, namespace string) (*registry.Desk, error) {
		keys, err := p.readTerminals(terminals)
		if err != nil {
			return nil, err
		}
		desk, err := registrycli.ReadTerminal(p.Console, "--terminal-key", key)
		if err != nil {
			return nil, err
		}
		return registry.OpenDesk(ctx, url, namespace, keys, desk)
	}
}

// operatorFlags adds the flags for reading a registry without its keys.
func (p *program) operatorFlags(c *cobra.Command, o *options) {
	p.campaignFlag(c, &o.campaign)
	p.registryFlag(c, &o.registry)
	p.terminalsFlag(c, &o.terminals)
}

func (p *program) terminalsFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "terminals", "", p.Say(textFlagTerminals))
}

func (p *program) headsFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "heads", "", p.Say(textFlagHeads))
}

func (p *program) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&p.JSON, "json", p.JSON, p.Say(textFlagJSON))
	c.Flags().Lookup("json").DefValue = "false"
}

// openOperator opens an existing registry for reading.
func (p *program) openOperator(ctx context.Context, o options) (*registry.Operator, error) {
	campaign, err := registrycli.ReadCampaign(p.Console, o.campaign)
	if err != nil {
		return nil, err
	}
	keys, err := p.readTerminals(o.terminals)
	if err != nil {
		return nil, err
	}
	return registry.OpenOperator(ctx, o.registry, campaign.Namespace, keys)
}

// readTerminals reads the public keys of the terminals and desks.
func (p *program) readTerminals(path string) ([]registry.TerminalKey, error) {
	if path == "" {
		return nil, p.Misuse(Text{
			JA: "すべての端末と窓口の公開鍵を1行ずつ並べたファイルを、\n--terminals で指定してください。",
			EN: "Give a file with the public keys of all terminals and desks\nwith --terminals.",
		}, errors.New("--terminals: not given"))
	}
	text, _, err := keyfile.Read(path, registrycli.MaxListSize)
	if err != nil {
		return nil, registrycli.KeyFailure(fmt.Errorf("--terminals: %w", err))
	}
	keys, err := registry.ParseTerminalKeys(text)
	if err != nil {
		return nil, registrycli.KeyFailure(fmt.Errorf("--terminals: %w", err))
	}
	return keys, nil
}

var (
	textTerminalKeygen = Text{
		JA: "端末または窓口の鍵ペアを作ります",
		EN: "Make a key pair for a terminal or a desk",
	}
	textTerminalKeys = Text{
		JA: "%s の秘密鍵を作りました: %s\n公開鍵を作りました: %s\n秘密鍵は、その端末か窓口だけに置きます。公開鍵は、--terminals のファイルに\n1行加えてください。\n",
		EN: "Private key of %s: %s\nPublic key: %s\nKeep the private key only on that terminal or desk. Add the public key as a line\nto the file for --terminals.\n",
	}
)

// terminalKeygenCommand makes the key pair that signs a terminal's audit records.
func (p *program) terminalKeygenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "terminal-keygen NAME PRIVATE PUBLIC", Short: p.Say(textTerminalKeygen), Args: cli.Arguments("NAME", "PRIVATE", "PUBLIC"),
		RunE: func(_ *cobra.Command, args []string) error {
			terminal, err := registry.GenerateTerminal(args[0])
			if err != nil {
				return err
			}
			secret := terminal.RevealText()
			defer clear(secret)
			if err := keyfile.WritePair(args[1], secret, args[2], []byte(terminal.Public().String()+"\n")); err != nil {
				return registrycli.KeyExists(err)
			}
			return p.print(textTerminalKeys, terminal.Name(), termtext.Printable(args[1]), termtext.Printable(args[2]))
		},
	}
}
