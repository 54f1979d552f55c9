package packaging

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
)

// machine is a mount namespace with its own /etc, /run and programs.
type machine struct {
	t                           *testing.T
	etc, programs, results, bin string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("the test needs root")
	}
	for _, name := range []string{"unshare", "setpriv", "systemd-sysusers", "systemd-tmpfiles"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed (Debian: apt-get install util-linux systemd)")
		}
	}
	if out, err := exec.Command("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/run").CombinedOutput(); err != nil {
		t.Skipf("no mount namespace: %s", out)
	}
	root, err := os.MkdirTemp("", "packaging-") // not t.TempDir, since other users need access
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	require.NoError(t, os.Chmod(root, 0o755))
	m := &machine{t: t, etc: filepath.Join(root, "etc"), programs: filepath.Join(root, "programs"), results: filepath.Join(root, "results"), bin: filepath.Join(root, "bin")}
	out, err := exec.Command("cp", "-a", "/etc", m.etc).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, folder := range []string{m.programs, m.results, m.bin} {
		require.NoError(t, os.Mkdir(folder, 0o777))
	}
	require.NoError(t, os.Chmod(m.results, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(m.bin, "systemctl"), []byte("#!/bin/sh\necho systemctl \"$@\" >>"+m.results+"/systemctl-calls\n"), 0o755))
	return m
}

// run runs a script in a folder on the machine. Its processes end with it.
func (m *machine) run(folder, script string) (string, error) {
	m.t.Helper()
	const inside = `set -eu
mount --bind "$1" /etc; mount --bind "$2" /usr/local/bin; mount -t tmpfs -o mode=755 tmpfs /run
cd "$3"; export PATH="$4:/usr/local/bin:$PATH" RESULTS="$5"; eval "$6"`
	c := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", inside, "sh", m.etc, m.programs, folder, m.bin, m.results, script)
	c.WaitDelay = 10 * time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}

// installed runs the documented commands in a folder with a campaign and keys.
func (m *machine) installed() (folder, install string) {
	m.t.Helper()
	repository, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(m.t, err)
	folder = filepath.Join(filepath.Dir(m.etc), "repository")
	require.NoError(m.t, os.MkdirAll(filepath.Join(folder, "bin"), 0o755))
	require.NoError(m.t, os.Symlink(filepath.Join(repository, "cmd"), filepath.Join(folder, "cmd")))
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "bin", "kiosk"), "./cmd/kiosk")
	build.Dir, build.Env = repository, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(m.t, err, "%s", out)
	demo := content(m.t, "..", "campaigns", "demo.toml")
	for name, text := range map[string]string{"campaign.toml": demo, "operator.public": "00", "namespace.key": "00", "registry.key": "00", "counter-1.key": "counter-1 00", "terminals": "", "bin/card-info": "#!/bin/sh\n"} {
		require.NoError(m.t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	for _, block := range doctest.Scripts(content(m.t, repository, "docs", "kiosk.md")) {
		if strings.Contains(block, "systemctl enable") {
			return folder, block
		}
	}
	require.Fail(m.t, "no install commands in the document")
	return "", ""
}

const asUser = `as() { user="$1"; shift; setpriv --reuid="$user" --regid="$user" --clear-groups env HOME=/run/home "$@"; }
`

// After the documented installation, the browser's user can start the browser and
// nothing else, and other users can't start it.
//
// Faults: F123, F131.
func TestInstalledAsDocumented(t *testing.T) {
	m := newMachine(t)
	folder, install := m.installed()
	out, err := m.run(folder, install+"\n"+asUser+`
stat -c '%a %U %G %n' /run/mykeykit-kiosk /etc/mykeykit /etc/mykeykit/* >$RESULTS/modes
as mykeykit-kiosk kiosk --simulate --campaign /etc/mykeykit/campaign.toml --start-page /run/mykeykit-kiosk/start.html >$RESULTS/printed 2>$RESULTS/logged &
until [ -e /run/mykeykit-kiosk/start.html ]; do sleep 0.1; done
stat -c '%a %U %G' /run/mykeykit-kiosk/start.html >$RESULTS/page
as mykeykit-browser cat /run/mykeykit-kiosk/start.html >$RESULTS/start.html
for user in nobody; do ! as $user cat /run/mykeykit-kiosk/start.html; done
for file in namespace.key registry.key terminal.key campaign.toml; do ! as mykeykit-browser cat /etc/mykeykit/$file; done
! as mykeykit-browser touch /run/mykeykit-kiosk/start.html
! as mykeykit-browser rm -f /run/mykeykit-kiosk/start.html
as mykeykit-kiosk cat /etc/mykeykit/namespace.key /etc/mykeykit/registry.key /etc/mykeykit/operator.public /etc/mykeykit/campaign.toml >/dev/null
`)
	require.NoError(t, err, out)
	assert.Equal(t, `2750 mykeykit-kiosk mykeykit-browser /run/mykeykit-kiosk
750 root mykeykit-kiosk /etc/mykeykit
644 root root /etc/mykeykit/campaign.toml
600 mykeykit-kiosk root /etc/mykeykit/namespace.key
644 root root /etc/mykeykit/operator.public
600 mykeykit-kiosk root /etc/mykeykit/registry.key
600 mykeykit-kiosk root /etc/mykeykit/terminal.key
644 root root /etc/mykeykit/terminals
`, content(t, m.results, "modes"))
	assert.Equal(t, "640 mykeykit-kiosk mykeykit-browser\n", content(t, m.results, "page"))
	assert.Contains(t, content(t, m.results, "start.html"), `name="key" value="`)
	assert.NotContains(t, content(t, m.results, "printed"), "terminal:")
	calls := content(t, m.results, "systemctl-calls")
	for _, unit := range append(services(t), "mykeykit-audit.timer") {
		assert.Equal(t, content(t, unit), content(t, m.etc, "systemd", "system", unit))
		if unit != "mykeykit-audit.service" { // started by its timer
			assert.Contains(t, calls, unit)
		}
	}
}

// chromium returns the browser command of the unit, without a screen, and the page that
// it opens.
func chromium(t *testing.T) (command, page string) {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		pcscdtest.Skip(t, "chromium is not installed (Debian: apt-get install chromium)")
	}
	_, command, found := strings.Cut(setting(content(t, "mykeykit-browser.service"), "ExecStart")[0], "cage -- ")
	require.True(t, found)
	command, page, _ = strings.Cut(command, " file://")
	return "as mykeykit-browser " + command + " --headless --no-sandbox --disable-gpu ", page
}

