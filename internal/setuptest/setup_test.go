package setuptest

import (
	"crypto/md5"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
)

// machine is a simulated machine.
type machine struct {
	t              *testing.T
	bin, etc, sbin string // folders for PATH, /etc and /usr/sbin
	environment    []string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	root := t.TempDir()
	m := &machine{t: t, bin: filepath.Join(root, "bin"), etc: filepath.Join(root, "etc"), sbin: filepath.Join(root, "sbin")}
	for _, folder := range []string{m.bin, filepath.Join(m.etc, "postgresql-common"), filepath.Join(m.etc, "reader.conf.d"), m.sbin} {
		require.NoError(t, os.MkdirAll(folder, 0o755))
	}
	for _, script := range []string{"scripts/setup", "scripts/cgo", "Makefile"} { // so that go test reruns when they change
		_, err := os.Stat(filepath.Join("..", "..", script))
		require.NoError(t, err)
	}
	for _, program := range []string{"sh", "dirname", "sed", "sort", "head", "cut", "md5sum", "grep", "cat", "cp", "mv", "rm", "tee", "chmod", "uname", "env"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("the script needs %s", program)
		}
		require.NoError(t, os.Symlink(path, filepath.Join(m.bin, program)))
	}
	m.program("go", `echo "go version go1.99.0 linux/amd64"`)
	m.program("id", "echo 0")
	m.program("apt-get", "exit 0")
	m.program("dpkg-query", "exit 1")
	return m
}

// program writes a fake program.
func (m *machine) program(name, script string) {
	m.file(filepath.Join(m.bin, name), "#!/bin/sh\n"+script+"\n", 0o755)
}

// file replaces a file. It does not write through a link to a program of the system.
func (m *machine) file(path, text string, mode os.FileMode) {
	m.t.Helper()
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		require.NoError(m.t, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	require.NoError(m.t, err)
	_, err = file.WriteString(text)
	require.NoError(m.t, err)
	require.NoError(m.t, file.Chmod(mode))
	require.NoError(m.t, file.Close())
}

func (m *machine) read(path ...string) string {
	m.t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(m.t, err)
	}
	return string(b)
}

// run runs a command on the machine.
func (m *machine) run(command ...string) (output string, exit int) {
	m.t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Dir = filepath.Join("..", "..")
	c.Env = append([]string{"PATH=" + m.bin}, m.environment...)
	b, err := c.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		require.NoError(m.t, err)
	}
	return string(b), c.ProcessState.ExitCode()
}

// runWithFolders runs a command with the machine's /etc and /usr/sbin. It skips the test if
// that is not possible.
func (m *machine) runWithFolders(command string) (output string, exit int) {
	m.t.Helper()
	if info, err := os.Lstat("/usr/sbin"); err != nil || !info.IsDir() {
		m.t.Skip("/usr/sbin is not a folder")
	}
	unshare := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	path, err := exec.LookPath(unshare[0])
	if err != nil {
		pcscdtest.Skip(m.t, err.Error())
	}
	unshare[0] = path
	if output, err := exec.Command(path, append(unshare[1:], "mount", "--bind", m.etc, "/etc")...).CombinedOutput(); err != nil {
		pcscdtest.Skip(m.t, "no mount namespace: "+string(output))
	}
	mount, err := exec.LookPath("mount")
	require.NoError(m.t, err)
	const script = `set -e; "$1" --bind "$2" /etc; "$1" --bind "$3" /usr/sbin; shift 3; exec "$@"`
	return m.run(append(append(unshare, "/bin/sh", "-c", script, "sh", mount, m.etc, m.sbin), strings.Fields(command)...)...)
}

