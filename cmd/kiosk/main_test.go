package main

import (
	"bytes"
	"context"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

func runs(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command(&out)
	c.SetArgs(args)
	c.SetErr(&bytes.Buffer{})
	c.SetOut(&bytes.Buffer{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

func TestFlagsThatAreRefused(t *testing.T) {
	demo := filepath.Join("campaigns", "demo.toml")
	for want, args := range map[string][]string{
		"--campaign":      {},
		"no such file":    {"--campaign", "nonexistent.toml"},
		"not a campaign":  {"--campaign", "main.go"},
		"--lang":          {"--campaign", demo, "--lang", "fr"},
		"this machine":    {"--campaign", demo, "--simulate", "--listen", "0.0.0.0:0"},
		"machine alone":   {"--campaign", demo, "--simulate", "--listen", "localhost"},
		"--namespace-key": {"--campaign", demo},
		"unknown command": {"surprise"},
		"--authority":     {"--campaign", demo, "--authority", demo},
	} {
		_, err := runs(t, args...)
		require.ErrorContains(t, err, want)
	}
}

// What keeps the kiosk from starting is said in the operator's language.
//
// Faults: F85.
func TestExplain(t *testing.T) {
	demo := filepath.Join("campaigns", "demo.toml")
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, bytes.Repeat([]byte("5a"), 32), 0o600))
	keys := []string{"--campaign", demo, "--namespace-key", key, "--registry-key", key}
	for code, args := range map[string][]string{
		"CAMPAIGN_FILE": {"--campaign", "main.go"},
		"DATABASE_URL":  append(keys[:len(keys):len(keys)], "--registry", "mysql://somewhere"),
		"TERMINAL_NAME": append(keys[:len(keys):len(keys)], "--terminal", "a b"),
	} {
		_, err := runs(t, args...)
		require.Error(t, err, code)
		var ja, en bytes.Buffer
		explain(&ja, err, message.Locale{Language: message.Japanese, Encoding: message.UTF8})
		explain(&en, err, message.Locale{Language: message.English, Encoding: message.UTF8})
		assert.Contains(t, ja.String(), "担当者の方へ", code)
		assert.Contains(t, en.String(), "For staff", code)
		assert.Contains(t, en.String(), "["+code+"]")
	}
	var nothing bytes.Buffer
	explain(&nothing, errNotLoopback, message.Locale{}) // says all by itself
	assert.Empty(t, nothing.String())
}

// Started with simulated cards, it prints where the panel and the terminal are, and
// ends with its context.
func TestSimulate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	ended := make(chan error, 1)
	go func() {
		defer writer.Close()
		c := command(writer)
		c.SetArgs([]string{"--simulate", "--campaign", filepath.Join("campaigns", "demo.toml")})
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
	assert.Equal(t, http.StatusForbidden, answer.StatusCode, "another page can't move cards")
	cancel()
	require.NoError(t, <-ended)
}

// The start URL goes to a file that nobody else can read, whatever was there.
func TestURLFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	var out bytes.Buffer
	require.NoError(t, options{urlFile: path}.announce("http://127.0.0.1:1/start?key=K", &out))
	assert.Empty(t, out.String())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "http://127.0.0.1:1/start?key=K\n", string(b))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
}

