package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// build builds the program and returns its file. It uses the race detector if the test does, so that
// the compiled packages are the same.
func build(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "card-info")
	info, _ := debug.ReadBuildInfo()
	race := slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	output, err := exec.Command("go", "build", fmt.Sprintf("-race=%t", race), "-o", file, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	return file
}

// The program calls no method by a name that it computes, as templates do. Otherwise the
// linker would keep every exported method, and the program would start more slowly.
func TestNoTemplateIsLinked(t *testing.T) {
	program, err := os.ReadFile(build(t))
	require.NoError(t, err)
	assert.True(t, bytes.Contains(program, []byte("spf13/cobra.(*Command).execute")), "the program names its functions")
	assert.False(t, bytes.Contains(program, []byte("text/template.(*state).evalField")))
}

// Every command pays for package initialization. This project's packages initialize
// errors and little else: tables, patterns and formatted texts are built where they are
// used.
func TestStartupAllocatesLittle(t *testing.T) {
	const most = 60 // allocations of a package
	file := build(t)
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

// subcommand finds the same command as cobra does among all.
func TestEverySubcommandIsFoundByName(t *testing.T) {
	console, err := cli.New("card-info", nil, io.Discard, io.Discard, func(string) string { return "" })
	require.NoError(t, err)
	p := &program{Console: console}
	all := p.command(nil).Commands()
	require.Greater(t, len(all), 10)
	for _, c := range all {
		named := p.subcommand([]string{c.Name(), "x"})
		if assert.NotNil(t, named, c.Name()) {
			assert.Equal(t, c.Use, named.Use)
		}
	}
	assert.Nil(t, p.subcommand([]string{"--json", "list"}))
	assert.Nil(t, p.subcommand([]string{"nosuch"}))
	assert.Nil(t, p.subcommand(nil))
}
