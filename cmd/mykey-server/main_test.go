package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/sourcetest"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var today = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// result is the result of a run.
type result struct {
	exit           int
	stdout, stderr string
}

// office runs the command in a folder of its own.
type office struct {
	testing.TB
	folder   string
	locale   string
	now      time.Time
	openDesk func(ctx context.Context, url, namespace string, as registry.Terminal) (desk, error)
}

func newOffice(t testing.TB) *office {
	return &office{TB: t, folder: t.TempDir(), locale: "en_US.UTF-8", now: today, openDesk: openDesk}
}

func (o *office) environment(stdout, stderr *bytes.Buffer) environment {
	return environment{
		stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, now: func() time.Time { return o.now }, drain: func() {},
		getenv:   func(name string) string { return map[string]string{"LANG": o.locale}[name] },
		openDesk: o.openDesk,
	}
}

func (o *office) run(args ...string) result {
	o.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(o.Context(), time.Minute)
	defer cancel()
	exit := execute(ctx, args, o.environment(&stdout, &stderr))
	return result{exit, stdout.String(), stderr.String()}
}

// does runs a command that must succeed.
func (o *office) does(args ...string) string {
	o.Helper()
	r := o.run(args...)
	require.Zero(o, r.exit, "%v: %s", args, r.stderr)
	fits(o, strings.ReplaceAll(r.stdout, o.folder, "FOLDER"))
	return r.stdout
}

// fails runs a command that must fail with a code, and returns what it says.
func (o *office) fails(code string, exit int, args ...string) string {
	o.Helper()
	r := o.run(args...)
	assert.Equal(o, exit, r.exit, "%v: %s", args, r.stderr)
	assert.Contains(o, r.stderr, "  ["+code+"] ", "%v", args)
	assert.Empty(o, r.stdout)
	fits(o, strings.ReplaceAll(r.stderr, o.folder, "FOLDER"))
	return r.stderr
}

func (o *office) path(elements ...string) string {
	return filepath.Join(append([]string{o.folder}, elements...)...)
}

func (o *office) read(elements ...string) []byte {
	o.Helper()
	text, err := os.ReadFile(o.path(elements...))
	require.NoError(o, err)
	return text
}

func (o *office) write(name, content string) string {
	o.Helper()
	require.NoError(o, os.WriteFile(o.path(name), []byte(content), 0o600))
	return o.path(name)
}

var demo = filepath.Join("..", "kiosk", "campaigns", "demo.toml")

var hash = regexp.MustCompile(`[0-9a-f]{64}$`)

// fits is like clitest.Fits, except for JSON and the heads of an audit.
func fits(t testing.TB, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "{") && !hash.MatchString(strings.TrimSuffix(line, "\n")) {
			clitest.Fits(t, line)
		}
	}
}

// The help is in the language of the locale or of --lang and lists the flags of each command.
func TestGoldenHelp(t *testing.T) {
	o := newOffice(t)
	for language, locale := range map[string]string{"ja": "ja_JP.UTF-8", "en": "C"} {
		o.locale = locale
		var b strings.Builder
		for _, name := range []string{"", "init", "migrate", "renew-certificate", "enroll", "revoke", "status", "serve", "audit", "operator-keygen",
			"applications", "statistics", "backup", "restore", "erase", "purge"} {
			b.WriteString("$ mykey-server help " + name + "\n" + o.does(strings.Fields("help "+name)...) + "\n")
		}
		clitest.Golden(t, "help-"+language+".txt", b.String())
	}
	assert.Contains(t, o.does("help", "--lang", "ja"), "使い方:")
	assert.Equal(t, o.does("help"), o.does())
	assert.Regexp(t, `^mykey-server \S+\n$`, o.does("--version"))
}

