package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textMigrate     = Text{JA: "台帳の表を作成または更新し、鍵の世代を登録します", EN: "Create or update the tables and register the keys"}
	textMigrateLong = Text{
		JA: `台帳の表を作成するか、このバージョンに更新し、鍵の世代を登録します。表の所有者の
ロールで、端末を --no-migrate で起動する前に実行してください。`,
		EN: `Create the registry's tables or update them to this version, and register the
key generations. Run the command as the role that owns the tables before you
start terminals with --no-migrate.`,
	}
	textMade = Text{
		JA: "新しい台帳を作りました:\n%s\n既存の台帳を使うときは、--registry を確かめてください。\n",
		EN: "A new registry was created:\n%s\nIf you meant an existing registry, check --registry.\n",
	}
	textMigrated = Text{JA: "台帳を、このバージョンと鍵で使えるようにしました。\n", EN: "The registry is ready for this version and these keys.\n"}
)

func (p *program) migrateCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "migrate --campaign FILE --registry URL", Short: p.Say(textMigrate), Long: p.Say(textMigrateLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			campaign, err := registrycli.ReadCampaign(p.Console, o.campaign)
			if err != nil {
				return err
			}
			k, err := registrycli.ReadKeys(p.Console, o.keyFiles(), campaign.Namespace)
			if err != nil {
				return err
			}
			made := registrycli.IsMissing(o.registry)
			if err := registry.Migrate(c.Context(), o.registry, k.Current, k.Others...); err != nil {
				return err
			}
			if made {
				if err := p.print(textMade, termtext.Printable(o.registry)); err != nil {
					return err
				}
			}
			return p.print(textMigrated)
		},
	}
	p.campaignFlag(c, &o.campaign)
	p.registryFlag(c, &o.registry)
	p.keyFlags(c, &o)
	return c
}

// print prints a text to standard output.
func (p *program) print(t Text, values ...any) error {
	_, err := fmt.Fprintf(p.Stdout, p.Say(t), values...)
	return err
}
