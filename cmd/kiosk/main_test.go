package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// outcome is the result of a run.
type outcome struct {
	exit           int
	stdout, stderr string
}

// testEnv is the environment of the command in a test.
type testEnv struct {
	driver reader.Driver
	locale string        // default: English
	tty    *fakeTerminal // nil if there is none
}

func (d testEnv) environment(stdout, stderr io.Writer) environment {
	if d.locale == "" {
		d.locale = "en_US.UTF-8"
	}
	if d.driver == nil {
		d.driver = simulator.New()
	}
	return environment{
		terminal: d.terminal,
		stdin:    strings.NewReader(""), stdout: stdout, stderr: stderr, driver: d.driver, now: time.Now,
		getenv: func(name string) string { return map[string]string{"LANG": d.locale}[name] },
	}
}

func (d testEnv) terminal() (tty.Terminal, error) {
	if d.tty == nil {
		return nil, errors.New("no terminal")
	}
	return d.tty, nil
}

// fakeTerminal is a terminal with scripted answers.
type fakeTerminal struct {
	shown bytes.Buffer
	types []string            // the answers to the prompts
	does  func(output string) // called with each output, if not nil
	asked int
}

func (p *fakeTerminal) Write(b []byte) (int, error) {
	if p.does != nil {
		p.does(string(b))
	}
	return p.shown.Write(b)
}

func (p *fakeTerminal) Close() error     { return nil }
func (p *fakeTerminal) Hide() error      { return nil }
func (p *fakeTerminal) DiscardTyped()    {}
func (p *fakeTerminal) Background() bool { return false }
func (p *fakeTerminal) ReadHidden(context.Context) ([]byte, error) {
	p.asked++
	if p.asked > len(p.types) {
		return nil, io.EOF
	}
	return []byte(p.types[p.asked-1]), nil
}

func (d testEnv) run(t testing.TB, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	exit := execute(ctx, args, d.environment(&stdout, &stderr))
	return outcome{exit, stdout.String(), stderr.String()}
}

// newProgram returns a program for tests of its methods.
func newProgram(stdout, stderr io.Writer, args ...string) *program {
	p := &program{environment: testEnv{}.environment(stdout, stderr)}
	p.Console, _ = cli.New("kiosk", args, stdout, stderr, p.getenv)
	return p
}

// command returns the root command, which writes to out.
func command(out io.Writer) *cobra.Command { return newProgram(out, io.Discard).command() }

var demo = filepath.Join("campaigns", "demo.toml")

// The help is in the language of the locale or of --lang and lists the flags of each
// command.
//
// Faults: F126.
func TestGoldenHelp(t *testing.T) {
	for language, locale := range map[string]string{"ja": "ja_JP.UTF-8", "en": "C"} {
		var b strings.Builder
		names := []string{""}
		for _, c := range command(io.Discard).Commands() {
			if !c.Hidden && c.Name() != "help" && c.Name() != "completion" {
				names = append(names, c.Name())
			}
		}
		for _, name := range names {
			o := testEnv{locale: locale}.run(t, strings.Fields("help "+name)...)
			require.Zero(t, o.exit, o.stderr)
			b.WriteString("$ kiosk help " + name + "\n" + o.stdout + "\n")
		}
		clitest.Fits(t, b.String())
		clitest.Golden(t, "help-"+language+".txt", b.String())
	}
	assert.Contains(t, testEnv{}.run(t, "help", "--lang", "ja").stdout, "使い方:")
	assert.Contains(t, testEnv{locale: "ja_JP.UTF-8"}.run(t, "help", "--lang=en").stdout, "Usage:")
}

// --version prints the version.
func TestVersion(t *testing.T) {
	o := testEnv{}.run(t, "--version")
	assert.Zero(t, o.exit)
	assert.Regexp(t, `^kiosk \S+\n$`, o.stdout)
}

