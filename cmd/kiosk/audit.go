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
	textAudit     = Text{JA: "監査記録を検証し、別に保管する末尾の値を表示します", EN: "Verify the audit log, and print the heads to keep"}
	textAuditLong = Text{
		JA: `監査記録と台帳を検証し、監査記録の末尾の値（heads）を表示します。この出力を、
データベースの管理者が書き込めない場所に保管し、次回 --heads で渡してください。
末尾から記録が消されていないかは、保管した値がなければわかりません。
書き換えが見つかると、終了コードは9です。何も書き込まず、鍵も必要ありません。`,
		EN: `Verify the audit log and the registry, and print the heads of the log. Keep this
output where the database's administrator can't write, and give it next time
with --heads: only so does it find records that were removed from the end.
The exit code is 9 if anything was tampered with. It writes nothing to the
registry, and needs none of its keys.`,
	}
	textVerified = Text{
		JA: "# 検証しました: 記録%d件、端末%d台、ID %d件、申込み%d件\n",
		EN: "# verified: records %d, terminals %d, identifiers %d, applications %d\n",
	}
	textPurges = Text{JA: "# すべてのデータの消去（kiosk purge）: %d回\n", EN: "# all data was deleted (kiosk purge): %d times\n"}
	textEmpty  = Text{JA: "# この台帳には、まだ何も記録されていません。\n", EN: "# This registry is empty: nothing was recorded yet.\n"}
)

// auditCommand looks for what was removed or altered.
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

// readHeads reads what audit wrote before, once or several times, in either form.
func (p *program) readHeads(path string) ([]registry.Head, error) {
	if path == "" {
		return nil, nil
	}
	text, _, err := keyfile.Read(path, longestList)
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		// As after "audit --heads F > F": the shell empties F first.
		err = errors.New("the file is empty; nothing would be compared")
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
				EN: "Give a file that has what kiosk audit printed.\nKeep what it prints now in another file.",
			})
	}
	return heads, nil
}

// parseHeads reads lines of a terminal's name, a number and a hash, or of JSON. Lines
// that begin with # are comments.
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
				return nil, fmt.Errorf("line %d: not what kiosk audit --json prints", number)
			}
			heads = append(heads, report.Heads...)
			continue
		}
		h, ok := parseHead(line)
		if !ok {
			return nil, fmt.Errorf("line %d: not a terminal's name, a number and a hash", number)
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