// Failures are reported in the operator's language with a code and an exit code.
func TestGoldenFailures(t *testing.T) {
	o := initialized(t)
	with := o.with
	o.does(with("enroll", "--out", o.path("counter-1.pem"), "counter-1")...)
	o.does(with("enroll", "--out", o.path("counter-3.pem"), "counter-3")...)
	o.does(with("revoke", "counter-3")...)
	o.does("operator-keygen", o.path("operator.private"), o.path("operator.public"))
	words := o.write("words", "no certificate")
	operator := func(more ...string) []string {
		return with("serve", append([]string{"--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"}, more...)...)
	}
	said := map[string]string{}
	for _, c := range []struct {
		code string
		exit int
		args []string
	}{
		{"USAGE", 2, []string{"surprise"}},
		{"USAGE", 2, []string{"--lang", "fr"}},
		{"USAGE", 2, []string{"init", "--folder", o.path("new")}},
		{"USAGE", 2, with("enroll")},
		{"USAGE", 2, with("enroll", "--days", "many", "counter-2")},
		{"USAGE", 2, []string{"status"}},
		{"DATABASE_URL", 2, []string{"status", "--campaign", demo, "--registry", "mysql://somewhere"}},
		{"DATABASE_UNAVAILABLE", 1, []string{"status", "--campaign", demo, "--registry", "sqlite:" + o.path("none.db")}},
		{"DATABASE_UNAVAILABLE", 1, with("enroll", "--registry", "sqlite:"+o.path("none.db"), "--out", o.path("2.pem"), "counter-2")},
		{"FILE", 2, []string{"status", "--campaign", o.path("none.toml")}},
		{"CAMPAIGN_FILE", 2, []string{"status", "--campaign", words}},
		{"INITIALIZED", 1, []string{"init", "--folder", o.folder, "--name", "server.example"}},
		{"HOST_NAME", 2, []string{"init", "--folder", o.path("new"), "--name", "server.example", "--name", "https://server.example"}},
		{"TERMINAL_NAME", 2, []string{"init", "--folder", o.path("new"), "--name", "server.example", "--server", "a b"}},
		{"SERVER_FOLDER", 2, []string{"init", "--folder", o.path("new"), "--name", "server.example", "--from", o.path("none")}},
		{"SERVER_FOLDER", 2, []string{"renew-certificate", "--folder", o.path("none")}},
		{"HOST_NAME", 2, []string{"renew-certificate", "--folder", o.folder, "--name", "*"}},
		{"SERVER_FOLDER", 2, []string{"enroll", "--folder", o.path("none"), "--campaign", demo, "counter-2"}},
		{"TERMINAL_NAME", 2, with("enroll", "--out", o.path("2.pem"), "counter 2")},
		{"CERTIFICATE_LIFETIME", 2, with("enroll", "--out", o.path("2.pem"), "--days", "9999", "counter-2")},
		{"CERTIFICATE_LIFETIME", 2, with("enroll", "--out", o.path("2.pem"), "--days", "0", "counter-2")},
		{"TERMINAL_ENROLLED", 1, with("enroll", "--out", o.path("2.pem"), "counter-1")},
		{"TERMINAL_REVOKED", 1, with("enroll", "--out", o.path("counter-3.pem"), "counter-3")},
		{"CLERK_CODE", 2, with("enroll", "--out", o.path("2.pem"), "--clerk", strings.Repeat("x", 33))},
		{"FILE_EXISTS", 1, with("enroll", "--out", words, "counter-2")},
		{"FILE_EXISTS", 1, with("enroll", "--out", o.path("counter-1.pem"), "counter-2")},
		{"TERMINAL_UNKNOWN", 1, with("revoke", "counter-9")},
		{"KEY_FILE", 2, with("revoke", "--desk-key", words, "counter-1")},
		{"OPERATOR_KEY_MISSING", 2, operator()},
		{"KEY_FILE", 2, operator("--operator-key", words)},
		{"CERTIFICATE_FILE", 2, operator("--certificate", words)},
		{"CERTIFICATE_FILE", 2, operator("--client-ca", words)},
		{"CERTIFICATE_FILE", 2, operator("--client-ca", o.path("none"))},
		{"CERTIFICATE_FILE", 2, []string{"serve", "--folder", o.path("none"), "--campaign", demo, "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"}},
		{"LISTEN", 2, with("serve", "--listen", "127.0.0.1")},
		{"LISTEN", 2, with("serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1")},
		{"KEY_FILE", 2, with("audit", "--keys", words)},
		{"HEADS_FILE", 2, with("audit", "--heads", words)},
		{"DATABASE_UNAVAILABLE", 1, with("audit", "--registry", "sqlite:"+o.path("none.db"))},
		{"KEY_FILE", 2, with("applications")},
		{"KEY_FILE", 2, []string{"applications", "--folder", o.path("none"), "--campaign", demo, "--operator-private-key", o.path("operator.private")}},
		{"DATABASE_UNAVAILABLE", 1, with("applications", "--operator-private-key", o.path("operator.private"), "--registry", "sqlite:"+o.path("none.db"))},
		{"USAGE", 2, with("purge", "--clerk", "c-7", "--confirm", "other.example")},
		{"ID_NOT_FOUND", 1, with("erase", "--clerk", "c-7", "00000000")},
		{"BACKUP_INVALID", 2, []string{"restore", "--registry", "sqlite:" + o.path("registry.db"), words}},
		{"USAGE", 2, []string{"backup", "--registry", "postgres://localhost/registry", o.path("copy")}},
		{"USAGE", 2, []string{"statistics", "--campaign", demo, "--day", "today"}},
	} {
		for language, locale := range map[string]string{"ja": "ja_JP.UTF-8", "en": "C"} {
			o.locale = locale
			said[language] += strings.ReplaceAll(o.fails(c.code, c.exit, c.args...), o.folder, "FOLDER") + "\n"
		}
	}
	assert.NoDirExists(t, o.path("new"))
	assert.NoFileExists(t, o.path("2.pem"))
	assert.NoFileExists(t, o.path("none.db"))
	clitest.Golden(t, "refused-ja.txt", said["ja"])
	clitest.Golden(t, "refused-en.txt", said["en"])
}

