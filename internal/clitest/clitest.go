// Package clitest tests what the commands print.
package clitest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/termtext"
)

// Update says whether to rewrite the files that tests compare with.
var Update = flag.Bool("update", false, "rewrite the golden files and scripts in testdata, and the screenshots of docs/images")

// Golden checks that a text is that of a file in testdata/golden.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *Update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// Fits checks that no line is wider than 80 columns, except the last line of a failure, which
// is for staff.
func Fits(t testing.TB, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "  [") {
			assert.LessOrEqual(t, termtext.Columns(line), 80, line)
		}
	}
}