// Chromium opens the start page under the policy, and its command line contains no key.
//
// Faults: F122.
func TestChromiumStarts(t *testing.T) {
	command, page := chromium(t)
	m := newMachine(t)
	folder, install := m.installed()
	out, err := m.run(folder, install+"\n"+asUser+`
install -d -o mykeykit-browser /run/mykeykit-browser /run/home
as mykeykit-kiosk kiosk --simulate --campaign /etc/mykeykit/campaign.toml --start-page `+page+` 2>$RESULTS/logged >/dev/null &
until [ -e `+page+` ]; do sleep 0.1; done
cp `+page+` $RESULTS/first.html
`+command+`file://`+page+` >$RESULTS/browser 2>&1 &
until grep -q 'browser began' $RESULTS/logged; do sleep 0.1; done
cat /proc/[0-9]*/cmdline | tr '\0' '\n' >$RESULTS/commands
cp `+page+` $RESULTS/next.html
`)
	require.NoError(t, err, out)
	first := regexpKey.FindStringSubmatch(content(t, m.results, "first.html"))
	next := regexpKey.FindStringSubmatch(content(t, m.results, "next.html"))
	require.NotNil(t, first)
	require.NotNil(t, next)
	assert.NotEqual(t, first[1], next[1])
	commands := content(t, m.results, "commands")
	assert.Contains(t, commands, "file://"+page)
	assert.NotContains(t, commands, first[1])
	assert.NotContains(t, commands, "http://")
}

// The policy blocks every address except the terminal's and every file except the start
// page. Without the policy they open, so the test detects what opens.
//
// Faults: F123.
func TestPolicyBlocksOtherAddresses(t *testing.T) {
	command, page := chromium(t)
	m := newMachine(t)
	folder, install := m.installed()
	opened := make(chan string, 100)
	serve := func(address string) string {
		t.Helper()
		listener, err := net.Listen("tcp", address)
		require.NoError(t, err)
		server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { opened <- r.URL.Path })}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		return "http://" + listener.Addr().String()
	}
	terminal, other := serve("127.0.0.1:0"), serve("127.0.0.2:0")

	stop := filepath.Join(m.results, "stop")
	for _, policy := range []bool{true, false} {
		_ = os.Remove(stop)
		remove := ""
		if !policy {
			remove = "rm /etc/chromium/policies/managed/mykeykit.json"
		}
		ended := make(chan error, 1)
		go func() {
			out, err := m.run(folder, install+"\n"+remove+"\n"+asUser+`
install -d -o mykeykit-browser /run/mykeykit-browser /run/home
echo '<img src="`+terminal+`/from-a-file">' >/run/home/other.html
echo '<iframe src="`+terminal+`/terminal"></iframe><iframe src="`+other+`/another-address"></iframe><iframe src="file:///run/home/other.html"></iframe>' >`+page+`
`+command+`file://`+page+` >$RESULTS/browser 2>&1 &
until [ -e $RESULTS/stop ]; do sleep 0.1; done
`)
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			ended <- err
		}()
		want := map[string]bool{"/terminal": true}
		if !policy {
			want["/another-address"], want["/from-a-file"] = true, true
		}
		paths := map[string]bool{}
		quiet := time.After(3 * time.Minute)
		for waiting := true; waiting; {
			select {
			case path := <-opened:
				if paths[path] = path != "/favicon.ico"; !paths[path] {
					delete(paths, path)
				}
				if len(paths) == len(want) {
					quiet = time.After(5 * time.Second) // a blocked address has no visible effect
				}
			case <-quiet:
				waiting = false
			}
		}
		require.NoError(t, os.WriteFile(stop, nil, 0o644))
		require.NoError(t, <-ended)
		assert.Equal(t, want, paths, "policy: %t", policy)
	}
}
