package clitest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/programtest"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Manuals checks that the manual pages of a command in the folder man are those of its command tree in each language,
// and that groff formats them for 80 columns without a warning.
func Manuals(t *testing.T, root func(language message.Language) *cobra.Command) {
	t.Helper()
	for _, language := range []message.Language{message.Japanese, message.English} {
		manual(t, root(language), language)
	}
}

func manual(t *testing.T, root *cobra.Command, language message.Language) {
	t.Helper()
	page := cli.Manual(root, language)
	path := filepath.Join("man", root.Name()+".1")
	if language == message.Japanese {
		path = filepath.Join("man", root.Name()+".ja.1")
	}
	if *Update {
		require.NoError(t, os.MkdirAll("man", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(page), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), page)

	groff := programtest.Program(t, "groff", "-K", "utf8", "-man", "-Tutf8", "-ww", "-rLL=78n", "-P-c", "-P-b", "-P-u", path)
	var warnings strings.Builder
	groff.Stderr = &warnings
	shown, err := groff.Output()
	require.NoError(t, err)
	assert.Empty(t, warnings.String())
	Fits(t, string(shown))
	for _, sub := range root.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			assert.Contains(t, string(shown), sub.CommandPath())
		}
	}
}
