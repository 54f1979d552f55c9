package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// longestList bounds the files of terminals' keys and of heads, in bytes.
const longestList = 1 << 20

// operatorFlags are those of who looks at a registry without its keys.
func (p *program) operatorFlags(c *cobra.Command, o *options) {
	p.campaignFlag(c, o)
	p.registryFlag(c, o)
	c.Flags().StringVar(&o.terminals, "terminals", "", p.Say(textFlagTerminals))
}

// deskFlags are those of who also leaves audit records.
func (p *program) deskFlags(c *cobra.Command, o *options) {
	p.operatorFlags(c, o)
	c.Flags().StringVar(&o.terminalKey, "terminal-key", "", p.Say(textFlagDeskKey))
}

func (p *program) headsFlag(c *cobra.Command, o *options) {
	c.Flags().StringVar(&o.heads, "heads", "", p.Say(textFlagHeads))
}

func (p *program) clerkFlag(c *cobra.Command, o *options) {
	c.Flags().StringVar(&o.clerk, "clerk", "", p.Say(textFlagClerk))
}

func (p *program) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&p.JSON, "json", p.JSON, p.Say(textFlagJSON))
	c.Flags().Lookup("json").DefValue = "false"
}

// openOperator opens the registry for who only reads. It makes none.
func (p *program) openOperator(ctx context.Context, o options) (*registry.Operator, error) {
	namespace, keys, err := p.readBooks(o)
	if err != nil {
		return nil, err
	}
	return registry.OpenOperator(ctx, o.registry, namespace, keys)
}

// openDesk opens the registry for who leaves records, too. It makes none.
func (p *program) openDesk(ctx context.Context, o options) (*registry.Desk, error) {
	namespace, keys, err := p.readBooks(o)
	if err != nil {
		return nil, err
	}
	desk, err := p.readTerminalKey(o.terminalKey)
	if err != nil {
		return nil, err
	}
	return registry.OpenDesk(ctx, o.registry, namespace, keys, desk)
}

// readBooks reads whose registry it is and who has written to it.
func (p *program) readBooks(o options) (namespace string, keys []registry.TerminalKey, err error) {
	c, err := p.readCampaign(o.campaign)
	if err != nil {
		return "", nil, err
	}
	keys, err = p.readTerminals(o.terminals)
	return c.Namespace, keys, err
}

// readTerminals reads the public keys of the terminals and desks.
func (p *program) readTerminals(path string) ([]registry.TerminalKey, error) {
	if path == "" {
		return nil, p.Misuse(Text{
			JA: "すべての端末の公開鍵を1行ずつ並べたファイルを、\n--terminals で指定してください。",
			EN: "Give the file with the public keys of all terminals with --terminals.",
		}, errors.New("--terminals: not given"))
	}
	text, _, err := keyfile.Read(path, longestList)
	if err != nil {
		return nil, keyFailure(fmt.Errorf("--terminals: %w", err))
	}
	keys, err := registry.ParseTerminalKeys(text)
	if err != nil {
		return nil, keyFailure(fmt.Errorf("--terminals: %w", err))
	}
	return keys, nil
}

// readTerminalKey reads the name and the private key of a terminal or desk.
func (p *program) readTerminalKey(path string) (registry.Terminal, error) {
	text, err := p.readKeyFile(path, secretKey)
	defer clear(text)
	if err != nil {
		return registry.Terminal{}, keyFailure(fmt.Errorf("--terminal-key: %w", err))
	}
	terminal, err := registry.ParseTerminal(text)
	if err != nil {
		return registry.Terminal{}, keyFailure(fmt.Errorf("--terminal-key: %w", err))
	}
	return terminal, nil
}

// twice makes a change of the registry and, where its answer may be lost, asks again:
// with its operation the change is made once.
func twice(ctx context.Context, change func(registry.Operation) error) error {
	operation := registry.NewOperation()
	err := change(operation)
	if errors.Is(err, registry.ErrUnavailable) && ctx.Err() == nil {
		return change(operation)
	}
	return err
}

var (
	textTerminalKeygen = Text{
		JA: "端末または窓口の名前の鍵ペアを作ります",
		EN: "Make the keys of a terminal or a clerk's desk",
	}
	textTerminalKeys = Text{
		JA: "%s の秘密鍵を作りました: %s\n公開鍵を作りました: %s\n秘密鍵は、その端末か窓口だけに置きます。公開鍵は、--terminals のファイルに\n1行加えてください。\n",
		EN: "Private key of %s: %s\nPublic key: %s\nThe private key is for that terminal or desk alone. Add the public one as a line\nto the file that --terminals names.\n",
	}
)

// terminalKeygenCommand makes the key with which a terminal signs its audit records.
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
				return existing(err)
			}
			return p.says(textTerminalKeys, terminal.Name(), termtext.Printable(args[1]), termtext.Printable(args[2]))
		},
	}
}