// setup reports the installed and the needed version of Go. It checks the version that would
// run in this module: the go command may download a newer toolchain.
//
// Faults: F88.
func TestSetupChecksGo(t *testing.T) {
	_, gomod, found := strings.Cut(new(machine{t: t}).read("..", "..", "go.mod"), "\ngo ")
	require.True(t, found)
	needed, _, _ := strings.Cut(gomod, "\n")

	for name, c := range map[string]struct {
		program  string
		rejected string // the version in the message; "": accepted
	}{
		"the needed one":         {`echo "go version go` + needed + ` linux/amd64"`, ""},
		"a newer one":            {`echo "go version go1.100.1 linux/amd64"`, ""},
		"from the tip":           {`echo "go version devel go1.99-9ef26a6b4c Sun Nov 1 linux/amd64"`, ""},
		"with an experiment":     {`echo "go version go1.99.1-X:nodwarf5 linux/amd64"`, ""},
		"an old one":             {`echo "go version go1.19.8 linux/amd64"`, "1.19.8"},
		"one before the release": {`echo "go version go1.26rc2 linux/amd64"`, "1.26rc2"},
		"one that can't download a newer one": {
			`if [ "$GOTOOLCHAIN" = local ]; then echo "go version go1.22.2 linux/amd64"; else
				echo "go: download go1.26.0 for linux/amd64: toolchain not available" >&2; exit 1; fi`, "1.22.2"},
		"one that downloads a newer one": {
			`if [ "$GOTOOLCHAIN" = local ]; then echo "go version go1.22.2 linux/amd64"; else
				echo "go version go` + needed + ` linux/amd64"; fi`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.program("go", c.program)
			m.program("dpkg-query", `echo "install ok installed"`)
			output, exit := m.run("scripts/setup", "build")
			if c.rejected == "" {
				assert.Zero(t, exit)
				assert.Empty(t, output)
				return
			}
			assert.Equal(t, 1, exit)
			assert.Contains(t, output, "Go "+c.rejected+" is installed; Go "+needed+" or newer is needed")
		})
	}

	t.Run("none", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, os.Remove(filepath.Join(m.bin, "go")))
		output, exit := m.run("scripts/setup", "build")
		assert.Equal(t, 1, exit)
		assert.Contains(t, output, "Go is not installed; Go "+needed+" or newer is needed")
	})
}

// If packages can't be installed, "setup build" says that it builds for simulated cards only,
// and "setup test" fails.
//
// Faults: F88.
func TestSetupWithoutPermissionToInstall(t *testing.T) {
	for name, prepare := range map[string]func(*machine){
		"no root and no sudo": func(m *machine) { m.program("id", "echo 1000") },
		"sudo refuses": func(m *machine) {
			m.program("id", "echo 1000")
			m.program("sudo", "echo 'sudo: a password is required' >&2; exit 1")
		},
		"no network": func(m *machine) { m.program("apt-get", "exit 100") },
		"no package": func(m *machine) { m.program("apt-get", `if [ "$1" = install ]; then exit 100; fi`) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			prepare(m)
			output, exit := m.run("scripts/setup", "build")
			assert.Zero(t, exit, output)
			assert.Contains(t, output, "building for simulated cards only;\n"+
				"setup: for real readers, as root, run: apt-get install gcc libc6-dev libpcsclite-dev pkg-config\n")

			output, exit = m.runWithFolders("scripts/setup test")
			assert.Equal(t, 1, exit)
			assert.Contains(t, output, "as root, run: apt-get install gcc")
		})
	}
}

// scripts/cgo enables cgo only if the compiler, pkg-config and all headers are installed.
//
// Faults: F88.
func TestCgoWhereItCanBeUsed(t *testing.T) {
	cgo := func(m *machine) string {
		output, exit := m.run("scripts/cgo", "sh", "-c", "echo $CGO_ENABLED")
		require.Zero(t, exit, output)
		return output
	}
	m := newMachine(t)
	m.program("uname", "echo Linux")
	m.program("go", "echo cc -m64")
	assert.Equal(t, "0\n", cgo(m), "no pkg-config")

	m.program("pkg-config", "exit 0")
	assert.Equal(t, "0\n", cgo(m), "no compiler")

	m.program("cc", "exit 1")
	assert.Equal(t, "0\n", cgo(m), "no headers")

	m.program("cc", `test "$*" = "-m64 -E -I/somewhere -"`)
	m.program("pkg-config", "echo -I/somewhere")
	assert.Equal(t, "1\n", cgo(m))
}

