package main

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// Every command pays for what packages set up when the program starts. Ours set up
// errors and little else: tables, patterns and texts that are put together are made
// where they are used.
func TestStartingMakesNoTables(t *testing.T) {
	const most = 60 // allocations of a package
	file := filepath.Join(t.TempDir(), "card-info")
	output, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	c := exec.Command(file, "--version")
	c.Env = []string{"GODEBUG=inittrace=1"}
	var stdout, trace bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &trace
	require.NoError(t, c.Run())
	assert.True(t, strings.HasPrefix(stdout.String(), "card-info "), stdout.String())

	lines := regexp.MustCompile(`(?m)^init (\S+) .* (\d+) allocs$`).FindAllStringSubmatch(trace.String(), -1)
	require.NotEmpty(t, lines)
	for _, line := range lines {
		name := line[1]
		assert.NotEqual(t, "golang.org/x/text/language", name)
		if name == "main" || strings.HasPrefix(name, "github.com/mykeykit/") {
			allocations, err := strconv.Atoi(line[2])
			require.NoError(t, err)
			assert.LessOrEqual(t, allocations, most, "allocations by the initialization of %s", name)
		}
	}
}

// The subcommand that comes first is the one that all of them would find.
func TestEachSubcommandIsNamed(t *testing.T) {
	console, err := cli.New("card-info", nil, io.Discard, io.Discard, func(string) string { return "" })
	require.NoError(t, err)
	p := &program{Console: console}
	all := p.command(nil).Commands()
	require.Greater(t, len(all), 10)
	for _, c := range all {
		named := p.named([]string{c.Name(), "x"})
		if assert.NotNil(t, named, c.Name()) {
			assert.Equal(t, c.Use, named.Use)
		}
	}
	assert.Nil(t, p.named([]string{"--json", "list"}))
	assert.Nil(t, p.named([]string{"nosuch"}))
	assert.Nil(t, p.named(nil))
}
