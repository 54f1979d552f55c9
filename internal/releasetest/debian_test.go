package releasetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/programtest"
)

// debian is a running Debian in a container, which shares the network of this machine.
type debian struct {
	t    *testing.T
	root string
	pid  string // of its first process
}

// start installs a Debian of a suite, with the packages in /root/packages, and boots it.
func start(t *testing.T, suite, dist string) *debian {
	t.Helper()
	d := &debian{t: t, root: filepath.Join(t.TempDir(), suite)}
	bootstrap := programtest.Program(t, "debootstrap", "--variant=minbase", "--include=systemd-sysv,dbus,man-db", suite, d.root, "http://deb.debian.org/debian")
	out, err := bootstrap.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// A person answers apt-get's question.
	require.NoError(t, os.WriteFile(filepath.Join(d.root, "etc", "apt", "apt.conf.d", "yes"), []byte(`APT::Get::Assume-Yes "true";`), 0o644))
	packages := filepath.Join(d.root, "root", "packages")
	require.NoError(t, os.CopyFS(packages, os.DirFS(dist)))

	var console bytes.Buffer
	c := programtest.Program(t, "systemd-nspawn", "--directory="+d.root, "--boot", "--console=pipe", "--keep-unit", "--register=no")
	c.Env = append(os.Environ(), "UNIFIED_CGROUP_HIERARCHY=1")
	c.Stdout, c.Stderr = &console, &console
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		if d.pid != "" {
			_, _ = d.try("systemctl poweroff")
		}
		stopped := time.AfterFunc(3*time.Minute, func() { _ = c.Process.Kill() })
		defer stopped.Stop()
		_ = c.Wait()
		// The kernel may still be ending the container's processes.
		for end := time.Now().Add(time.Minute); os.RemoveAll(d.root) != nil && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		}
		if t.Failed() {
			t.Logf("%s", console.Bytes())
		}
	})
	children := fmt.Sprintf("/proc/%d/task/%[1]d/children", c.Process.Pid)
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			failed, err := d.try("systemctl is-system-running; systemctl --no-pager --failed")
			require.Fail(t, "Debian does not start", "%v: %s", err, failed)
		}
		found, err := os.ReadFile(children)
		require.NoError(t, err)
		if d.pid = strings.TrimSpace(string(found)); d.pid == "" {
			continue
		}
		if out, _ := d.try("systemctl is-system-running --wait"); strings.HasPrefix(out, "running") {
			return d
		}
	}
}

// try runs a script as root, in the folder in which the last one ended. Its first one runs in the folder with the packages.
func (d *debian) try(script string) (string, error) {
	const inFolder = `cd "$(cat /run/folder 2>/dev/null || echo /root/packages)"; trap 'pwd > /run/folder' EXIT; set -e; `
	c := exec.CommandContext(d.t.Context(), "nsenter", "--target", d.pid, "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", "--wd", "sh", "-c", inFolder+script)
	c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := c.CombinedOutput()
	return string(out), err
}

// run runs a script that must succeed.
func (d *debian) run(script string) string {
	d.t.Helper()
	out, err := d.try(script)
	require.NoError(d.t, err, "%s\n%s", script, out)
	return out
}

// read returns the content of a file, or "" if there is none.
func (d *debian) read(path string) string {
	content, _ := os.ReadFile("/proc/" + d.pid + "/root" + path)
	return string(content)
}

// until waits until a condition holds.
func (d *debian) until(what string, holds func() bool) {
	d.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(time.Second) {
		if time.Now().After(end) {
			require.Fail(d.t, what, d.run("journalctl --no-pager --lines 60"))
		}
	}
}
