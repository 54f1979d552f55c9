package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/mykey/registry"
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
	textVerified = Text{
		JA: "# 検証しました: 記録%d件、端末%d台、ID %d件、申込み%d件\n",
		EN: "# verified: records %d, terminals %d, identifiers %d, applications %d\n",
	}
	textPurges = Text{JA: "# すべてのデータの消去（kiosk purge）: %d回\n", EN: "# all data was deleted (kiosk purge): %d times\n"}
	textEmpty  = Text{JA: "# この台帳には、まだ何も記録されていません。\n", EN: "# This registry is empty: it has no records yet.\n"}
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
	kept, err := p.readHeads(o.heads)
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
	if p.JSON {
		return cli.WriteJSON(p.Stdout, struct {
			Records      int64           `json:"records"`
			Terminals    int             `json:"terminals"`
			Reservations int64           `json:"reservations"`
			Applications int64           `json:"applications"`
			Purges       int64           `json:"purges"`
			Heads        []registry.Head `json:"heads"`
		}{report.Records, len(report.Heads), report.Reservations, report.Applications, report.Purges, report.Heads})
	}
	var b strings.Builder
	if report.Records == 0 {
		b.WriteString(p.Say(textEmpty))
	}
	fmt.Fprintf(&b, p.Say(textVerified), report.Records, len(report.Heads), report.Reservations, report.Applications)
	if report.Purges > 0 {
		fmt.Fprintf(&b, p.Say(textPurges), report.Purges)
	}
	for _, h := range report.Heads {
		fmt.Fprintf(&b, "%s %d %x\n", h.Chain, h.Number, h.Hash)
	}
	_, err = p.Stdout.Write([]byte(b.String()))
	return err
}

// readHeads reads the saved output of one or more audits, as text or JSON.
func (p *program) readHeads(path string) ([]registry.Head, error) {
	if path == "" {
		return nil, nil
	}
	text, _, err := keyfile.Read(path, maxListSize)
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		// For example after "audit --heads F > F", where the shell empties F first.
		err = errors.New("the file is empty")
	}
	var heads []registry.Head
	if err == nil {
		heads, err = parseHeads(text)
	}
	if err != nil {
		return nil, cli.Because(fmt.Errorf("--heads: %s: %w", path, err), codeHeads,
			Text{JA: "--heads のファイルを使えません。理由は下の行にあります。", EN: "The --heads file can't be used. The line below says why."},
			Text{
				JA: "kiosk audit の出力を保管したファイルを指定してください。\n新しい出力は、別のファイルに保管してください。",
				EN: "Give a file with the output of an earlier kiosk audit.\nSave the new output in another file.",
			})
	}
	return heads, nil
}

// parseHeads parses lines of JSON, or of a terminal name, a number and a hash. Lines that
// start with # are comments.
func parseHeads(text []byte) (heads []registry.Head, err error) {
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "{"):
			var report struct {
				Heads []registry.Head `json:"heads"`
			}
			if json.Unmarshal([]byte(line), &report) != nil {
				return nil, fmt.Errorf("line %d: not the output of kiosk audit --json", number)
			}
			heads = append(heads, report.Heads...)
			continue
		}
		h, ok := parseHead(line)
		if !ok {
			return nil, fmt.Errorf("line %d: not a terminal name, a number and a hash", number)
		}
		heads = append(heads, h)
	}
	return heads, nil
}

func parseHead(line string) (h registry.Head, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return h, false
	}
	n, err := strconv.ParseInt(fields[1], 10, 64)
	hash, wrong := hex.DecodeString(fields[2])
	return registry.Head{Chain: fields[0], Number: n, Hash: hash}, err == nil && wrong == nil && n > 0 && len(hash) == 32
}
