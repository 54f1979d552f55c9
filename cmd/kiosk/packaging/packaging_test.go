package packaging

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
)

func content(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(b)
}

var regexpKey = regexp.MustCompile(`name="key" value="([^"]+)"`)

// setting returns the values of a setting in a unit, with continued lines joined.
func setting(unit, name string) (values []string) {
	for line := range strings.Lines(strings.ReplaceAll(unit, "\\\n", " ")) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			values = append(values, strings.Join(strings.Fields(value), " "))
		}
	}
	return values
}

func services(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.service")
	require.NoError(t, err)
	require.Len(t, found, 3)
	return found
}

// analyze runs systemd-analyze, which does not need a running systemd.
func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err
}

// systemd accepts every line of the units.
func TestUnitsAreValid(t *testing.T) {
	root := t.TempDir()
	units := filepath.Join(root, "etc", "systemd", "system")
	require.NoError(t, os.MkdirAll(units, 0o755))
	timers, err := filepath.Glob("*.timer")
	require.NoError(t, err)
	names := append(services(t), timers...)
	for _, name := range names {
		unit := content(t, name)
		require.NoError(t, os.WriteFile(filepath.Join(units, name), []byte(unit), 0o644))
		for _, exec := range []string{"ExecStart", "ExecStartPre", "ExecStopPost"} {
			for _, command := range setting(unit, exec) {
				program := filepath.Join(root, strings.Fields(command)[0])
				require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o755))
				require.NoError(t, os.WriteFile(program, nil, 0o755))
			}
		}
	}
	for _, name := range []string{"sysinit.target", "basic.target", "shutdown.target", "multi-user.target", "graphical.target", "timers.target", "sockets.target"} {
		require.NoError(t, os.WriteFile(filepath.Join(units, name), []byte("[Unit]\nDescription=A target\n"), 0o644))
	}
	for _, dropIn := range []string{"", "postgresql.conf", "server.conf"} {
		folder := filepath.Join(units, "mykeykit-kiosk.service.d")
		require.NoError(t, os.RemoveAll(folder))
		if dropIn != "" {
			require.NoError(t, os.Mkdir(folder, 0o755))
			example := content(t, "mykeykit-kiosk.service.d", dropIn+".example")
			require.NoError(t, os.WriteFile(filepath.Join(folder, dropIn), []byte(example), 0o644))
		}
		out, err := analyze(t, append([]string{"verify", "--man=no", "--root=" + root}, names...)...)
		require.NoError(t, err, out)
		assert.Empty(t, out)
	}

	broken := filepath.Join(units, "mykeykit-audit.service")
	require.NoError(t, os.WriteFile(broken, []byte("[Service]\nExecStart=/usr/local/bin/kiosk\nNoSuchSetting=yes\n"), 0o644))
	out, _ := analyze(t, "verify", "--man=no", "--root="+root, "mykeykit-audit.service")
	assert.Contains(t, out, "NoSuchSetting", "systemd-analyze reports unknown settings")
}

// systemd-analyze rates the exposure of every service below 3.0 of 10.
func TestUnitsAreHardened(t *testing.T) {
	for _, name := range services(t) {
		path, err := filepath.Abs(name)
		require.NoError(t, err)
		out, err := analyze(t, "security", "--offline=true", "--threshold=29", "--no-pager", path)
		assert.NoError(t, err, out)
		_, rating, _ := strings.Cut(out, "exposure level for ")
		t.Log(strings.TrimSpace(rating))
		unit := content(t, name)
		assert.Equal(t, []string{"0"}, setting(unit, "LimitCORE"), name)
		assert.Equal(t, []string{"yes"}, setting(unit, "NoNewPrivileges"), name)
	}
}

