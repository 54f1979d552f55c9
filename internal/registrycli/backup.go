package registrycli

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textBackup   = Text{JA: "台帳（SQLite）のバックアップを作ります（使用中でも可）", EN: "Back up a registry (SQLite), even while in use"}
	textRestore  = Text{JA: "台帳（SQLite）をバックアップから復元します", EN: "Restore a registry (SQLite) from a backup"}
	textBackedUp = Text{JA: "バックアップを作りました: %s\n鍵は、別の場所に保管してください。\n", EN: "The backup was written to %s.\nKeep the keys in another place.\n"}
	textRestored = Text{JA: "%s から台帳を復元しました。\n", EN: "The registry was restored from %s.\n"}
)

// BackupCommand returns the command that backs up a registry.
func (o Operator) BackupCommand() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use: "backup FILE", Short: o.Say(textBackup), Args: cli.Arguments("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := registry.Backup(c.Context(), url, args[0]); err != nil {
				return sqliteOnly(backupExists(err))
			}
			return o.report(textBackedUp, termtext.Printable(args[0]), "backup", args[0])
		},
	}
	o.RegistryFlag(c, &url)
	return c
}

// RestoreCommand returns the command that restores a registry.
func (o Operator) RestoreCommand() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use: "restore FILE", Short: o.Say(textRestore), Args: cli.Arguments("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := registry.Restore(c.Context(), args[0], url); err != nil {
				return sqliteOnly(err)
			}
			return o.report(textRestored, termtext.Printable(args[0]), "restored", args[0])
		},
	}
	o.RegistryFlag(c, &url)
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

// backupExists adds the message for an existing backup file.
func backupExists(err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return cli.Because(err, CodeFileExists,
		Text{JA: "そのファイルはすでにあります。何も書き込んでいません。", EN: "The file already exists. Nothing was written."},
		Text{JA: "バックアップごとに、日付などを付けた別のファイル名を指定してください。", EN: "Use another name for each backup, for example with the date."})
}
