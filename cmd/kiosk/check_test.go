package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// check finds mistakes before residents do, explains them in plain words, and creates
// nothing.
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
		{cli.ExitUsage, driver, append(working[:len(working):len(working)], "--registry-key", o.path("namespace.key"), "--terminal-key", o.path("none"), "--ca-certificate", demo)},
		{cli.ExitUsage, driver, append(working[:len(working):len(working)], "--registry", "mysql://x")},
	} {
		for language, locale := range map[string]string{"ja": "ja_JP.UTF-8", "en": "C"} {
			out := testEnv{driver: tt.driver, locale: locale}.run(t, tt.args...)
			assert.Equal(t, tt.exit, out.exit, "%v: %s", tt.args, out.stdout)
			assert.Empty(t, out.stderr)
			clitest.Fits(t, out.stdout)
			said[language] += strings.ReplaceAll(out.stdout, o.dir, "FOLDER") + "\n"
		}
		out := testEnv{driver: tt.driver}.run(t, append(tt.args, "--json")...)
		assert.Equal(t, tt.exit, out.exit)
		var found struct{ Findings []finding }
		require.NoError(t, json.Unmarshal([]byte(out.stdout), &found))
		assert.NotEmpty(t, found.Findings)
	}
	assert.NoFileExists(t, o.path("kiosk.db"))
	clitest.Golden(t, "check-ja.txt", said["ja"])
	clitest.Golden(t, "check-en.txt", said["en"])
}

// check finds a registry that the terminal could not create or open: a mistyped folder,
// wrong keys, or a missing generation.
//
// Faults: F108, F127.
func TestCheckRegistry(t *testing.T) {
	o := newOffice(t)
	o.write("other.key", "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f")
	o.write("third.key", "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f")
	driver := simulator.New()
	driver.AddReader("Reader")
	check := func(more ...string) outcome {
		args := append([]string{"check", demo, "--operator-key", o.path("operator.public")}, o.keys("counter-1.key")[2:]...)
		return testEnv{driver: driver}.run(t, append(args, more...)...)
	}
	earlier := "=" + o.path("other.key") + "," + o.path("third.key")
	mistyped := check("--registry", "sqlite:"+o.path("none/kiosk.db"))
	assert.Zero(t, mistyped.exit, "the service makes its folder")
	assert.Contains(t, mistyped.stdout, "nor its folder")
	clitest.Fits(t, mistyped.stdout)
	o.does(append([]string{"migrate"}, o.keys("")[:8]...)...)
	assert.Zero(t, check().exit)
	assert.Zero(t, check("--other-keys", "2"+earlier).exit, "a new generation")
	assert.Contains(t, check("--registry-key", o.path("other.key")).stdout, "[NAMESPACE_KEY]")
	o.does(append([]string{"migrate", "--other-keys", "2" + earlier}, o.keys("")[:8]...)...)
	missing := check()
	assert.Equal(t, cli.ExitUsage, missing.exit)
	assert.Contains(t, missing.stdout, "generation 2")
	assert.Zero(t, check("--other-keys", "2"+earlier).exit)
}
