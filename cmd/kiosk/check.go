package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

var (
	textCheck     = Text{JA: "事業設定ファイルと端末の設定を確かめます", EN: "Check a campaign file and a terminal's setup"}
	textCheckLong = Text{
		JA: `事業設定ファイルを確かめます。端末のオプションも付けると、鍵、台帳、カード
リーダーも確かめます。何も作らず、何も書き込みません。暗証番号も使いません。
終了コードは、最初に見つかった誤りの終了コードです。`,
		EN: `Check a campaign file. With the options of a terminal, also check its keys,
registry and card readers. The command creates and writes nothing and uses no
PIN. The exit code is that of the first mistake.`,
	}

	textStep = map[string]Text{
		"campaign":     {JA: "事業設定ファイル", EN: "Campaign file"},
		"period":       {JA: "期間", EN: "Period"},
		"operator-key": {JA: "運営者の公開鍵", EN: "Operator's public key"},
		"keys":         {JA: "名前空間と台帳の鍵", EN: "Keys"},
		"terminal-key": {JA: "端末の鍵", EN: "Terminal key"},
		"authorities":  {JA: "認証局の証明書", EN: "CA certificates"},
		"registry":     {JA: "台帳", EN: "Registry"},
		"readers":      {JA: "カードリーダー", EN: "Card readers"},
		resultOK:       {JA: "OK", EN: "OK"},
		resultWarning:  {JA: "注意", EN: "NOTE"},
		resultFailed:   {JA: "NG", EN: "NG"},
		"not-begun":    {JA: "まだ始まっていません（%s から）。申込みは受け付けません", EN: "starts on %s; applications are not accepted yet"},
		"ended":        {JA: "終了しました（%s まで）。申込みは受け付けません", EN: "ended on %s; applications are not accepted"},
		"running":      {JA: "期間中です（%s まで）", EN: "running (until %s)"},
		"none-yet":     {JA: "まだありません。端末を最初に起動したときに作ります。", EN: "does not exist yet. The terminal creates it at its first start."},
		"no-folder": {
			JA: "まだありません。そのフォルダーもありません。\n--registry の書き間違いでなければ、サービスとして起動したときに作ります。",
			EN: "Neither the registry nor its folder exists yet.\nUnless --registry is mistyped, the service creates both at its first start.",
		},
		"key-numbers":   {JA: "第%d世代、鍵のID %s と %s", EN: "generation %d, key IDs %s and %s"},
		"terminal-name": {JA: "名前: %s", EN: "name: %s"},
		"found":         {JA: "%d台（%s）", EN: "%d found (%s)"},
	}
)

const (
	resultOK      = "ok"
	resultWarning = "warning"
	resultFailed  = "failed"
)

// finding is the result of one check.
type finding struct {
	Step    string       `json:"step"`
	Result  string       `json:"result"`
	Code    message.Code `json:"code,omitempty"`
	Message Text         `json:"message"`
	Next    Text         `json:"next"`
	Detail  string       `json:"detail,omitempty"`

	err error
}

func (p *program) checkCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "check FILE", Short: p.Say(textCheck), Long: p.Say(textCheckLong), Args: cli.Arguments("FILE"),
		Example: "  kiosk check campaign.toml",
		RunE: func(c *cobra.Command, args []string) error {
			o.campaign = args[0]
			terminals := false
			for _, name := range []string{"registry", "namespace-key", "registry-key", "operator-key", "terminal-key", "reader", "ca-certificate"} {
				terminals = terminals || c.Flags().Changed(name)
			}
			return p.check(c.Context(), o, terminals)
		},
	}
	p.setupFlags(c, &o)
	p.jsonFlag(c)
	return c
}

