package main

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
	textApplications     = Text{JA: "申込みをCSVで出力します（個人情報です）", EN: "Write the applications as CSV: personal data"}
	textApplicationsLong = Text{
		JA: `申込みを運営者の秘密鍵で開き、CSVで出力します。個人情報です。
先に監査記録を検証し、出力したことを監査記録に残します。
開けない申込みは標準エラーに並べ、ほかをすべて出力します。終了コードは1です。
鍵を替えたときは、前の秘密鍵も --operator-private-key で渡してください。

表計算ソフトが数式とみなす文字（= + - @ など）や ' で始まる値には、先頭に ' を
付けます。取り込むときは、先頭の ' を1つ取り除いてください。`,
		EN: `Open the applications with the operator's private key, and write them as CSV:
personal data. The audit log is verified first, and tells of the export.
Applications that do not open are listed on standard error; all others are
written, and the exit code is 1. After a change of keys give the earlier private
key, too, with another --operator-private-key.

A value that begins with what spreadsheets take for a formula (= + - @ and
others), or with ', has a ' put before it. Remove one leading ' when you import
the file.`,
	}
	textUnopened  = Text{JA: "開けませんでした: %s（%s、%s）\n", EN: "does not open: %s (%s, %s)\n"}
	textUntrusted = Text{JA: "監査記録と一致しません: %s\n", EN: "not as recorded: %s\n"}
)

// applicationsCommand opens what was applied for, for who has the private key.
func (p *program) applicationsCommand() *cobra.Command {
	var o options
	var private []string
	c := &cobra.Command{
		Use: "applications --campaign FILE --operator-private-key FILE", Short: p.Say(textApplications), Long: p.Say(textApplicationsLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.applications(c.Context(), o, private) },
	}
	p.deskFlags(c, &o)
	p.headsFlag(c, &o)
	c.Flags().StringArrayVar(&private, "operator-private-key", nil, p.Say(textFlagOperatorPrivate))
	return c
}

func (p *program) applications(ctx context.Context, o options, private []string) error {
	keys, err := p.readPrivate(private)
	if err != nil {
		return err
	}
	kept, err := p.readHeads(o.heads)
	if err != nil {
		return err
	}
	desk, err := p.openDesk(ctx, o)
	if err != nil {
		return err
	}
	defer desk.Close()
	table := csv.NewWriter(p.Stdout)
	if err := table.Write([]string{"identifier", "service", "account", "code", "applied"}); err != nil {
		return err
	}
	var failed error // the first
	for a, err := range desk.Export(ctx, registry.NewOperation(), kept...) {
		switch {
		case err != nil && a.ID == "":
			table.Flush()
			return err
		case err != nil:
			fmt.Fprintf(p.Stderr, p.Say(textUntrusted), termtext.Printable(a.ID.String()))
			failed = untrusted(failed, err)
			continue
		}
		account, err := opened(a, keys)
		if err != nil {
			fmt.Fprintf(p.Stderr, p.Say(textUnopened), a.ID, termtext.Printable(a.Service), a.Applied.In(trust.Japan).Format(time.RFC3339))
			if failed == nil {
				failed = err
			}
			continue
		}
		row := []string{a.ID.String(), harmless(account.Service()), harmless(account.ID()), harmless(account.Code()), a.Applied.In(trust.Japan).Format(time.RFC3339)}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return errors.Join(failed, table.Error())
}

// untrusted is what is told of all that failed: tampering before what did not open.
func untrusted(failed, err error) error {
	if errors.Is(failed, registry.ErrAudit) {
		return failed
	}
	return err
}

// readPrivate reads the operator's private keys: those of today and of earlier days.
func (p *program) readPrivate(files []string) (keys []hpke.PrivateKey, err error) {
	if len(files) == 0 {
		files = []string{""}
	}
	for _, file := range files {
		raw, err := p.readHex(file, secretKey)
		if err != nil {
			return nil, keyFailure(fmt.Errorf("--operator-private-key: %w", err))
		}
		key, err := operatorKEM().NewPrivateKey(raw)
		clear(raw)
		if err != nil {
			return nil, keyFailure(fmt.Errorf("--operator-private-key: %w", inFile(file, err)))
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// opened is an application's account, opened with the key that fits.
func opened(a registry.Application, keys []hpke.PrivateKey) (registry.Account, error) {
	var account registry.Account
	var err error
	for _, key := range keys {
		if account, err = a.Open(key); err == nil {
			return account, nil
		}
	}
	return account, fmt.Errorf("%s: %w", a.ID, err)
}

// harmless keeps spreadsheets from taking a value for a formula: an apostrophe is put
// before what may begin one. So that it can be removed again, one is also put before an
// apostrophe.
func harmless(value string) string {
	if begin := strings.TrimLeft(value, " \u00a0\u3000"); begin != "" && strings.ContainsRune("=+-@\t\r\n'＝＋－＠", []rune(begin)[0]) {
		return "'" + value
	}
	return value
}