// The browser has its own user and starts when the start page exists. Its command line
// contains no secret.
//
// Faults: F122, F123.
func TestUnitStartsTheBrowser(t *testing.T) {
	kiosk, browser := content(t, "mykeykit-kiosk.service"), content(t, "mykeykit-browser.service")
	const page = "/run/mykeykit-kiosk/start.html"
	assert.Equal(t, []string{"notify"}, setting(kiosk, "Type"))
	assert.Contains(t, setting(kiosk, "ExecStart")[0], " --start-page "+page)
	assert.Equal(t, []string{"/run/mykeykit-kiosk"}, setting(kiosk, "ReadWritePaths"))
	assert.Equal(t, []string{"mykeykit-kiosk.service"}, setting(browser, "Requires"))
	assert.Contains(t, setting(browser, "After")[0], "mykeykit-kiosk.service")
	assert.Equal(t, []string{"/usr/bin/test -r " + page}, setting(browser, "ExecStartPre"))
	assert.Equal(t, []string{"always"}, setting(browser, "Restart"))
	assert.Equal(t, []string{"0"}, setting(browser, "StartLimitIntervalSec"), "no start limit")
	command := setting(browser, "ExecStart")[0]
	assert.Equal(t, page, strings.TrimPrefix(command[strings.LastIndex(command, " ")+1:], "file://"))
	assert.NotRegexp(t, `https?:|[$%]|/sh `, command)
	assert.NotContains(t, kiosk+browser, "key=")

	user := setting(kiosk, "User")[0]
	assert.NotEqual(t, user, setting(browser, "User")[0])
	for _, name := range services(t) {
		assert.Contains(t, content(t, "mykeykit.sysusers"), "\nu "+setting(content(t, name), "User")[0]+" ", name)
	}
	assert.Contains(t, content(t, "mykeykit.tmpfiles"), "\nd /run/mykeykit-kiosk 2750 "+user+" "+setting(browser, "User")[0]+"\n")
	assert.Contains(t, content(t, "mykeykit.polkit.rules"), `subject.user == "`+user+`"`)
	assert.Equal(t, []string{user}, setting(content(t, "pcscd.socket.conf"), "SocketGroup"))
	assert.Equal(t, []string{"0660"}, setting(content(t, "pcscd.socket.conf"), "SocketMode"))
	assert.Equal(t, []string{"-/run/pcscd"}, setting(browser, "InaccessiblePaths"))
	assert.Contains(t, policy(t)["URLAllowlist"], "file://"+page)
}

func policy(t *testing.T) (p map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(content(t, "mykeykit.chromium.json")), &p))
	return p
}

// The installed Chromium knows the names of all policies. It would ignore unknown
// names.
func TestChromiumKnowsThePolicies(t *testing.T) {
	program, err := os.ReadFile("/usr/lib/chromium/chromium")
	if err != nil {
		pcscdtest.Skip(t, "chromium is not installed (Debian: apt-get install chromium)")
	}
	unknown := policy(t)
	unknown["NoSuchPolicyEnabled"] = true
	for word := range bytes.SplitSeq(program, []byte{0}) {
		if len(word) < 60 {
			delete(unknown, string(word))
		}
	}
	assert.Equal(t, map[string]any{"NoSuchPolicyEnabled": true}, unknown)
}

// The documents install existing files and all files, and both documents have the same
// commands.
func TestDocumentsInstallAllFiles(t *testing.T) {
	var first []string
	for _, document := range []string{"kiosk.md", "kiosk.ja.md"} {
		text := content(t, "..", "..", "..", "docs", document)
		commands := doctest.Scripts(text)
		if first == nil {
			first = commands
		}
		assert.Equal(t, first, commands, document)
		all := strings.Join(commands, "\n")
		files := regexp.MustCompile(`(?m)(?:^|\s)((?:cmd|docs|scripts)/\S+)`).FindAllStringSubmatch(all, -1)
		require.NotEmpty(t, files)
		for _, file := range files {
			found, err := filepath.Glob(filepath.Join("..", "..", "..", file[1]))
			require.NoError(t, err)
			assert.NotEmpty(t, found, "%s: %s", document, file[1])
		}
		require.NoError(t, filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && filepath.Ext(path) != ".go" && filepath.Dir(path) != "debian" {
				assert.Contains(t, text, "cmd/kiosk/packaging/"+filepath.ToSlash(path), document)
			}
			return err
		}))
	}
}
