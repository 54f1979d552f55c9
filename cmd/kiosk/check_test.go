package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// check finds what a resident would find otherwise, in plain words, and makes nothing.
//
// Faults: F127.
func TestCheck(t *testing.T) {
	o := newOffice(t)
	driver := simulator.New()
	driver.AddReader("Reader")
	working := append([]string{"check", demo}, o.keys("counter-1.key")[2:]...)
	working = append(working, "--operator-key", o.path("operator.public"))
	misspelt := o.write("misspelt.toml", strings.Replace(strings.Replace(o.demo(), "rate = 25", "rat = 25", 1), `"2026-01-01"`, "2026-01-01", 1))
	ended := o.write("ended.toml", strings.NewReplacer("2026", "2025", "2099", "2025").Replace(o.demo()))
	said := map[string]string{}
	for _, tt := range []struct {
		exit   int
		driver *simulator.Driver
		args   []string
	}{
		{cli.ExitDone, driver, []string{"check", demo}},
		{cli.ExitUsage, driver, []string{"check", misspelt}},
		{cli.ExitUsage, driver, []string{"check", o.path("none.toml")}},
		{cli.ExitDone, driver, working},
		{cli.ExitDone, driver, append([]string{"check", ended}, working[2:]...)},
		{cli.ExitUsage, driver, slices.Clip(working[:len(working)-2])},
		{cli.ExitNoReader, simulator.New(), working},
		{cli.ExitUsage, driver, append(working[:len(working):len(working)], "--registry-key", o.path("namespace.key"), "--terminal-key", o.path("none"), "--authority", demo)},
		{cli.ExitUsage, driver, append(working[:len(working):len(working)], "--registry", "mysql://x")},
	} {
		for language, locale := range map[string]string{"ja": "ja_JP.UTF-8", "en": "C"} {
			out := desk{driver: tt.driver, locale: locale}.run(t, tt.args...)
			assert.Equal(t, tt.exit, out.exit, "%v: %s", tt.args, out.stdout)
			assert.Empty(t, out.stderr)
			fits(t, out.stdout)
			said[language] += strings.ReplaceAll(out.stdout, o.dir, "FOLDER") + "\n"
		}
		out := desk{driver: tt.driver}.run(t, append(tt.args, "--json")...)
		assert.Equal(t, tt.exit, out.exit)
		var found struct{ Findings []finding }
		require.NoError(t, json.Unmarshal([]byte(out.stdout), &found))
		assert.NotEmpty(t, found.Findings)
	}
	assert.NoFileExists(t, o.path("kiosk.db"))
	golden(t, "check-ja.txt", said["ja"])
	golden(t, "check-en.txt", said["en"])
}

// Keys are compared with those of the registry, and nothing is changed by it: a
// generation that is missing would give its holders second identifiers.
//
// Faults: F108, F127.
func TestCheckComparesTheKeys(t *testing.T) {
	o := newOffice(t)
	require.Zero(t, desk{}.run(t, append([]string{"migrate"}, o.keys("")[:8]...)...).exit)
	before, err := os.ReadFile(o.path("kiosk.db"))
	require.NoError(t, err)
	driver := simulator.New()
	driver.AddReader("Reader")
	working := append([]string{"check", demo, "--operator-key", o.path("operator.public")}, o.keys("counter-1.key")[2:]...)
	out := desk{driver: driver}.run(t, working...)
	assert.Zero(t, out.exit, out.stdout)
	out = desk{driver: driver}.run(t, append(working, "--generation", "2")...)
	assert.Equal(t, cli.ExitUsage, out.exit, out.stdout)
	assert.Contains(t, out.stdout, "generation 1")
	fits(t, out.stdout)
	after, err := os.ReadFile(o.path("kiosk.db"))
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
