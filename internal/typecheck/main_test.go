package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorsOfOtherSystemsAreFound(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":            "module example.test/m\n\ngo 1.26\n",
		"all.go":            "package m\n\nimport \"os\"\n\nvar Pages int = os.Getpagesize()\n",
		"only_windows.go":   "package m\n\nvar Wrong int = \"text\"\n",
		"only_darwin.go":    "package m\n\nimport \"example.test/m/absent\"\n",
		"sub/sub.go":        "package sub\n",
		"sub/a_386_test.go": "package sub\n\nimport \"testing\"\n\nfunc TestBig(t *testing.T) { _ = 1 << 31 + int32(len(t.Name())) }\n",
	} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}

	for system, want := range map[string]string{
		"windows/amd64": "only_windows.go:3:17: cannot use",
		"darwin/arm64":  "absent",
		"linux/386":     "overflows int32",
		"linux/arm":     "",
	} {
		problems, err := check(folder, system)
		require.NoError(t, err, system)
		if want == "" {
			assert.Empty(t, problems, system)
		} else if assert.NotEmpty(t, problems, system) {
			assert.Contains(t, problems[0], want, system)
		}
	}
}
