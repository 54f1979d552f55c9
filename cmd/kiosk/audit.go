package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textAudit     = Text{JA: "監査記録を検証し、ヘッド（末尾の値）を表示します", EN: "Verify the audit log and print its heads"}
	textAuditLong = Text{
		JA: `監査記録と台帳を検証し、ヘッド（監査記録の末尾の値）を表示します。この出力を、
データベースの管理者が書き込めない場所に保管し、次回に --heads で指定します。
末尾の記録が削除されたことは、保管したヘッドがなければ検出できません。
書き換えを検出すると、終了コードは9です。台帳には何も書き込みません。台帳の鍵も
必要ありません。

記録が多いときは、--checkpoint を指定すると、前回のチェックポイントより後の記録
と、すべての行だけを検証します。ファイルがなければ、すべてを検証してから作り
ます。監査担当者の鍵は terminal-keygen で作り、データベースの管理者が読めない
場所に置きます。--work-folder を指定すると、使うメモリーが少なくなり、中断しても
同じコマンドで続きから検証できます。チェックポイントより前の記録の書き換えは検出
できません。ときどき --checkpoint なしで実行してください。`,
		EN: `Verify the audit log and the registry, and print the heads of the log: the
number and the hash of the last record of each chain. Keep this output where the
database administrator can't write, and pass it to the next audit with --heads.
Without it, records removed from the end are not detected.
The exit code is 9 if anything was altered. The command does not write to the
registry and needs none of its keys.

If there are many records, use --checkpoint: only the records after the last
checkpoint and all rows are verified. If the file does not exist, everything is
verified and the file is created. Make the auditor's key with terminal-keygen,
and keep it where the database administrator can't read it. --work-folder limits
the memory that is used, and lets the same command continue after an
interruption. Alterations of records that are older than the checkpoint are not
detected: run the command without --checkpoint from time to time.`,
	}
)

// auditCommand verifies the audit log and the registry.
func (p *program) auditCommand() *cobra.Command {
	var o options
	var large registrycli.AuditFiles
	c := &cobra.Command{
		Use: "audit --campaign FILE --terminals FILE", Short: p.Say(textAudit), Long: p.Say(textAuditLong), Args: cli.NoArguments,
		Example: "  kiosk audit --campaign campaign.toml --registry sqlite:kiosk.db \\\n    --terminals terminals --heads heads-1130 > heads-1201",
		RunE:    func(c *cobra.Command, _ []string) error { return p.audit(c.Context(), o, large) },
	}
	p.operatorFlags(c, &o)
	p.headsFlag(c, &o.heads)
	c.Flags().StringVar(&large.Checkpoint, "checkpoint", "", p.Say(textFlagCheckpoint))
	c.Flags().StringVar(&large.AuditorKey, "auditor-key", "", p.Say(textFlagAuditorKey))
	c.Flags().StringVar(&large.Folder, "work-folder", "", p.Say(textFlagWorkFolder))
	p.jsonFlag(c)
	return c
}

func (p *program) audit(ctx context.Context, o options, files registrycli.AuditFiles) error {
	verification, err := registrycli.ReadVerification(p.Console, files)
	if err == nil {
		verification.Earlier, err = registrycli.ReadHeads(p.Console, o.heads)
	}
	if err != nil {
		return err
	}
	r, err := p.openOperator(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	report, err := r.VerifyWith(ctx, verification)
	if errors.Is(err, registry.ErrCheckpoint) {
		return registrycli.CheckpointFailure(err)
	}
	if err == nil && files.Checkpoint != "" {
		err = keyfile.Replace(files.Checkpoint, report.Checkpoint)
	}
	if err != nil {
		return err
	}
	return registrycli.WriteAudit(p.Console, report)
}
