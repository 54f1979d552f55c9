package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// On a terminal, a wait is announced once, with the readers. Nothing is announced if a
// card is present.
func TestWaitIsAnnounced(t *testing.T) {
	empty := func(names ...string) *simulator.Driver {
		driver := simulator.New()
		for _, name := range names {
			driver.AddReader(name)
		}
		return driver
	}
	there, _ := withCards(t, simulator.Contact)
	stopped := empty()
	stopped.StopService()
	for _, tt := range []struct {
		name   string
		driver *simulator.Driver
		args   []string
		want   string
	}{
		{"two readers", empty("Reader", "\x1b[2JOther"), nil, "Waiting for a card. Place it on a reader:\n  Reader\n  ?[2JOther\n"},
		{"in Japanese", empty("Reader"), []string{"--lang", "ja"}, "カードを待っています。カードリーダーにセットしてください:\n  Reader\n"},
		{"no reader", empty(), nil, "Waiting for a card reader. Check its USB connection.\n"},
		{"no service", stopped, nil, "Waiting for the smart-card service (PC/SC) to start.\n"},
		{"JSON", empty("Reader"), []string{"--json"}, ""},
		{"a card that is there", there, nil, ""},
		{"another command", empty("Reader"), []string{"retries"}, "Waiting for a card. Place it on a reader:\n  Reader\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPseudoTerminal(t)
			run(t.Context(), append(tt.args, "--wait", "100ms"), environment{
				stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: p.slave, driver: tt.driver,
				now: time.Now, getenv: func(string) string { return "" },
			})
			text := p.everything(t)
			if tt.want != "" {
				assert.True(t, strings.HasPrefix(text, tt.want), text)
			}
			for _, word := range []string{"Waiting", "待っています"} {
				assert.LessOrEqual(t, strings.Count(text, word), strings.Count(tt.want, word), text)
			}
		})
	}
	o := runner{driver: empty("Reader")}.run(t, "--wait", "10ms")
	assert.NotContains(t, o.stderr, "Waiting", "to a pipe")
}
