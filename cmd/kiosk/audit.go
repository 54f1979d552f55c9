package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
)

var (
	textAudit     = Text{JA: "監査記録を検証し、ヘッド（末尾の値）を表示します", EN: "Verify the audit log and print its heads"}
	textAuditLong = Text{
		JA: `監査記録と台帳を検証し、ヘッド（監査記録の末尾の値）を表示します。この出力を、
データベースの管理者が書き込めない場所に保管し、次回に --heads で指定します。
末尾の記録が削除されたことは、保管したヘッドがなければ検出できません。
書き換えを検出すると、終了コードは9です。台帳には何も書き込みません。鍵も
必要ありません。`,
		EN: `Verify the audit log and the registry, and print the heads of the log. Keep this
output where the database administrator can't write, and pass it to the next
audit with --heads. Without it, records removed from the end are not detected.
The exit code is 9 if anything was altered. The command does not write to the
registry and needs none of its keys.`,
	}
)

// auditCommand verifies the audit log and the registry.
func (p *program) auditCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "audit --campaign FILE --terminals FILE", Short: p.Say(textAudit), Long: p.Say(textAuditLong), Args: cli.NoArguments,
		Example: "  kiosk audit --campaign campaign.toml --registry sqlite:kiosk.db \\\n    --terminals terminals --heads heads-1130 > heads-1201",
		RunE:    func(c *cobra.Command, _ []string) error { return p.audit(c.Context(), o) },
	}
	p.operatorFlags(c, &o)
	p.headsFlag(c, &o)
	p.jsonFlag(c)
	return c
}

func (p *program) audit(ctx context.Context, o options) error {
	kept, err := registrycli.ReadHeads(p.Console, o.heads)
	if err != nil {
		return err
	}
	r, err := p.openOperator(ctx, o)
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
