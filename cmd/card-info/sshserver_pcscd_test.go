//go:build cgo && linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
)

// openSSH finds one of OpenSSH's programs; sshd may not be in a user's PATH.
func openSSH(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		pcscdtest.Skip(t, name+" is not installed (Debian: apt-get install openssh-server openssh-client)")
	}
	return path
}

// sshServer is a private sshd with its own keys and configuration. The current user can
// log in.
type sshServer struct {
	folder string
	port   int
	user   string
}

func newSSHServer(t *testing.T) *sshServer {
	t.Helper()
	current, err := user.Current()
	require.NoError(t, err)
	s := &sshServer{folder: t.TempDir(), user: current.Username}
	output, err := exec.Command(openSSH(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", s.file("host")).CombinedOutput()
	require.NoError(t, err, string(output))
	var log string
	for range 5 { // another program may take the port first
		s.port = freePort(t)
		started := s.start(t)
		if log, err = started(); err == nil {
			key, err := os.ReadFile(s.file("host.pub"))
			require.NoError(t, err)
			s.write(t, "known", fmt.Sprintf("[127.0.0.1]:%d %s", s.port, key))
			return s
		}
	}
	require.FailNow(t, "no sshd", "%v: %s", err, log)
	return nil
}

func (s *sshServer) file(name string) string { return filepath.Join(s.folder, name) }

func (s *sshServer) write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(s.file(name), []byte(content), 0o600))
}

// start starts the server. The returned function blocks until the server answers.
func (s *sshServer) start(t *testing.T) func() (log string, err error) {
	t.Helper()
	s.write(t, "sshd_config", fmt.Sprintf(`Port %d
ListenAddress 127.0.0.1
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAcceptedAlgorithms rsa-sha2-256,rsa-sha2-512,ssh-rsa
`, s.port, s.file("host"), s.file("authorized")))
	arguments := []string{openSSH(t, "sshd"), "-D", "-e", "-f", s.file("sshd_config")}
	if os.Getuid() == 0 { // as root sshd needs /run/sshd: created in a private mount namespace
		arguments = append([]string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"`, "sh"}, arguments...)
	}
	log, err := os.Create(s.file("log"))
	require.NoError(t, err)
	defer log.Close()
	c := exec.Command(arguments[0], arguments[1:]...)
	c.Stdout, c.Stderr = log, log
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
	})
	return func() (string, error) {
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			select {
			case err := <-ended:
				ended <- err
				return s.log(), fmt.Errorf("sshd ended: %w", err)
			case <-time.After(20 * time.Millisecond):
			}
			if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err == nil {
				conn.Close()
				return "", nil
			}
		}
		return s.log(), errors.New("sshd does not answer")
	}
}

func (s *sshServer) log() string {
	b, _ := os.ReadFile(s.file("log"))
	return string(b)
}

// clientConfig writes an ssh_config that maps a host name to the server and uses nothing
// of the machine's configuration.
func (s *sshServer) clientConfig(t *testing.T, host string) string {
	t.Helper()
	s.write(t, "ssh_config", fmt.Sprintf(`Host %s
	HostName 127.0.0.1
	Port %d
	User %s
	UserKnownHostsFile %s
	GlobalKnownHostsFile none
	StrictHostKeyChecking yes
	IdentityFile none
	PreferredAuthentications publickey
	BatchMode yes
	ConnectTimeout 60
`, host, s.port, s.user, s.file("known")))
	return s.file("ssh_config")
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
