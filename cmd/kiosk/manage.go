package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textMigrate     = Text{JA: "台帳の表を作るか新しくし、鍵の世代を登録します", EN: "Make or update the tables, and register the keys"}
	textMigrateLong = Text{
		JA: `台帳の表を作るか、このバージョンに合わせ、鍵の世代を登録します。表の所有者の
ロールで、端末を --no-migrate で始める前に実行してください。`,
		EN: `Make the registry's tables, or bring them up to this version, and register the
generations of keys. Run it as the role that owns the tables, before terminals
start with --no-migrate.`,
	}
	textBackup  = Text{JA: "動いている台帳（SQLite）のバックアップを作ります", EN: "Back up a registry (SQLite), also while it is used"}
	textRestore = Text{JA: "バックアップを台帳（SQLite）に戻します", EN: "Put a backup in the place of a registry (SQLite)"}
	textErase   = Text{JA: "本人の求めにより、IDを取り消して申込みの内容を消します", EN: "Withdraw an ID and erase its account, on request"}
	textPurge   = Text{JA: "事業の終了後に、IDと申込みをすべて消します", EN: "Delete all IDs and applications after a campaign"}
	textErased  = Text{
		JA: "%s を取り消し、申込みの内容を消しました。監査記録に残しました。\n以前のバックアップと、出力したCSVからは消えません。\n",
		EN: "%s was withdrawn and its account erased; the audit log tells of it.\nEarlier backups and exported CSV files still have it.\n",
	}
	textPurged = Text{
		JA: "%s のIDと申込みを、すべて消しました。監査記録は残ります。\n以前のバックアップと、出力したCSVからは消えません。\n",
		EN: "All IDs and applications of %s were deleted; the audit log stays.\nEarlier backups and exported CSV files still have them.\n",
	}
	textBackedUp = Text{JA: "バックアップを作りました: %s\n鍵は、別の場所に保管してください。\n", EN: "Backed up to %s\nKeep the keys in another place.\n"}
	textRestored = Text{JA: "%s から台帳を戻しました。\n", EN: "The registry was restored from %s.\n"}
	textMade     = Text{
		JA: "新しい台帳を作りました:\n%s\n前からある台帳を使うはずのときは、--registry を確かめてください。\n",
		EN: "A new registry was made:\n%s\nIf you meant one that was there before, check --registry.\n",
	}
	textMigrated = Text{JA: "台帳は、このバージョンと鍵で使えます。\n", EN: "The registry is ready for this version and these keys.\n"}
)

func (p *program) migrateCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "migrate --campaign FILE --registry URL", Short: p.Say(textMigrate), Long: p.Say(textMigrateLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			campaign, err := p.readCampaign(o.campaign)
			if err != nil {
				return err
			}
			k, err := p.readKeys(o, campaign.Namespace)
			if err != nil {
				return err
			}
			made := isMissingFile(o.registry)
			if err := registry.Migrate(c.Context(), o.registry, k.current, k.earlier...); err != nil {
				return err
			}
			if made {
				if err := p.says(textMade, termtext.Printable(o.registry)); err != nil {
					return err
				}
			}
			return p.says(textMigrated)
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
				return onlyOfFiles(earlierBackup(err))
			}
			return p.says(textBackedUp, termtext.Printable(args[0]))
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
				return onlyOfFiles(err)
			}
			return p.says(textRestored, termtext.Printable(args[0]))
		},
	}
	p.registryFlag(c, &o)
	return c
}

// onlyOfFiles says of PostgreSQL that its own programs make its backups.
func onlyOfFiles(err error) error {
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return cli.Because(err, cli.CodeUsage,
		Text{JA: "このコマンドは、ファイルの台帳（SQLite）だけに使えます。", EN: "This command is for registries in files (SQLite) only."},
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
			err = p.atDesk(c.Context(), o, func(ctx context.Context, d *registry.Desk, operation registry.Operation) error {
				return d.Erase(ctx, operation, id, o.clerk)
			})
			if err != nil {
				return err
			}
			return p.says(textErased, id.Display())
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
			campaign, err := p.readCampaign(o.campaign)
			if err != nil {
				return err
			}
			if confirm != campaign.Namespace {
				return p.Misuse(Text{
					JA: "すべて消えます。\n--confirm に、事業設定ファイルの namespace を書いてください。",
					EN: "This deletes everything. Write the campaign's namespace after --confirm.",
				}, errors.New("--confirm: not the namespace of the campaign"))
			}
			err = p.atDesk(c.Context(), o, func(ctx context.Context, d *registry.Desk, operation registry.Operation) error {
				return d.Purge(ctx, operation, o.clerk)
			})
			if err != nil {
				return err
			}
			return p.says(textPurged, termtext.Printable(campaign.Namespace))
		},
	}
	p.deskFlags(c, &o)
	p.clerkFlag(c, &o)
	c.Flags().StringVar(&confirm, "confirm", "", p.Say(textFlagConfirm))
	return c
}

// atDesk makes a change of the operator's, once.
func (p *program) atDesk(ctx context.Context, o options, change func(context.Context, *registry.Desk, registry.Operation) error) error {
	d, err := p.openDesk(ctx, o)
	if err != nil {
		return err
	}
	defer d.Close()
	return twice(ctx, func(operation registry.Operation) error { return change(ctx, d, operation) })
}

// says writes a text on standard output.
func (p *program) says(t Text, values ...any) error {
	_, err := fmt.Fprintf(p.Stdout, p.Say(t), values...)
	return err
}
