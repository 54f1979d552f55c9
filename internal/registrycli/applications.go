package registrycli

import (
	"context"
	"crypto/hpke"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textApplications     = Text{JA: "申込みをCSVで出力します（個人情報です）", EN: "Export the applications as CSV (personal data)"}
	textApplicationsLong = Text{
		JA: `申込みを運営者の秘密鍵で復号し、CSVで出力します。個人情報です。
先に監査記録を検証し、出力したことを監査記録に残します。
復号できない申込みは標準エラーに表示し、ほかはすべて出力します。このときの
終了コードは1です。
鍵を変更したときは、以前の秘密鍵も --operator-private-key で指定してください。

表計算ソフトが数式とみなす文字（= + - @ など）や ' で始まる値には、先頭に ' を
付けます。取り込むときは、先頭の ' を1つ取り除いてください。`,
		EN: `Decrypt the applications with the operator's private key and write them as CSV.
The output is personal data. The audit log is verified first and records the
export. If some applications can't be decrypted, they are listed on standard
error, all others are written, and the exit code is 1. After a key change also
give the earlier private key with another --operator-private-key.

Values that start with ' or a character that spreadsheets treat as the start of
a formula (= + - @ and others) are prefixed with '. Remove one leading ' when
you import the file.`,
	}
	textFlagOperatorPrivate = Text{JA: "運営者の秘密鍵ファイル（`FILE`）。複数可", EN: "private key `FILE` of the operator; repeatable"}

	textUnopened  = Text{JA: "復号できませんでした: %s（%s、%s）\n", EN: "can't be decrypted: %s (%s, %s)\n"}
	textUntrusted = Text{JA: "監査記録と一致しません: %s\n", EN: "does not match the audit log: %s\n"}
)

// ApplicationsCommand returns the command that exports the applications for the operator.
func (o Operator) ApplicationsCommand() *cobra.Command {
	var d *desk
	var heads string
	var private []string
	c := &cobra.Command{
		Use: "applications --operator-private-key FILE", Short: o.Say(textApplications), Long: o.Say(textApplicationsLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return o.applications(c.Context(), d, heads, private) },
	}
	d = o.addDesk(c)
	o.HeadsFlag(c, &heads)
	c.Flags().StringArrayVar(&private, "operator-private-key", nil, o.Say(textFlagOperatorPrivate))
	return c
}

func (o Operator) applications(ctx context.Context, d *desk, heads string, private []string) error {
	if o.JSON {
		return o.Misuse(Text{JA: "このコマンドは、CSVだけを出力します。--json は使えません。", EN: "This command writes only CSV, not JSON."}, errors.New("--json: not supported by applications"))
	}
	keys, err := readPrivate(o.Console, private)
	if err != nil {
		return err
	}
	kept, err := ReadHeads(o.Console, heads)
	if err != nil {
		return err
	}
	campaign, err := ReadCampaign(o.Console, d.campaign)
	if err != nil {
		return err
	}
	desk, err := d.open(ctx, d.url, campaign.Namespace)
	if err != nil {
		return err
	}
	defer desk.Close()
	table := csv.NewWriter(o.Stdout)
	if err := table.Write([]string{"identifier", "service", "account", "code", "applied"}); err != nil {
		return err
	}
	written := false
	var failed error // the most important one so far
	for a, err := range desk.Export(ctx, registry.NewOperation(), kept...) {
		switch {
		case err != nil && a.ID == "":
			if written { // a header alone would look like a complete file
				table.Flush()
			}
			return err
		case err != nil:
			fmt.Fprintf(o.Stderr, o.Say(textUntrusted), termtext.Printable(a.ID.String()))
			failed = auditFailure(failed, err)
			continue
		}
		account, err := openAccount(a, keys)
		if err != nil {
			fmt.Fprintf(o.Stderr, o.Say(textUnopened), a.ID, termtext.Printable(a.Service), a.Applied.In(trust.Japan).Format(time.RFC3339))
			if failed == nil {
				failed = err
			}
			continue
		}
		row := []string{a.ID.String(), escapeFormula(account.Service()), escapeFormula(account.ID()), escapeFormula(account.Code()), a.Applied.In(trust.Japan).Format(time.RFC3339)}
		if err := table.Write(row); err != nil {
			return err
		}
		written = true
	}
	table.Flush()
	return errors.Join(failed, table.Error())
}

// auditFailure returns the audit failure to report: the first one, which takes precedence
// over decryption failures.
func auditFailure(failed, err error) error {
	if errors.Is(failed, registry.ErrAudit) {
		return failed
	}
	return err
}

// readPrivate reads the operator's current and earlier private keys.
func readPrivate(c *cli.Console, files []string) (keys []hpke.PrivateKey, err error) {
	if len(files) == 0 {
		files = []string{""}
	}
	for _, file := range files {
		raw, err := ReadHex(c, file, SecretKey)
		if err != nil {
			return nil, KeyFailure(fmt.Errorf("--operator-private-key: %w", err))
		}
		key, err := OperatorKEM().NewPrivateKey(raw)
		clear(raw)
		if err != nil {
			return nil, KeyFailure(fmt.Errorf("--operator-private-key: %w", InFile(file, err)))
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// openAccount decrypts an application's account with the matching key.
func openAccount(a registry.Application, keys []hpke.PrivateKey) (registry.Account, error) {
	var account registry.Account
	var err error
	for _, key := range keys {
		if account, err = a.Open(key); err == nil {
			return account, nil
		}
	}
	return account, fmt.Errorf("%s: %w", a.ID, err)
}

// escapeFormula prefixes a value with an apostrophe if a spreadsheet could treat it as a
// formula. It also prefixes values that start with an apostrophe, so that the escaping
// can be reversed.
func escapeFormula(value string) string {
	if start := strings.TrimLeft(value, " \u00a0\u3000"); start != "" && strings.ContainsRune("=+-@\t\r\n'＝＋－＠", []rune(start)[0]) {
		return "'" + value
	}
	return value
}
