package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func content(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
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

// systemd accepts every line of the unit.
func TestUnitIsValid(t *testing.T) {
	root := t.TempDir()
	write := func(mode os.FileMode, content string, path ...string) {
		file := filepath.Join(append([]string{root}, path...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), mode))
	}
	write(0o755, "", "usr", "local", "bin", "mykey-server")
	for _, name := range []string{"sysinit.target", "basic.target", "shutdown.target", "multi-user.target", "network-online.target"} {
		write(0o644, "[Unit]\nDescription=A target\n", "etc", "systemd", "system", name)
	}
	write(0o644, content(t, "mykey-server.service"), "etc", "systemd", "system", "mykey-server.service")
	out, err := analyze(t, "verify", "--man=no", "--root="+root, "mykey-server.service")
	require.NoError(t, err, out)
	assert.Empty(t, out)
	write(0o644, "[Service]\nExecStart=/usr/local/bin/mykey-server\nNoSuchSetting=yes\n", "etc", "systemd", "system", "mykey-server.service")
	out, _ = analyze(t, "verify", "--man=no", "--root="+root, "mykey-server.service")
	assert.Contains(t, out, "NoSuchSetting", "systemd-analyze reports unknown settings")
}

// systemd-analyze rates the exposure of the service below 3.0 of 10. The server can't read the keys
// with which certificates are issued and terminals are enrolled.
func TestUnitIsHardened(t *testing.T) {
	path, err := filepath.Abs("mykey-server.service")
	require.NoError(t, err)
	out, err := analyze(t, "security", "--offline=true", "--threshold=29", "--no-pager", path)
	require.NoError(t, err, out)
	unit := content(t, "mykey-server.service")
	for _, line := range []string{
		"LimitCORE=0", "NoNewPrivileges=yes", "Type=notify", "StateDirectoryMode=0700",
		"InaccessiblePaths=-/var/lib/mykey-server/keys/ca.key -/var/lib/mykey-server/keys/desk.key",
	} {
		assert.Regexp(t, `(?m)^`+regexp.QuoteMeta(line)+`$`, unit)
	}
	assert.Contains(t, content(t, "mykey-server.sysusers"), "\nu mykey-server - ")
}
