package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey"
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
	textBackup  = Text{JA: "台帳（SQLite）のバックアップを作ります（使用中でも可）", EN: "Back up a registry (SQLite), even while in use"}
	textRestore = Text{JA: "台帳（SQLite）をバックアップから復元します", EN: "Restore a registry (SQLite) from a backup"}
	textErase   = Text{JA: "本人の求めにより、IDを取り消して申込みの内容を消去します", EN: "Withdraw an ID and erase its application on request"}
	textPurge   = Text{JA: "事業の終了後に、IDと申込みをすべて消去します", EN: "Delete all IDs and applications after a campaign"}
	textErased  = Text{
		JA: "%s を取り消し、申込みの内容を消去しました。監査記録に残しました。\n以前のバックアップと、出力したCSVからは消えません。\n",
		EN: "%s was withdrawn and its application was erased. The audit log records this.\nEarlier backups and exported CSV files still contain the data.\n",
	}
	textPurged = Text{
		JA: "%s のIDと申込みを、すべて消去しました。監査記録は残ります。\n以前のバックアップと、出力したCSVからは消えません。\n",
		EN: "All IDs and applications of %s were deleted. The audit log remains.\nEarlier backups and exported CSV files still contain the data.\n",
	}
	textBackedUp = Text{JA: "バックアップを作りました: %s\n鍵は、別の場所に保管してください。\n", EN: "The backup was written to %s.\nKeep the keys in another place.\n"}
	textRestored = Text{JA: "%s から台帳を復元しました。\n", EN: "The registry was restored from %s.\n"}
	textMade     = Text{
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
			if err := registry.Migrate(c.Context(), o.registry, k.Current, k.Earlier...); err != nil {
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
	p.campaignFlag(c, &o)
	p.registryFlag(c, &o)
	p.keyFlags(c, &o)
	return c
}

func (p *program) backupCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "backup FILE", Short: p.Say(textBackup), Args: cli.Arguments("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := registry.Backup(c.Context(), o.registry, args[0]); err != nil {
				return sqliteOnly(backupExists(err))
			}
			return p.print(textBackedUp, termtext.Printable(args[0]))
		},
	}
	p.registryFlag(c, &o)
	return c
}

func (p *program) restoreCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "restore FILE", Short: p.Say(textRestore), Args: cli.Arguments("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := registry.Restore(c.Context(), args[0], o.registry); err != nil {
				return sqliteOnly(err)
			}
			return p.print(textRestored, termtext.Printable(args[0]))
		},
	}
	p.registryFlag(c, &o)
	return c
}

// sqliteOnly adds the message that PostgreSQL has its own backup programs.
func sqliteOnly(err error) error {
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return cli.Because(err, cli.CodeUsage,
		Text{JA: "このコマンドは、ファイルの台帳（SQLite）だけに使えます。", EN: "This command works only with SQLite registries."},
		Text{JA: "PostgreSQLでは、pg_basebackup や pg_dump を使ってください。", EN: "For PostgreSQL use pg_basebackup or pg_dump."})
}

func (p *program) eraseCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "erase --clerk CODE ID", Short: p.Say(textErase), Args: cli.Arguments("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := mykey.Parse(args[0])
			if err != nil {
				return err
			}
			err = p.changeAtDesk(c.Context(), o, func(ctx context.Context, d *registry.Desk, operation registry.Operation) error {
				return d.Erase(ctx, operation, id, o.clerk)
			})
			if err != nil {
				return err
			}
			return p.print(textErased, id.Display())
		},
	}
	p.deskFlags(c, &o)
	p.clerkFlag(c, &o)
	return c
}

func (p *program) purgeCommand() *cobra.Command {
	var o options
	var confirm string
	c := &cobra.Command{
		Use: "purge --clerk CODE --confirm NAMESPACE", Short: p.Say(textPurge), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			campaign, err := registrycli.ReadCampaign(p.Console, o.campaign)
			if err != nil {
				return err
			}
			if confirm != campaign.Namespace {
				return p.Misuse(Text{
					JA: "まだ何も消去していません。\nこのコマンドは、事業のIDと申込みをすべて消去します。\n実行するときは、--confirm に事業設定ファイルの namespace を\n指定してください。",
					EN: "Nothing was deleted. This command deletes all IDs and applications of the\ncampaign. To run it, give the campaign's namespace with --confirm.",
				}, errors.New("--confirm: not the namespace of the campaign"))
			}
			err = p.changeAtDesk(c.Context(), o, func(ctx context.Context, d *registry.Desk, operation registry.Operation) error {
				return d.Purge(ctx, operation, o.clerk)
			})
			if err != nil {
				return err
			}
			return p.print(textPurged, termtext.Printable(campaign.Namespace))
		},
	}
	p.deskFlags(c, &o)
	p.clerkFlag(c, &o)
	c.Flags().StringVar(&confirm, "confirm", "", p.Say(textFlagConfirm))
	return c
}

// changeAtDesk makes a change as a desk, and retries it once if the answer may be lost.
func (p *program) changeAtDesk(ctx context.Context, o options, change func(context.Context, *registry.Desk, registry.Operation) error) error {
	d, err := p.openDesk(ctx, o)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = terminal.Retry(ctx, func(operation registry.Operation) (*registry.Reservation, error) {
		return nil, change(ctx, d, operation)
	})
	return err
}

// print prints a text to standard output.
func (p *program) print(t Text, values ...any) error {
	_, err := fmt.Fprintf(p.Stdout, p.Say(t), values...)
	return err
}