const vpcdEntry = "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME   /dev/null:0x8C7B\n"

// debian returns a machine on which packages can be installed. The file "started" lists the
// services that the packages' scripts started, "called" the calls of systemctl and
// update-rc.d, and "asked" the calls of an existing policy-rc.d.
func debian(t *testing.T, installed ...string) *machine {
	m := newMachine(t)
	m.environment = append(m.environment, "MACHINE="+m.etc)
	m.file(filepath.Join(m.etc, "installed"), strings.Join(installed, "\n")+"\n", 0o644)
	m.file(filepath.Join(m.etc, "postgresql-common", "createcluster.conf"), "# as it was\n", 0o644)
	m.program("dpkg-query", fmt.Sprintf(`case "$*" in
		*Conffiles*) printf '\n /etc/reader.conf.d/vpcd %x\n' ;;
		*) for package; do :; done; grep -qx "$package" $MACHINE/installed && echo "install ok installed" ;;
		esac`, md5.Sum([]byte(vpcdEntry))))
	m.program("apt-get", `if [ "$1" != install ]; then exit 0; fi
		for package; do
			case "$package" in
			-*|install) continue ;;
			openssh-server) services="ssh.service ssh.socket ssh" ;;
			pcscd) services="pcscd.service pcscd.socket pcscd" ;;
			postgresql) services=postgresql; cat /etc/postgresql-common/createcluster.conf >$MACHINE/createcluster.conf ;;
			vsmartcard-vpcd) services=; if [ ! -e /etc/reader.conf.d/vpcd ]; then cat $MACHINE/vpcd >/etc/reader.conf.d/vpcd; fi ;;
			*) services= ;;
			esac
			for service in $services; do
				if [ ! -x /usr/sbin/policy-rc.d ] || /usr/sbin/policy-rc.d $service start; then echo $service >>$MACHINE/started; fi
			done
			echo $package >>$MACHINE/installed
		done
		case "$*" in *chromium*) exit "${BROKEN:-0}" ;; esac`)
	m.file(filepath.Join(m.etc, "vpcd"), vpcdEntry, 0o644)
	m.program("systemctl", `echo systemctl "$@" >>$MACHINE/called`)
	m.program("update-rc.d", `echo update-rc.d "$@" >>$MACHINE/called`)
	return m
}

// No server that setup installs for the tests is started, now or at boot, and vpcd's reader is
// disabled.
//
// Faults: F88.
func TestSetupDisablesInstalledServices(t *testing.T) {
	const existing = "#!/bin/sh\necho \"$@\" >>$MACHINE/asked\nif [ \"$1\" = postgresql ]; then exit 101; fi\n"
	for name, c := range map[string]struct {
		policy, started, asked string
		exit                   int
	}{
		"no policy":            {"", "postgresql\n", "", 0},
		"an existing policy":   {existing, "", "postgresql start\n", 0},
		"installation failure": {existing, "", "postgresql start\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := debian(t)
			m.environment = append(m.environment, fmt.Sprint("BROKEN=", c.exit))
			if c.policy != "" {
				m.file(filepath.Join(m.sbin, "policy-rc.d"), c.policy, 0o755)
			}
			output, exit := m.runWithFolders("scripts/setup test")
			require.Equal(t, c.exit, exit, output)
			assert.Contains(t, m.read(m.etc, "createcluster.conf"), "create_main_cluster = false")
			assert.Equal(t, c.started, m.read(m.etc, "started"))
			assert.Equal(t, c.asked, m.read(m.etc, "asked"))

			called := m.read(m.etc, "called")
			for _, unit := range []string{"ssh.service", "ssh.socket", "pcscd.service", "pcscd.socket"} {
				assert.Contains(t, called, "systemctl --quiet disable "+unit+"\n")
			}
			assert.Contains(t, called, "update-rc.d ssh disable\n")
			assert.Contains(t, called, "update-rc.d pcscd disable\n")

			assert.Equal(t, c.policy, m.read(m.sbin, "policy-rc.d"))
			assert.Empty(t, m.read(m.sbin, "policy-rc.d.mykeykit"))
			assert.Equal(t, "# as it was\n", m.read(m.etc, "postgresql-common", "createcluster.conf"))
			assert.Empty(t, m.read(m.etc, "postgresql-common", "createcluster.conf.mykeykit"))

			disabled := m.read(m.etc, "reader.conf.d", "vpcd")
			for line := range strings.Lines(disabled) {
				assert.Regexp(t, "^#", line)
			}
			for _, hint := range []string{"systemctl enable --now ssh)", "systemctl enable --now pcscd.socket)"} {
				assert.Contains(t, output, hint)
			}
			_, undo, found := strings.Cut(output, "(to enable it: sed")
			undo = "sed" + undo
			require.True(t, found, output)
			undo, _, _ = strings.Cut(undo, ")\n")
			undo = strings.ReplaceAll(undo, "/etc/", m.etc+"/")
			_, exit = m.run("sh", "-c", undo)
			assert.Zero(t, exit)
			_, enabled, _ := strings.Cut(m.read(m.etc, "reader.conf.d", "vpcd"), "\n")
			assert.Equal(t, vpcdEntry, enabled)
		})
	}
}

