package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
)

// pages are the documents for the operator of a server.
var pages = []string{"server.md", "server.ja.md"}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	require.NoError(t, err)
	return string(text)
}

// makeCA makes the CA that an operator has.
const makeCA = `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out own-ca.key &&
openssl req -x509 -new -key own-ca.key -subj "/CN=Own CA" -days 3650 -addext keyUsage=critical,keyCertSign -out own-ca.pem`

// The operator's commands in the document work as written, in their order, with SQLite in place
// of PostgreSQL. Those that install something or need a terminal are not run.
func TestDocumentedCommandsWork(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed (Debian: apt-get install openssl)")
	}
	programs, folder := t.TempDir(), t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(programs, "mykey-server"), ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.WriteFile(filepath.Join(programs, "card-info"), []byte(doctest.MakeKey), 0o755))
	campaign, err := os.ReadFile(demo)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "campaign.toml"), campaign, 0o600))
	shell := func(line string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), "/bin/sh", "-c", line)
		c.Dir, c.Env = folder, []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "LC_ALL=C"}
		return c
	}
	out, err = shell(makeCA).CombinedOutput()
	require.NoError(t, err, "%s", out)

	run := map[string]bool{"mykey-server": true, "card-info": true, "cat": true, "mv": true, "rm": true, "openssl": true, "printf": true}
	database := regexp.MustCompile(`postgres://\S+`)
	folders := strings.NewReplacer("/etc/mykey-server/", "", "/backup/", "")
	ran := 0
	for _, line := range doctest.Commands(page(t, pages[0])) {
		if program, _, _ := strings.Cut(line, " "); !run[program] {
			continue
		}
		ran++
		line = database.ReplaceAllString(folders.Replace(line), "sqlite:registry.db")
		if strings.HasPrefix(line, "mykey-server serve ") {
			servesAsDocumented(t, shell("exec "+line+" --listen 127.0.0.1:0 --operator-listen 127.0.0.1:0"))
			continue
		}
		out, err := shell(line).CombinedOutput()
		require.NoError(t, err, "%s\n%s", line, out)
	}
	assert.Greater(t, ran, 25, "lines found")
}

// servesAsDocumented starts a server, waits until it is ready, and stops it.
func servesAsDocumented(t *testing.T, c *exec.Cmd) {
	t.Helper()
	output, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	var started struct{ Msg, Operator string }
	decoder := json.NewDecoder(output)
	if err := decoder.Decode(&started); err != nil {
		rest, _ := io.ReadAll(io.MultiReader(decoder.Buffered(), output))
		require.NoError(t, err, "%s", rest)
	}
	require.Equal(t, "started", started.Msg)
	client := http.Client{Timeout: time.Minute}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		r, err := client.Get("http://" + started.Operator + path)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, r.StatusCode, path)
		require.NoError(t, r.Body.Close())
	}
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	_, err = io.Copy(io.Discard, output)
	require.NoError(t, err)
	assert.NoError(t, c.Wait())
}

// Both documents have the same commands and the same structure. They describe
// every metric of the server. The files that they name exist.
func TestDocuments(t *testing.T) {
	assert.Equal(t, doctest.Commands(page(t, pages[0])), doctest.Commands(page(t, pages[1])))
	source, err := os.ReadFile("metrics.go")
	require.NoError(t, err)
	metrics := regexp.MustCompile(`Name: "(mykeykit_\w+)"`).FindAllSubmatch(source, -1)
	require.NotEmpty(t, metrics)
	var shapes [][]string
	for _, name := range pages {
		text := page(t, name)
		for _, metric := range metrics {
			assert.True(t, regexp.MustCompile("(?m)^\\| `"+string(metric[1])+"[`{]").MatchString(text), "%s: %s", name, metric[1])
		}
		for _, file := range regexp.MustCompile(`\]\(([^)#:]+)|[\s`+"`"+`](cmd/[\w./-]+)`).FindAllStringSubmatch(text, -1) {
			path := filepath.Join("..", "..", "docs", file[1])
			if file[2] != "" {
				path = filepath.Join("..", "..", file[2])
			}
			_, err := os.Stat(path)
			assert.NoError(t, err, name)
		}
		var shape []string
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "- ") {
				first, _, _ := bytes.Cut([]byte(line), []byte(" "))
				shape = append(shape, string(first))
			}
		}
		shapes = append(shapes, shape)
	}
	assert.Equal(t, shapes[0], shapes[1])
}
