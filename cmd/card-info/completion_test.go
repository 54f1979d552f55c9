package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// complete returns what a shell offers after a command line.
func complete(t *testing.T, line ...string) []string {
	t.Helper()
	o := runner{}.run(t, append([]string{"__complete"}, line...)...)
	require.Zero(t, o.exit, o.stderr)
	var offered []string
	for _, line := range strings.Split(o.stdout, "\n") {
		if name, _, _ := strings.Cut(line, "\t"); name != "" && !strings.HasPrefix(name, ":") {
			offered = append(offered, name)
		}
	}
	return offered
}

// Shells complete commands, subcommands, flags, and the values of flags that have a fixed set of them.
func TestCompletion(t *testing.T) {
	assert.Subset(t, complete(t, ""), []string{"sign", "verify", "pin", "help"})
	assert.Equal(t, []string{"change"}, complete(t, "pin", ""))
	assert.Equal(t, []string{"--corner"}, complete(t, "sign", "--cor"))
	assert.Equal(t, []string{"ja", "en"}, complete(t, "sign", "--lang", ""))
	assert.Len(t, complete(t, "id", "--simulator", ""), len(simulator.Profiles()))
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		o := runner{}.run(t, "completion", shell)
		require.Zero(t, o.exit)
		assert.Contains(t, o.stdout, "card-info")
	}

	// A flag whose help lists its values completes them.
	console, err := cli.New("card-info", []string{"--lang", "en"}, nil, nil, func(string) string { return "" })
	require.NoError(t, err)
	listed := regexp.MustCompile(`[:(] ?([a-z0-9-]+(?:, [a-z0-9-]+)+(?: or [a-z0-9-]+)?)\)?$`)
	flags := 0
	for _, c := range (&program{Console: console}).command(nil).Commands() {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(f)
			if found := listed.FindStringSubmatch(strings.ReplaceAll(usage, "\n", " ")); found != nil {
				flags++
				values := strings.Split(strings.ReplaceAll(found[1], " or ", ", "), ", ")
				assert.ElementsMatch(t, values, complete(t, c.Name(), "--"+f.Name, ""), "%s --%s", c.Name(), f.Name)
			}
		})
	}
	assert.Equal(t, 5, flags, "--by of three commands, --hash, --corner")
}
