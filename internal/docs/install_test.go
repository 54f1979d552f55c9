package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// make install installs the program, its licenses, its manual pages and its completions.
func TestMakeInstall(t *testing.T) {
	folder := t.TempDir()
	install := exec.Command("make", "-C", filepath.Join("..", ".."), "install", "DESTDIR="+folder, "PREFIX=/usr")
	output, err := install.CombinedOutput()
	require.NoError(t, err, "%s", output)
	for name, says := range map[string]string{
		"bin/card-info":                                  "",
		"share/doc/card-info/licenses.txt":               "golang.org/x/crypto",
		"share/man/man1/card-info.1":                     ".SH NAME",
		"share/man/ja/man1/card-info.1":                  ".SH 名前",
		"share/bash-completion/completions/card-info":    "__start_card-info",
		"share/zsh/site-functions/_card-info":            "#compdef card-info",
		"share/fish/vendor_completions.d/card-info.fish": "card-info",
	} {
		content, err := os.ReadFile(filepath.Join(folder, "usr", name))
		if assert.NoError(t, err) {
			assert.Contains(t, string(content), says, name)
		}
	}
}
