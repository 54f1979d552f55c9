package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// statusCommand lists the terminals and clerks.
func (p *program) statusCommand() *cobra.Command {
	var url, campaign string
	c := &cobra.Command{
		Use: "status --campaign FILE", Short: p.Say(textStatus), Long: p.Say(textStatusLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.status(c.Context(), url, campaign) },
	}
	p.fleetFlags(c, &url, &campaign)
	return c
}

// terminalStatus is the JSON of a terminal or a clerk.
type terminalStatus struct {
	Name     string        `json:"name"`
	Role     registry.Role `json:"role"`
	State    string        `json:"state"` // enrolled, expiring, expired, revoked
	NotAfter time.Time     `json:"not_after"`
	Enrolled time.Time     `json:"enrolled"`
	Revoked  *time.Time    `json:"revoked"`
	Seen     *time.Time    `json:"seen"`
	Version  string        `json:"version"`
	// Visits is the number of visits on the day when it was last seen.
	Visits int64 `json:"visits"`
}

// expiringDays is how long before its end a certificate is shown as expiring.
const expiringDays = 30

func stateOf(e registry.Enrolled, now time.Time) string {
	switch {
	case !e.Revoked.IsZero():
		return "revoked"
	case now.After(e.NotAfter):
		return "expired"
	case now.After(e.NotAfter.AddDate(0, 0, -expiringDays)):
		return "expiring"
	}
	return "enrolled"
}

func (p *program) status(ctx context.Context, url, campaign string) error {
	c, err := registrycli.ReadCampaign(p.Console, campaign)
	if err != nil {
		return err
	}
	open, err := registry.OpenOperator(ctx, url, c.Namespace, nil)
	if err != nil {
		return err
	}
	defer open.Close()
	list, err := open.Enrolled(ctx)
	if err != nil {
		return err
	}
	heartbeats, err := open.Heartbeats(ctx)
	if err != nil {
		return err
	}
	last := map[string]registry.Heartbeat{}
	for _, h := range heartbeats {
		last[h.Name] = h
	}
	found := []terminalStatus{}
	for _, e := range list {
		s := terminalStatus{Name: e.Name, Role: e.Role, State: stateOf(e, p.now()), NotAfter: e.NotAfter, Enrolled: e.Since}
		if !e.Revoked.IsZero() {
			s.Revoked = &e.Revoked
		}
		if h, ok := last[e.Name]; ok {
			s.Seen, s.Version, s.Visits = &h.Seen, h.Version, h.Visits
		}
		found = append(found, s)
	}
	if p.JSON {
		return cli.WriteJSON(p.Stdout, map[string]any{"terminals": found})
	}
	if len(found) == 0 {
		return p.print(textNoTerminals)
	}
	rows := [][]string{{p.Say(textColumnName), p.Say(textColumnState), p.Say(textColumnUntil), p.Say(textColumnSeen), p.Say(textColumnVisits), p.Say(textColumnVersion)}}
	for _, s := range found {
		seen, visits := p.Say(textNever), ""
		if s.Seen != nil {
			visits = strconv.FormatInt(s.Visits, 10)
			seen = s.Seen.In(trust.Japan).Format("2006-01-02 15:04")
		}
		state := p.Say(textStates[s.State])
		if s.Role == registry.RoleClerk {
			state += p.Say(textIsClerk)
		}
		rows = append(rows, []string{s.Name, state, day(s.NotAfter), seen, visits, termtext.Printable(s.Version)})
	}
	_, err = p.Stdout.Write([]byte(table(rows)))
	return err
}

// table aligns the columns of rows.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], termtext.Columns(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-termtext.Columns(cell)+2)
		}
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	return b.String()
}