// Errors that prevent the kiosk from starting are reported in the operator's language
// with a code and an exit code.
//
// Faults: F85, F126.
func TestStartupErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	namespaceKey := write("namespace.key", strings.Repeat("5a", 32))
	registryKey := write("registry.key", strings.Repeat("a5", 32))
	public := filepath.Join(dir, "public")
	require.Zero(t, testEnv{}.run(t, "operator-keygen", filepath.Join(dir, "private"), public).exit)
	campaigns, err := os.ReadFile(demo)
	require.NoError(t, err)
	misspelt := write("misspelt.toml", strings.NewReplacer("contact]", "contacts]", `"2026-01-01"`, `2026-01-01T00:00:00Z`).Replace(string(campaigns)))
	terminalKey := filepath.Join(dir, "terminal.key")
	require.Zero(t, testEnv{}.run(t, "terminal-keygen", "counter-1", terminalKey, filepath.Join(dir, "terminal.public")).exit)
	ca, err := fleettls.NewCA(time.Now())
	require.NoError(t, err)
	bundle := func(name string, role registry.Role) string {
		b, err := ca.NewBundle(name, role, 30, time.Now())
		require.NoError(t, err)
		text, err := b.RevealText()
		require.NoError(t, err)
		return write(name+".pem", string(text))
	}
	counter, clerk := bundle("counter-1", registry.RoleTerminal), bundle("c-7", registry.RoleClerk)
	working := []string{"--campaign", demo, "--terminal-key", terminalKey, "--namespace-key", namespaceKey, "--registry-key", registryKey, "--operator-key", public, "--registry", "sqlite:" + filepath.Join(dir, "kiosk.db")}
	with := func(more ...string) []string { return append(working[:len(working):len(working)], more...) }
	var said = map[string]string{}
	for _, tt := range []struct {
		code string
		exit int
		args []string
	}{
		{"USAGE", cli.ExitUsage, nil},
		{"USAGE", cli.ExitUsage, []string{"surprise"}},
		{"USAGE", cli.ExitUsage, []string{"--lang", "fr"}},
		{"USAGE", cli.ExitUsage, []string{"--surprise"}},
		{"USAGE", cli.ExitUsage, []string{"audit", "--url-file", "x"}},
		{"USAGE", cli.ExitUsage, []string{"operator-keygen", "one"}},
		{"USAGE", cli.ExitUsage, []string{"--campaign", demo, "--simulate", "--listen", "0.0.0.0:0"}},
		{"USAGE", cli.ExitUsage, []string{"--campaign", demo, "--simulate", "--listen", "localhost"}},
		{"USAGE", cli.ExitUsage, []string{"--campaign", demo, "--simulate", "--log", "xml"}},
		{"USAGE", cli.ExitUsage, with("--other-keys", "1")},
		{"FILE", cli.ExitUsage, []string{"--campaign", "nonexistent.toml"}},
		{"CAMPAIGN_FILE", cli.ExitUsage, []string{"--campaign", "main.go"}},
		{"CAMPAIGN_FILE", cli.ExitUsage, []string{"--campaign", misspelt}},
		{"OPERATOR_KEY_MISSING", cli.ExitUsage, []string{"--campaign", demo, "--namespace-key", namespaceKey, "--registry-key", registryKey}},
		{"KEY_FILE", cli.ExitUsage, []string{"--campaign", demo, "--operator-key", public}},
		{"KEY_FILE", cli.ExitUsage, []string{"--campaign", demo, "--operator-key", demo}},
		{"KEY_FILE", cli.ExitUsage, with("--other-keys", "2="+registryKey+","+filepath.Join(dir, "none"))},
		{"SAME_KEYS", cli.ExitUsage, with("--registry-key", namespaceKey)},
		{"AUTHORITY_FILE", cli.ExitUsage, with("--ca-certificate", demo)},
		{"KEY_EXISTS", cli.ExitFailed, []string{"operator-keygen", public, filepath.Join(dir, "other")}},
		{"DATABASE_URL", cli.ExitUsage, with("--registry", "mysql://somewhere")},
		{"TERMINAL_NAME", cli.ExitUsage, []string{"terminal-keygen", "a b", filepath.Join(dir, "1"), filepath.Join(dir, "2")}},
		{"KEY_FILE", cli.ExitUsage, with("--terminal-key", public)},
		{"KEY_FILE", cli.ExitUsage, []string{"audit", "--campaign", demo, "--terminals", public}},
		{"USAGE", cli.ExitUsage, []string{"audit", "--campaign", demo}},
		{"DATABASE_UNAVAILABLE", cli.ExitFailed, []string{"audit", "--campaign", demo, "--terminals", filepath.Join(dir, "terminal.public"), "--registry", "sqlite:" + filepath.Join(dir, "none.db")}},
		{"DATABASE_UNAVAILABLE", cli.ExitFailed, []string{"applications", "--campaign", demo, "--terminals", filepath.Join(dir, "terminal.public"), "--terminal-key", terminalKey, "--operator-private-key", filepath.Join(dir, "private"), "--registry", "sqlite:" + filepath.Join(dir, "none.db")}},
		{"DATABASE_UNAVAILABLE", cli.ExitFailed, []string{"statistics", "--campaign", demo, "--registry", "sqlite:" + filepath.Join(dir, "none.db")}},
		{"USAGE", cli.ExitUsage, []string{"statistics", "--campaign", demo, "--day", "today"}},
		{"USAGE", cli.ExitUsage, []string{"renew", "--clerk", "c1"}},
		{"USAGE", cli.ExitUsage, []string{"renew", "--old-card", "--clerk", "c1"}},
		{"ID_FORMAT", cli.ExitUsage, []string{"renew", "--clerk", "c1", "0000"}},
		{"USAGE", cli.ExitUsage, []string{"renew", "--server", "https://s", "--bundle", "x", "--clerk", "c1", "7K2M9QXR"}},
		{"USAGE", cli.ExitUsage, []string{"renew", "--server", "https://s", "--bundle", clerk, "--old-card"}},
		{"NOT_CLERK", cli.ExitFailed, []string{"merge", "--server", "https://s", "--bundle", counter, "00000000"}},
		{"USAGE", cli.ExitUsage, []string{"purge", "--campaign", demo, "--clerk", "c1", "--confirm", "other"}},
		{"RECORDS_FOLDER", cli.ExitUsage, []string{"counter", "--records", demo}},
		{"AUTHORITY_KEY", cli.ExitUsage, []string{"counter", "--authority", demo}},
		{"USAGE", cli.ExitUsage, []string{"counter", "--campaign", demo}},
		{"USAGE", cli.ExitUsage, []string{"backup", "--registry", "postgres://localhost/registry", filepath.Join(dir, "copy")}},
	} {
		for language, locale := range map[string]string{"ja": "ja_JP.UTF-8", "en": "C"} {
			o := testEnv{locale: locale}.run(t, tt.args...)
			assert.Equal(t, tt.exit, o.exit, "%v: %s", tt.args, o.stderr)
			assert.Contains(t, o.stderr, "  ["+tt.code+"] ", "%v", tt.args)
			assert.Empty(t, o.stdout)
			clitest.Fits(t, o.stderr)
			said[language] += strings.ReplaceAll(o.stderr, dir, "FOLDER") + "\n"
		}
	}
	_, err = os.Stat(filepath.Join(dir, "none.db"))
	require.ErrorIs(t, err, os.ErrNotExist, "no database is made")
	clitest.Golden(t, "refused-ja.txt", said["ja"])
	clitest.Golden(t, "refused-en.txt", said["en"])
}