// setup does not change packages and files that were installed or changed before, and prints
// nothing about them.
//
// Faults: F88.
func TestSetupKeepsExistingServices(t *testing.T) {
	t.Run("installed before", func(t *testing.T) {
		m := debian(t, "pcscd", "vsmartcard-vpcd", "openssh-server", "postgresql")
		m.file(filepath.Join(m.etc, "reader.conf.d", "vpcd"), vpcdEntry, 0o644)
		output, exit := m.runWithFolders("scripts/setup test")
		require.Zero(t, exit, output)
		assert.Equal(t, vpcdEntry, m.read(m.etc, "reader.conf.d", "vpcd"))
		assert.Empty(t, m.read(m.etc, "called"))
		assert.Equal(t, 1, strings.Count(output, "\n"), output)
	})
	t.Run("changed before", func(t *testing.T) {
		const changed = "# this machine has no network\n" + vpcdEntry
		m := debian(t)
		m.file(filepath.Join(m.etc, "reader.conf.d", "vpcd"), changed, 0o644)
		output, exit := m.runWithFolders("scripts/setup test")
		require.Zero(t, exit, output)
		assert.Equal(t, changed, m.read(m.etc, "reader.conf.d", "vpcd"))
		assert.NotContains(t, output, "vsmartcard-vpcd is only used by the tests")
	})
	t.Run("nothing is missing", func(t *testing.T) {
		m := debian(t)
		m.program("dpkg-query", `echo "install ok installed"`)
		m.program("apt-get", "exit 100")
		output, exit := m.runWithFolders("scripts/setup test")
		assert.Zero(t, exit)
		assert.Empty(t, output)
	})
}

// The format check of "make test" also works in a source archive, without git.
//
// Faults: F88.
func TestFormatIsCheckedWithoutGit(t *testing.T) {
	_, err := exec.LookPath("make")
	if err != nil {
		t.Skip("no make")
	}
	m := newMachine(t)
	for _, program := range []string{"make", "gofmt"} {
		path, err := exec.LookPath(program)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(m.bin, filepath.Base(program))))
	}
	recipe, exit := m.run("make", "--dry-run", "test")
	require.Zero(t, exit, recipe)
	check := ""
	for line := range strings.Lines(recipe) {
		if strings.Contains(line, "gofmt") {
			check = line
		}
	}

	archive := t.TempDir()
	m.file(filepath.Join(archive, "good.go"), "package good\n", 0o644)
	output, exit := m.run("sh", "-c", "cd "+archive+" && "+check)
	assert.Zero(t, exit, output)
	require.NoError(t, os.Mkdir(filepath.Join(archive, "folder"), 0o755))
	m.file(filepath.Join(archive, "folder", "bad.go"), "package  bad\n", 0o644)
	output, exit = m.run("sh", "-c", "cd "+archive+" && "+check)
	assert.Equal(t, 1, exit)
	assert.Equal(t, "not formatted: folder/bad.go\n", output)
}
