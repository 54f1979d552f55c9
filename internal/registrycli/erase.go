package registrycli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textErase  = Text{JA: "本人の求めにより、IDを取り消して申込みの内容を消去します", EN: "Withdraw an ID and erase its account on request"}
	textPurge  = Text{JA: "事業の終了後に、IDと申込みをすべて消去します", EN: "Delete all IDs and applications after a campaign"}
	textErased = Text{
		JA: "%s を取り消し、申込みの内容を消去しました。監査記録に残しました。\n以前のバックアップと、出力したCSVからは消えません。\n",
		EN: "%s was withdrawn and the account in its application was erased.\nThe audit log records this.\nEarlier backups and exported CSV files still contain the data.\n",
	}
	textPurged = Text{
		JA: "%s のIDと申込みを、すべて消去しました。監査記録は残ります。\n以前のバックアップと、出力したCSVからは消えません。\n",
		EN: "All IDs and applications of %s were deleted. The audit log remains.\nEarlier backups and exported CSV files still contain the data.\n",
	}
	textFlagConfirm = Text{JA: "消去する事業の namespace（`NAMESPACE`）", EN: "`NAMESPACE` of the campaign to delete"}
)

// EraseCommand returns the command that erases one application.
func (o Operator) EraseCommand() *cobra.Command {
	var d *desk
	c := &cobra.Command{
		Use: "erase --clerk CODE ID", Short: o.Say(textErase), Args: cli.Arguments("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := mykey.Parse(args[0])
			if err != nil {
				return err
			}
			campaign, err := ReadCampaign(o.Console, d.campaign)
			if err != nil {
				return err
			}
			err = d.change(c.Context(), campaign.Namespace, func(opened *registry.Desk, operation registry.Operation) error {
				return opened.Erase(c.Context(), operation, id, d.clerk)
			})
			if err != nil {
				return err
			}
			return o.report(textErased, id.Display(), "erased", id.String())
		},
	}
	d = o.addDesk(c)
	ClerkFlag(c, o.Console, &d.clerk)
	return c
}

// PurgeCommand returns the command that deletes everything after a campaign.
func (o Operator) PurgeCommand() *cobra.Command {
	var d *desk
	var confirm string
	c := &cobra.Command{
		Use: "purge --clerk CODE --confirm NAMESPACE", Short: o.Say(textPurge), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			campaign, err := ReadCampaign(o.Console, d.campaign)
			if err != nil {
				return err
			}
			if confirm != campaign.Namespace {
				return o.Misuse(Text{
					JA: "まだ何も消去していません。\nこのコマンドは、事業のIDと申込みをすべて消去します。\n実行するときは、--confirm に事業設定ファイルの namespace を\n指定してください。",
					EN: "Nothing was deleted. This command deletes all IDs and applications\nof the campaign. To run it, give the campaign's namespace with --confirm.",
				}, errors.New("--confirm: not the namespace of the campaign"))
			}
			err = d.change(c.Context(), campaign.Namespace, func(opened *registry.Desk, operation registry.Operation) error {
				return opened.Purge(c.Context(), operation, d.clerk)
			})
			if err != nil {
				return err
			}
			return o.report(textPurged, termtext.Printable(campaign.Namespace), "purged", campaign.Namespace)
		},
	}
	d = o.addDesk(c)
	ClerkFlag(c, o.Console, &d.clerk)
	c.Flags().StringVar(&confirm, "confirm", "", o.Say(textFlagConfirm))
	return c
}