// The operator's way: keys, a terminal's applications opened with the private one, and
// the audit.
func TestOperator(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	_, err := runs(t, "operator-keygen", path("private"), path("public"))
	require.NoError(t, err)
	info, err := os.Stat(path("private"))
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
	_, err = runs(t, "operator-keygen", path("private"), path("other"))
	require.ErrorIs(t, err, os.ErrExist)

	require.NoError(t, os.WriteFile(path("namespace.key"), []byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), 0o600))
	require.NoError(t, os.WriteFile(path("registry.key"), []byte("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"), 0o600))
	flags := []string{
		"--campaign", filepath.Join("campaigns", "demo.toml"), "--registry", "sqlite:" + path("kiosk.db"),
		"--namespace-key", path("namespace.key"), "--registry-key", path("registry.key"), "--operator-key", path("public"),
	}
	o := options{campaign: flags[1], registry: flags[3], language: "ja", terminal: "t1", generation: 1, namespaceKey: flags[5], registryKey: flags[7], operatorKey: flags[9]}
	p, err := o.campaignOnly()
	require.NoError(t, err)
	p, err = o.openKept(t.Context(), p)
	require.NoError(t, err)
	holder := proved(t)
	_, err = p.registry.Reserve(t.Context(), registry.NewOperation(), holder, registry.RecoveryCode{})
	require.NoError(t, err)
	preview, err := p.registry.Preview(t.Context(), holder, registry.NewAccount("sample-pay", "0123456789", "4649"))
	require.NoError(t, err)
	_, err = p.registry.Confirm(t.Context(), registry.NewOperation(), preview)
	require.NoError(t, err)
	p.close()

	out, err := runs(t, append(flags, "applications", "--operator-private-key", path("private"))...)
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^identifier,service,account,code,applied\n[0-9A-Z]{8},sample-pay,0123456789,4649,20\S+Z\n$`, out)
	_, err = runs(t, append(flags, "applications", "--operator-private-key", path("public"))...)
	require.Error(t, err)
	out, err = runs(t, append(flags, "audit")...)
	require.NoError(t, err)
	assert.Regexp(t, `^t1 2 [0-9a-f]{64}\n$`, out)

	db, err := sql.Open("sqlite", path("kiosk.db"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec(`UPDATE audit SET made = made - 86400 WHERE number = 2`)
	require.NoError(t, err)
	_, err = runs(t, append(flags, "audit")...)
	var tampered *registry.AuditError
	require.ErrorAs(t, err, &tampered)
	assert.EqualValues(t, 2, tampered.Number)
}

// The operator's keys are both made, or neither.
//
// Faults: F90.
func TestOperatorKeysAreAPair(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("taken"), []byte("old"), 0o600))
	for _, args := range [][]string{
		{path("private"), path("taken")}, {path("taken"), path("public")}, {path("private"), path("no/such/folder")}, {path("private"), path("private")},
	} {
		_, err := runs(t, append([]string{"operator-keygen"}, args...)...)
		require.Error(t, err, args)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1, args)
	}
	old, err := os.ReadFile(path("taken"))
	require.NoError(t, err)
	assert.Equal(t, "old", string(old))

	_, err = runs(t, "operator-keygen", path("private"), path("public"))
	require.NoError(t, err)
	info, err := os.Stat(path("public"))
	require.NoError(t, err)
	assert.EqualValues(t, 0o644, info.Mode().Perm())
}

// A key that others may read or change is warned of, in the terminal's language; a
// public key only where they may change it.
//
// Faults: F95.
func TestKeysThatOthersMayUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte("00ff"), 0o600))
	for mode, warned := range map[os.FileMode]map[keyKind]bool{
		0o600: {}, 0o400: {}, 0o700: {},
		0o640: {secretKey: true}, 0o604: {secretKey: true}, 0o644: {secretKey: true},
		0o620: {secretKey: true, publicKey: true}, 0o602: {secretKey: true, publicKey: true}, 0o666: {secretKey: true, publicKey: true},
	} {
		require.NoError(t, os.Chmod(path, mode))
		for _, kind := range []keyKind{secretKey, publicKey} {
			for language, says := range map[string]string{"ja": "ほかの人も読み書きできる", "en": "others may read or change"} {
				var stderr bytes.Buffer
				raw, err := options{language: language, stderr: &stderr}.readHex(path, kind)
				require.NoError(t, err)
				assert.Equal(t, []byte{0x00, 0xff}, raw)
				if warned[kind] {
					assert.Contains(t, stderr.String(), says, mode)
				} else {
					assert.Empty(t, stderr.String(), mode)
				}
			}
		}
	}
}
