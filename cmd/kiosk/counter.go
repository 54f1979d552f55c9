package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/authorityfile"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/residue"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var (
	textCounter     = Text{JA: "窓口で、カードの写真と内容を表示して確認します", EN: "Show what is in a card, to check it at a counter"}
	textCounterLong = Text{
		JA: `窓口で職員が使う画面です。カードに印字された生年月日、有効期限の年、
セキュリティコード（照合番号B）を入力すると、ICチップの写真と内容を、何を確認
したかと並べて表示します。カードを取ると消えます。
--records を付けたときだけ、確認した記録を残します（個人情報は含みません）。
使い方と法令上の注意は docs/face-to-face.ja.md にあります。`,
		EN: `A page for clerks. The clerk types verification number B, which is composed of
the date of birth, the year of expiry and the security code on the card, and
compares the customer with the photograph in the chip. What was and was not
checked is shown beside it. Everything is cleared when the card is taken. A
record of each check, without personal data, is kept only with --records.
docs/face-to-face.md says what the law requires.`,
	}

	textFlagAuthority = Text{JA: "信頼する、カードの発行者の公開鍵（`FILE`）。複数可", EN: "public key `FILE` of an authority; repeatable"}
	textFlagRecords   = Text{JA: "確認の記録を残すフォルダー（`DIR`）", EN: "folder `DIR` for the records of checks"}
	textNoRecords     = Text{JA: "--records のフォルダーを使えません。", EN: "The folder given with --records can't be used."}
	textNoRecordsNext = Text{JA: "書き込めるフォルダーを指定してください。", EN: "Give a folder that the program can write to."}
)

func (p *program) counterCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "counter", Short: p.Say(textCounter), Long: p.Say(textCounterLong), Args: cli.NoArguments,
		Example: "  kiosk counter --simulate\n  kiosk counter --authority jlis.pem --records checks",
		RunE:    func(c *cobra.Command, _ []string) error { return p.serveCounter(c.Context(), o) },
	}
	c.Flags().StringVar(&o.reader, "reader", "", p.Say(textFlagReader))
	c.Flags().StringArrayVar(&o.authorities, "authority", nil, p.Say(textFlagAuthority))
	c.Flags().StringVar(&o.records, "records", "", p.Say(textFlagRecords))
	p.pageFlags(c, &o)
	return c
}

// serveCounter runs a counter until ctx is done.
func (p *program) serveCounter(ctx context.Context, o options) error {
	listener, err := p.listen(o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	log, err := p.newLog(o.log, "counter")
	if err != nil {
		return err
	}
	config, simulated, err := p.counterConfig(o, log)
	if err != nil {
		return err
	}
	log.Info("started", "version", cli.Version(), "authorities", len(config.Policy.Authorities), "records", config.Keep != nil)
	c := counter.New(config)
	page := web.NewCounter(c, listener.Addr().String())
	return p.servePage(ctx, o, log, pageServer{page, listener, simulated, func() { c.View() }}, c.Run)
}

func (p *program) counterConfig(o options, log *slog.Logger) (config counter.Config, simulated *simulator.Driver, err error) {
	config = counter.Config{
		Driver: p.driver, Reader: o.reader, Language: o.firstLanguage(), AfterCheck: residue.Overwrite,
		Log: func(event string, reason message.Code) {
			if reason == "" {
				log.Info(event)
				return
			}
			log.Info(event, "code", string(reason))
		},
	}
	if config.Policy, err = authorityfile.Policy(o.authorities); err != nil {
		return config, nil, err
	}
	if config.Keep, err = keepIn(o.records); err != nil {
		return config, nil, cli.Because(fmt.Errorf("--records: %w", err), "RECORDS_FOLDER", textNoRecords, textNoRecordsNext)
	}
	if !o.simulate {
		return config, nil, nil
	}
	card, err := democard.New(simulator.Contact)
	if err != nil {
		return config, nil, err
	}
	authorities, err := card.Authorities()
	for _, a := range authorities {
		config.Policy.SimulatorAuthorities = append(config.Policy.SimulatorAuthorities, cvc.Authority{ID: a.ID, Key: a.Key})
	}
	simulated = simulator.New()
	config.Driver = simulated
	return config, simulated, err
}

// keepIn returns a function that writes each record to a new file in a folder, or nil if there is no
// folder. A record is on disk when the function has returned nil.
func keepIn(folder string) (func(counter.Record) error, error) {
	if folder == "" {
		return nil, nil
	}
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, err
	}
	return func(r counter.Record) error {
		content, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		return keyfile.WriteNew(filepath.Join(folder, r.Reference+".json"), append(content, '\n'))
	}, nil
}
