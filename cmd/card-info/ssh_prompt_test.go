//go:build linux || darwin

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Without a usable card the list of keys is empty, and the cause is reported once.
//
// Faults: F80.
func TestAgentWithoutAUsableCard(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func(t *testing.T) (reader.Driver, *scriptedTerminal)
		code  string
	}{
		{"no service", func(t *testing.T) (reader.Driver, *scriptedTerminal) {
			driver, _, _ := withCard(t)
			driver.StopService()
			return driver, nil
		}, "[PCSC_UNAVAILABLE]"},
		{"no reader", func(*testing.T) (reader.Driver, *scriptedTerminal) { return simulator.New(), nil }, "[READER_NOT_FOUND]"},
		{"no card", func(t *testing.T) (reader.Driver, *scriptedTerminal) {
			driver, slot, _ := withCard(t)
			slot.Remove()
			return driver, nil
		}, "[CARD_ABSENT]"},
		{"several cards", func(t *testing.T) (reader.Driver, *scriptedTerminal) {
			driver, _ := withCards(t, simulator.Contact, simulator.Contact)
			return driver, nil
		}, "[SEVERAL_CARDS]"},
		{"another kind of card", ofProfile(simulator.NotMyNumber), "[NOT_MYNUMBER_CARD]"},
		{"no certificate", ofProfile(simulator.NoCertificate), "[NO_AUTH_CERT]"},
		{"expired", ofProfile(simulator.Expired), "[CERT_EXPIRED]"},
		{"locked", ofProfile(simulator.Locked), "[PIN_LOCKED]"},
		{"a phone, no terminal", ofProfile(simulator.Android), "[NO_TERMINAL]"},
		{"a phone, no answer", func(t *testing.T) (reader.Driver, *scriptedTerminal) {
			driver, _ := withCards(t, simulator.Android)
			return driver, &scriptedTerminal{lines: []string{"", "", "", ""}}
		}, "[INTERRUPTED]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, terminal := tt.setup(t)
			d := &agentRunner{driver: driver, terminal: terminal}
			client := d.start(t)
			for range 3 {
				keys, err := client.List()
				require.NoError(t, err)
				assert.Empty(t, keys)
			}
			d.end()
			<-d.exit
			assert.Equal(t, 1, strings.Count(d.stderrText(), "card-info: "), d.stderrText())
			assert.Contains(t, d.stderrText(), tt.code)
		})
	}
}

func ofProfile(profile simulator.Profile) func(*testing.T) (reader.Driver, *scriptedTerminal) {
	return func(t *testing.T) (reader.Driver, *scriptedTerminal) {
		driver, _ := withCards(t, profile)
		return driver, nil
	}
}

// With --idle each signature without a prompt is reported with its purpose and the client.
//
// Faults: F83.
func TestSignaturesWithoutAPINAreAnnounced(t *testing.T) {
	driver, _ := withCards(t, simulator.Contact)
	d := &agentRunner{driver: driver, terminal: &scriptedTerminal{lines: []string{"1234"}}, args: []string{"--idle", "10m"}}
	client := d.start(t)
	require.NoError(t, sign(t, client))
	assert.NotContains(t, d.stderrText(), "without asking")
	for n := range 2 {
		require.NoError(t, sign(t, client))
		assert.Equal(t, n+1, strings.Count(d.stderrText(), "without asking for the PIN again.\n    User name:  somebody\n    Asked by:   process "), d.stderrText())
	}
	assert.Equal(t, 1, d.terminal.asked)
	d.end()
	<-d.exit

	d = &agentRunner{driver: driver, terminal: &scriptedTerminal{lines: []string{"1234", "1234"}}}
	client = d.start(t)
	for range 2 {
		require.NoError(t, sign(t, client))
	}
	assert.NotContains(t, d.stderrText(), "without asking")
}

// A client's string is shown on one line, without control characters and cut to a limit.
//
// Faults: F83.
func TestPromptsForHostileClients(t *testing.T) {
	for name, value := range map[string]string{
		"controls":              "root\x1b[2J\x1b]0;title\x07\r\nPIN: ",
		"turned around":         "\u202egnp.toor\u2066",
		"another line":          "root\nAsked by:   nobody",
		"Unicode's line ends":   "root\u2028\u2029\u0085x",
		"nothing to see":        "\u200b\u2060\ufeff\u3164\u115f\u2800\ufe0f\u00ad",
		"marks":                 "e" + strings.Repeat("\u0301", 100),
		"no UTF-8":              "\xff\xfe\x80",
		"long":                  strings.Repeat("x", 100_000),
		"long and wide":         strings.Repeat("漢", 1000),
		"long, and not as wide": "x" + strings.Repeat("漢", 1000) + "x",
	} {
		for _, kind := range []sshagent.Kind{sshagent.Login, sshagent.Signature, sshagent.ShowKey} {
			request := sshagent.Request{Kind: kind, User: value, Namespace: value, Process: sshagent.Process{PID: 4194304, Executable: value}}
			text := promptForSSH(request)
			for _, prompt := range []string{text.JA, text.EN} {
				clitest.Fits(t, prompt)
				lines := map[sshagent.Kind]int{sshagent.Login: 4, sshagent.Signature: 4, sshagent.ShowKey: 3}
				assert.Len(t, strings.Split(prompt, "\n"), lines[kind], name)
				assert.Equal(t, strings.ReplaceAll(prompt, "\n", ""), termtext.Printable(strings.ReplaceAll(prompt, "\n", "")), name)
				assert.NotContains(t, prompt, "\u0301")
				assert.NotContains(t, prompt, "\u3164")
			}
		}
	}
	assert.Equal(t, "が.app/ssh", shorten("か\u3099.app/ssh"), "as macOS writes names")
	assert.Equal(t, "/home/somebody/a-lon...further/down/bin/ssh", shorten("/home/somebody/a-long-way/and-a-longer-one/further/down/bin/ssh"))
	assert.Equal(t, "  要求元:     不明", describeRequest(sshagent.Request{}).JA)
	assert.Equal(t, "  Asked by:   process 7, unknown", describeRequest(sshagent.Request{Process: sshagent.Process{PID: 7}}).EN)
}
