package releasetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
)

// guide returns the shell blocks of each section of a document, in order.
func guide(t *testing.T, document string) (sections [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", document))
	require.NoError(t, err)
	for _, section := range strings.Split(string(text), "\n## ") {
		sections = append(sections, doctest.Scripts(section))
	}
	return sections
}

var packaged = regexp.MustCompile(`(?m)^  - src: (?:\$\{PACKAGE_(?:UNITS|FILES)\}/)?([^$\n]+)$`)

// The Debian packages contain files that exist, and every unit.
func TestPackagedFiles(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, program := range []string{"card-info", "kiosk", "mykey-server"} {
		config, err := os.ReadFile(filepath.Join(root, "cmd", program, "packaging", "debian", "package.yaml"))
		require.NoError(t, err)
		common, err := os.ReadFile(filepath.Join(root, "scripts", "package-contents.yaml"))
		require.NoError(t, err)
		contents := strings.ReplaceAll(string(config)+string(common), "${PACKAGE_PROGRAM}", program)
		var files []string
		for _, file := range packaged.FindAllStringSubmatch(contents, -1) {
			if files = append(files, file[1]); strings.Contains(file[1], "/") {
				_, err := os.Stat(filepath.Join(root, file[1]))
				assert.NoError(t, err)
			}
		}
		require.NotEmpty(t, files)
		for _, pattern := range []string{"*.service", "*.timer", "*.d/*"} {
			units, err := filepath.Glob(filepath.Join(root, "cmd", program, "packaging", pattern))
			require.NoError(t, err)
			for _, unit := range units {
				assert.Contains(t, files, filepath.Base(unit), program)
			}
		}
	}
}

// The links in the packages' documents lead to another of them, or to the repository.
func TestPackagedDocuments(t *testing.T) {
	folder := t.TempDir()
	out, err := exec.Command(filepath.Join("..", "..", "scripts", "package-docs"), folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.FileExists(t, filepath.Join(folder, "install.ja.md"))
	documents, err := filepath.Glob(filepath.Join(folder, "*.md"))
	require.NoError(t, err)
	for _, document := range documents {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, file := range doctest.Links(string(text)) {
			assert.FileExists(t, filepath.Join(folder, file), filepath.Base(document))
		}
	}
}

// The document leads from packages to a terminal and a server that work. Upgrading and removing keep keys and registry.
func TestInstalledPackages(t *testing.T) {
	dist := os.Getenv("MYKEYKIT_DIST")
	if dist == "" {
		t.Skip("run by make release-test")
	}
	sections := guide(t, "install.ja.md")
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			d := start(t, suite, dist)
			for _, block := range sections[0] {
				d.run(block)
			}
			d.installTerminal(sections[1])
			d.installServer(sections[2])
			d.upgradeAndRemove()
		})
	}
}

// as runs a command as a user, and returns its output.
func (d *debian) as(user, command string) string {
	out, _ := d.try("runuser -u " + user + " -- " + command)
	return out
}

func (d *debian) installTerminal(blocks []string) {
	t := d.t
	require.Len(t, blocks, 4)
	d.run(blocks[0])
	assert.NotContains(t, d.run("journalctl --no-pager --unit pcscd.socket"), "Failed to resolve group")
	assert.Equal(t, "mykeykit-kiosk\n", d.run("stat -c %G /run/pcscd/pcscd.comm"))
	assert.Contains(t, d.run("systemctl is-enabled mykeykit-kiosk.service || true"), "disabled", "nothing starts by itself")
	assert.Contains(t, d.run("LC_ALL=C.UTF-8 MANPAGER=cat man kiosk"), "A terminal")
	assert.Contains(t, d.run("LC_ALL=C.UTF-8 MANPAGER=cat man -L ja card-info"), "マイナンバーカード")
	assert.Contains(t, d.run("bash -c '. /usr/share/bash-completion/completions/card-info; complete -p card-info'"), "card-info")
	assert.Contains(t, d.run("cat /usr/share/doc/card-info/json.ja.md"), "`remaining`")
	d.run("systemd-analyze verify mykeykit-kiosk.service mykeykit-browser.service mykeykit-audit.service mykeykit-audit.timer")

	d.run(blocks[1])
	withoutScreen(d)
	d.run(blocks[2])
	assert.Equal(t, "active\n", d.run("systemctl is-active mykeykit-kiosk.service"))
	d.until("the terminal's browser opens its page", func() bool {
		return strings.Contains(d.run("journalctl --no-pager --unit mykeykit-kiosk.service"), "browser began")
	})
	d.run("systemctl stop mykeykit-browser.service") // it would take the terminal back from the test's browser
	d.visit()
	assert.Contains(t, d.as("mykeykit-browser", "cat /run/mykeykit-kiosk/start.html"), "key")
	for _, user := range []string{"nobody", "mykeykit-browser"} {
		assert.Contains(t, d.as(user, "cat /etc/mykeykit/namespace.key"), "Permission denied")
		assert.Contains(t, d.as(user, "card-info list"), "PCSC_UNAVAILABLE", "%s can't open the socket of pcscd", user)
	}
	if filepath.Base(d.root) != "bookworm" { // whose pcscd does not ask polkit
		d.run("chmod 666 /run/pcscd/pcscd.comm")
		assert.Contains(t, d.as("nobody", "card-info list"), "PCSC_DENIED", "polkit denies access")
		d.run("systemctl restart pcscd.socket")
	}
	assert.Contains(t, d.as("nobody", "cat /run/mykeykit-kiosk/start.html"), "Permission denied")

	real, doctor, found := strings.Cut(blocks[3], "\nrunuser ")
	require.True(t, found)
	d.run(real)
	out, err := d.try("runuser " + doctor)
	assert.Error(t, err, "there is no reader")
	assert.NotContains(t, out, "PCSC_", "the terminal's user may use readers")
	d.run("systemctl start mykeykit-audit.service")
}