// check checks the campaign file, and the terminal's setup if any of its flags is given.
func (p *program) check(ctx context.Context, o options, terminal bool) error {
	var found []finding
	add := func(step string, ok Text, err error) {
		found = append(found, p.findingFor(step, ok, err))
	}
	c, err := registrycli.ReadCampaign(p.Console, o.campaign)
	if err != nil {
		add("campaign", Text{}, err)
		return p.report(found)
	}
	add("campaign", Text{JA: c.Name.JA, EN: c.Name.EN}, nil)
	found = append(found, p.period(c))
	if terminal {
		_, err = registrycli.ApplicationOptions(p.Console, o.operatorKey, c, p.now())
		add("operator-key", Text{}, err)
		k, keysErr := registrycli.ReadKeys(p.Console, o.keyFiles(), c.Namespace)
		add("keys", cli.Formatted(textStep["key-numbers"], o.generation, k.NamespaceID, k.Current.Key.ID()), keysErr)
		name, err := registrycli.ReadTerminal(p.Console, "--terminal-key", o.terminalKey)
		add("terminal-key", cli.Formatted(textStep["terminal-name"], name.Name()), err)
		if len(o.caCertificates) > 0 {
			_, err = registrycli.TrustPolicy(o.caCertificates)
			add("authorities", Text{}, err)
		}
		if keysErr == nil { // checkRegistry needs the keys
			found = append(found, p.checkRegistry(ctx, o.registry, k))
		}
		names, err := p.checkReaders(ctx, o.reader)
		add("readers", cli.Formatted(textStep["found"], len(names), strings.Join(names, ", ")), err)
	}
	return p.report(found)
}

// findingFor returns the finding for an error, or for success with the message ok.
func (p *program) findingFor(step string, ok Text, err error) finding {
	if err == nil {
		return finding{Step: step, Result: resultOK, Message: ok}
	}
	m := p.messageFor(err)
	return finding{Step: step, Result: resultFailed, Code: m.Code, Message: m.What, Next: m.Next, Detail: termtext.Printable(err.Error()), err: err}
}

// period checks whether the campaign is running.
func (p *program) period(c *campaign.Campaign) finding {
	day := func(text string, of campaign.Day) Text {
		return cli.Formatted(textStep[text], of.Format("2006-01-02"))
	}
	switch now := p.now(); {
	case c.Ended(now):
		return finding{Step: "period", Result: resultWarning, Message: day("ended", c.Ends)}
	case !c.Open(now):
		return finding{Step: "period", Result: resultWarning, Message: day("not-begun", c.Begins)}
	}
	return finding{Step: "period", Result: resultOK, Message: day("running", c.Ends)}
}

// checkRegistry checks that the registry matches the keys. It does not create a registry,
// and a missing file is only a warning.
func (p *program) checkRegistry(ctx context.Context, url string, k registrycli.Keys) finding {
	if registrycli.IsMissing(url) {
		text := "none-yet"
		if !hasFolder(url) {
			text = "no-folder"
		}
		return finding{Step: "registry", Result: resultWarning, Message: textStep[text]}
	}
	return p.findingFor("registry", Text{JA: registrycli.Engine(url), EN: registrycli.Engine(url)}, registry.Check(ctx, url, k.Current, k.Others...))
}

// hasFolder reports whether the folder of a registry's file exists.
func hasFolder(url string) bool {
	_, path, _ := strings.Cut(url, ":")
	_, err := os.Stat(filepath.Dir(path))
	return err == nil
}

// checkReaders returns the names of the card readers, and an error if none matches name.
func (p *program) checkReaders(ctx context.Context, name string) ([]string, error) {
	readers, err := p.driver.Readers(ctx)
	if err != nil {
		return nil, err
	}
	var names, printable []string
	for _, r := range readers {
		names, printable = append(names, r.Name), append(printable, termtext.Printable(r.Name))
	}
	if len(names) == 0 {
		return nil, reader.ErrNoReader
	}
	if name != "" {
		_, err = reader.FullName(names, name)
	}
	return printable, err
}

// report prints the findings and returns the first mistake.
func (p *program) report(found []finding) error {
	var first error
	for _, f := range found {
		if f.err != nil && first == nil {
			first = reportedError{f.err}
		}
	}
	if p.JSON {
		return errors.Join(first, cli.WriteJSON(p.Stdout, map[string]any{"findings": found}))
	}
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "[%s] %s", p.Say(textStep[f.Result]), p.Say(textStep[f.Step]))
		switch text := cli.Indented(p.Say(f.Message)); {
		case text == "":
			b.WriteString("\n")
		case f.err != nil:
			fmt.Fprintf(&b, "\n  %s\n", text)
		default:
			fmt.Fprintf(&b, ": %s\n", text)
		}
		if next := p.Say(f.Next); next != "" {
			fmt.Fprintf(&b, "  %s\n", cli.Indented(next))
		}
		if f.Code != "" {
			fmt.Fprintf(&b, "  [%s] %s\n", f.Code, f.Detail)
		}
	}
	_, err := p.Stdout.Write([]byte(b.String()))
	return errors.Join(first, err)
}
