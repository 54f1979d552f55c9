//go:build cgo

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// The operator's commands in the documents work as written, including the key change.
// Commands that need a reader, a terminal or a server fail only for that reason.
//
// Faults: F131.
func TestDocumentedCommandsWork(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for _, page := range []string{"kiosk.md", "kiosk.ja.md", "registry.md"} {
		t.Run(page, func(t *testing.T) {
			o := &office{TB: t, dir: t.TempDir()}
			o.database = "sqlite:" + o.path("kiosk.db")
			o.write("campaign.toml", o.demo())
			programs := t.TempDir()
			require.NoError(t, os.Symlink(self, filepath.Join(programs, "kiosk")))
			require.NoError(t, os.WriteFile(filepath.Join(programs, "card-info"), []byte(doctest.MakeKey), 0o755))
			require.NoError(t, os.Mkdir(o.path("backup"), 0o700))
			ca, err := fleettls.NewCA(time.Now())
			require.NoError(t, err)
			for name, role := range map[string]registry.Role{"c-7": registry.RoleClerk, "office": registry.RoleTerminal} { // from mykey-server
				bundle, err := ca.NewBundle(name, role, 30, time.Now())
				require.NoError(t, err)
				text, err := bundle.RevealText()
				require.NoError(t, err)
				require.NoError(t, keyfile.WriteNew(o.path(name+".pem"), text))
			}
			text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
			require.NoError(t, err)
			id, ran := "", 0
			for _, line := range doctest.Commands(string(text)) {
				if program, _, _ := strings.Cut(line, " "); program != "kiosk" && program != "card-info" && program != "cat" {
					continue
				}
				ran++
				usesRegistry := strings.Contains(line, "--registry") && !strings.HasPrefix(line, "kiosk check")
				if usesRegistry && id == "" {
					id = o.visit(authenticated(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
				}
				c := exec.Command("/bin/sh", "-c", strings.NewReplacer("/var/lib/mykeykit-kiosk/", o.dir+"/", "/backup/", o.dir+"/backup/", "7K2M-9QXR", id).Replace(line))
				c.Dir = o.dir
				c.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "LC_ALL=C", "GORACE=atexit_sleep_ms=0"}
				output, err := c.CombinedOutput()
				if err != nil {
					assert.Regexp(t, `\[(NO_TERMINAL|READER_NOT_FOUND|PCSC_[A-Z]+|DATABASE_UNAVAILABLE)\]`, string(output), line)
					if !strings.Contains(line, "--server") {
						assert.NotContains(t, string(output), "DATABASE_UNAVAILABLE", line)
					}
				}
				assert.NotContains(t, string(output), "[USAGE]", line)
			}
			if page != "registry.md" {
				assert.Greater(t, ran, 20, "lines found")
			}
		})
	}
}