// Every failure of this command has its own message, in both languages.
func TestMessages(t *testing.T) {
	for _, m := range own {
		got := messageOf(errors.Join(errors.New("wrapped"), m.err))
		assert.Equal(t, m.message, got)
		for _, text := range []Text{got.What, got.Next} {
			assert.NotEmpty(t, text.JA, m.err)
			assert.NotEmpty(t, text.EN, m.err)
		}
		assert.NotEmpty(t, got.Code, m.err)
	}

	known := map[string]error{
		"fleettls.ErrCA": fleettls.ErrCA, "fleettls.ErrHost": fleettls.ErrHost, "fleettls.ErrIdentity": fleettls.ErrIdentity, "fleettls.ErrLifetime": fleettls.ErrLifetime,
		"fleettls.ErrName": fleettls.ErrName, "fleettls.ErrServerCertificate": fleettls.ErrServerCertificate, "pki.ErrFolder": pki.ErrFolder,
		// Commands replace this one, and connections end with the others.
		"fleettls.ErrBundle": nil, "fleettls.ErrExpired": nil, "fleettls.ErrNoCertificate": nil, "fleettls.ErrNotYetValid": nil, "fleettls.ErrOtherHost": nil,
		"fleettls.ErrRejected": nil, "fleettls.ErrUnknownCA": nil, "fleettls.ErrUsage": nil,
	}
	exported := append(sourcetest.Errors(t, filepath.Join("..", "..", "internal", "fleettls")), sourcetest.Errors(t, filepath.Join("internal", "pki"))...)
	assert.ElementsMatch(t, exported, slices.Collect(maps.Keys(known)))
	for name, err := range known {
		if err != nil {
			assert.NotEqual(t, message.Failed, messageOf(err).Code, name)
		}
	}
}

// The command and the flags in the unit exist, and the unit names the keys that only commands need.
func TestUnitUsesExistingFlags(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("packaging", "mykey-server.service"))
	require.NoError(t, err)
	unit := strings.ReplaceAll(string(text), "\\\n", " ")
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/mykey-server (.*)$`).FindStringSubmatch(unit)
	require.NotNil(t, start)
	words := strings.Fields(strings.ReplaceAll(start[1], "$SERVER_OPTIONS", "--ca-certificate ca.cer --listen :443 --no-migrate"))
	o := newOffice(t)
	p := &program{environment: o.environment(&bytes.Buffer{}, &bytes.Buffer{})}
	p.Console, err = cli.New(command, nil, io.Discard, io.Discard, p.getenv)
	require.NoError(t, err)
	c, args, err := p.command().Find(words)
	require.NoError(t, err)
	require.NoError(t, c.ParseFlags(args))
	assert.Equal(t, "serve", c.Name())
	assert.Empty(t, c.Flags().Args())
	for _, key := range []pki.File{pki.CAKey, pki.DeskKey} {
		assert.Contains(t, unit, "-"+pki.Path("/var/lib/mykey-server", key))
	}
}