// With simulated cards the command prints the URLs of the panel and the terminal, and
// stops when its context is done.
func TestSimulate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	ended := make(chan error, 1)
	go func() {
		defer writer.Close()
		c := command(writer)
		c.SetArgs([]string{"--simulate", "--campaign", demo})
		ended <- c.ExecuteContext(ctx)
	}()
	var printed []byte
	address := regexp.MustCompile(`panel: +(\S+)\nterminal: (\S+)\n`)
	for !address.Match(printed) {
		b := make([]byte, 1024)
		n, err := reader.Read(b)
		require.NoError(t, err)
		printed = append(printed, b[:n]...)
	}
	found := address.FindSubmatch(printed)
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for url, want := range map[string]int{string(found[1]): http.StatusOK, string(found[2]): http.StatusSeeOther} {
		answer, err := client.Get(url)
		require.NoError(t, err)
		answer.Body.Close()
		assert.Equal(t, want, answer.StatusCode, url)
	}
	answer, err := client.Post(string(found[1]), "application/x-www-form-urlencoded", bytes.NewReader([]byte("do=insert&card=contact")))
	require.NoError(t, err)
	answer.Body.Close()
	assert.Equal(t, http.StatusForbidden, answer.StatusCode, "other pages can't insert cards")
	cancel()
	require.NoError(t, <-ended)
}