// withoutScreen lets the browser run without a console: cage and Chromium draw into memory.
func withoutScreen(d *debian) {
	d.run(`mkdir -p /etc/systemd/system/mykeykit-browser.service.d
cat > /etc/systemd/system/mykeykit-browser.service.d/test.conf <<END
[Service]
PAMName=
TTYPath=
StandardInput=null
Environment=WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1 XDG_RUNTIME_DIR=/run/mykeykit-browser
END`)
}

func (d *debian) installServer(blocks []string) {
	t := d.t
	require.Len(t, blocks, 8)
	d.run("cd /root/packages")
	for _, block := range blocks[:5] {
		d.run(block)
	}
	assert.Equal(t, "active\n", d.run("systemctl is-active mykey-server.service"))
	d.run("systemd-analyze verify mykey-server.service")
	d.run("mv /var/lib/mykey-server/counter-1.pem /root")
	d.run(blocks[5])
	d.run("sed -i s/server.example/localhost/ /etc/systemd/system/mykeykit-kiosk.service.d/server.conf")
	d.run("echo KIOSK_OPTIONS=--simulate > /etc/mykeykit/kiosk.conf")
	d.run(blocks[6])
	d.visit()
	_, status, found := strings.Cut(blocks[4], "mykey-server.service\nrunuser ")
	require.True(t, found)
	seen := func() bool {
		return regexp.MustCompile(`counter-1 .* \d\d:\d\d `).MatchString(d.run("runuser " + status))
	}
	assert.True(t, seen(), "the terminal was seen")

	d.run(blocks[7]) // for real cards
	d.run("mv /var/lib/mykey-server/counter-1.pem /root; install -m 600 -o mykeykit-kiosk /root/counter-1.pem /etc/mykeykit/bundle.pem")
	d.run("rm /etc/mykeykit/kiosk.conf; systemctl restart mykeykit-kiosk.service")
	d.until("the terminal with the new bundle is seen", seen)
	assert.Contains(t, d.as("nobody", "ls /var/lib/mykey-server"), "Permission denied")
}

func (d *debian) upgradeAndRemove() {
	t := d.t
	const keys = "sha256sum /etc/mykeykit/*.key /var/lib/mykey-server/keys/* /var/lib/mykeykit-kiosk/kiosk.db"
	before := d.run(keys)
	started := d.run("systemctl show --property=ExecMainPID mykeykit-kiosk.service mykey-server.service")
	d.run("cd /root/packages; apt-get install --reinstall ./card-info_*_$(dpkg --print-architecture).deb ./mykeykit-*_$(dpkg --print-architecture).deb")
	assert.NotEqual(t, started, d.run("systemctl show --property=ExecMainPID mykeykit-kiosk.service mykey-server.service"), "what runs is restarted")
	assert.Equal(t, "active\nactive\n", d.run("systemctl is-active mykeykit-kiosk.service mykey-server.service"))
	assert.Equal(t, before, d.run(keys))

	assert.Contains(t, d.run("apt-get purge --yes mykeykit-kiosk mykeykit-server"), "are kept")
	assert.Equal(t, before, d.run(keys))
	assert.Empty(t, d.run("for program in kiosk mykey-server cage; do pgrep -x $program || true; done"))
	assert.Empty(t, d.read("/etc/chromium/policies/managed/mykeykit.json"))
	d.run("apt-get install ./mykeykit-*_$(dpkg --print-architecture).deb")
	assert.Equal(t, before, d.run(keys))
	assert.Equal(t, "mykeykit-kiosk", strings.TrimSpace(d.run("stat -c %U /etc/mykeykit/namespace.key")))
}
