package registrycli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	textStatistics     = Text{JA: "1日または事業全体の件数を表示します", EN: "Show the counts of a day or of the campaign"}
	textStatisticsLong = Text{
		JA: `利用、ID、申込みの件数と、受け付けられなかった理由（コード）の件数を表示します。
個人情報はありません。--json は、日と端末ごとの件数を出力します。`,
		EN: `Show the number of visits, identifiers and applications, and the number of
problems by code. The output contains no personal data. --json writes the counts
per day and terminal.`,
	}
	textFlagDay  = Text{JA: "この日の件数だけ（`DAY`、例: 2026-04-01）", EN: "only the counts of this `DAY`, e.g. 2026-04-01"}
	textNoCounts = Text{JA: "まだ件数がありません。\n", EN: "There are no counts yet.\n"}
)

// The events of a visit: counted by a terminal that works alone, or in a heartbeat to a server.
const (
	visit        = "begun"
	visitOfFleet = "visit"
)

// eventNames are the names of counted events in the order of the output. Other events are
// shown under their own names.
var eventNames = []struct {
	event string
	name  Text
}{
	{visit, Text{JA: "利用", EN: "Visits"}},
	{"record:reserve", Text{JA: "新しいID", EN: "New identifiers"}},
	{"record:renew-old-card", Text{JA: "引き継ぎ（前のカード）", EN: "Renewals by earlier card"}},
	{"record:renew-subject", Text{JA: "引き継ぎ（本人の識別子）", EN: "Renewals by holder's identifier"}},
	{"record:renew-recovery-code", Text{JA: "引き継ぎ（引き継ぎコード）", EN: "Renewals by recovery code"}},
	{"record:renew-clerk", Text{JA: "引き継ぎ（担当者）", EN: "Renewals by a clerk"}},
	{"record:merge-clerk", Text{JA: "IDをまとめた件数（担当者）", EN: "Merges by a clerk"}},
	{"record:new-recovery-code", Text{JA: "新しい引き継ぎコード", EN: "New recovery codes"}},
	{"record:apply", Text{JA: "申込み", EN: "Applications"}},
	{"record:withdraw", Text{JA: "取り消し", EN: "Withdrawals"}},
	{"record:export", Text{JA: "申込みの出力", EN: "Exports"}},
	{"record:erase", Text{JA: "本人の求めによる消去", EN: "Erasures on request"}},
	{"record:purge", Text{JA: "事業終了後の消去", EN: "Purges"}},
	{"record:enroll", Text{JA: "端末や担当者の登録", EN: "Enrollments"}},
	{"record:revoke", Text{JA: "端末や担当者の失効", EN: "Revocations"}},
	{"record:rekey", Text{JA: "新しい世代の鍵に移したカード", EN: "Cards moved to new keys"}},
	{"record:link-subject", Text{JA: "識別子を登録したカード", EN: "Cards with a stored identifier"}},
}

// StatisticsCommand returns the command that shows counts.
func (o Operator) StatisticsCommand() *cobra.Command {
	var url, campaign, day string
	c := &cobra.Command{
		Use: "statistics --campaign FILE", Short: o.Say(textStatistics), Long: o.Say(textStatisticsLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return o.statistics(c.Context(), url, campaign, day) },
	}
	o.RegistryFlag(c, &url)
	o.CampaignFlag(c, &campaign)
	c.Flags().StringVar(&day, "day", "", o.Say(textFlagDay))
	return c
}

func (o Operator) statistics(ctx context.Context, url, file, day string) error {
	if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
		return o.WrongUsage(errors.New("--day: not in the format YYYY-MM-DD"))
	}
	campaign, err := ReadCampaign(o.Console, file)
	if err != nil {
		return err
	}
	r, err := registry.OpenOperator(ctx, url, campaign.Namespace, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	counts, err := r.Statistics(ctx)
	if err != nil {
		return err
	}
	if day != "" {
		counts = slices.DeleteFunc(counts, func(c registry.Count) bool { return c.Day != day })
	}
	if o.JSON {
		return o.writeCounts(counts)
	}
	return o.printCounts(counts)
}

// writeCounts writes the counts as JSON.
func (o Operator) writeCounts(counts []registry.Count) error {
	type count struct {
		Day      string `json:"day"`
		Terminal string `json:"terminal"`
		Event    string `json:"event"`
		Number   int64  `json:"number"`
	}
	list := []count{}
	for _, c := range counts {
		list = append(list, count(c))
	}
	return cli.WriteJSON(o.Stdout, map[string]any{"counts": list})
}

// printCounts prints the sums over all terminals.
func (o Operator) printCounts(counts []registry.Count) error {
	sums := map[string]int64{}
	for _, c := range counts {
		if c.Event == visitOfFleet {
			c.Event = visit
		}
		sums[c.Event] += c.Number
	}
	var events []string
	for event := range sums {
		events = append(events, event)
	}
	place := func(event string) int {
		for i, known := range eventNames {
			if known.event == event {
				return i
			}
		}
		return len(eventNames)
	}
	slices.SortFunc(events, func(a, b string) int { return cmp.Or(place(a)-place(b), cmp.Compare(a, b)) })
	if len(events) == 0 {
		_, err := o.Stdout.Write([]byte(o.Say(textNoCounts)))
		return err
	}
	widest, names := 0, map[string]string{}
	for _, event := range events {
		names[event] = termtext.Printable(event)
		if i := place(event); i < len(eventNames) {
			names[event] = o.Say(eventNames[i].name)
		}
		widest = max(widest, termtext.Columns(names[event]))
	}
	var b strings.Builder
	for _, event := range events {
		fmt.Fprintf(&b, "%s%s  %d\n", names[event], strings.Repeat(" ", widest-termtext.Columns(names[event])), sums[event])
	}
	_, err := o.Stdout.Write([]byte(b.String()))
	return err
}
