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
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// openSSH finds one of OpenSSH's programs, sshd where users' paths may not lead.
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

// sshServer is an sshd of a test's own, with its own keys and configuration, which
// the current user can log in to.
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
	for range 5 { // a port may be taken between our looking and the server's
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

// start starts the server; the function returned waits until it answers.
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
	if os.Getuid() == 0 { // root's has to have a folder in /run, which is made where only it sees it
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

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// clientConfig is an ssh_config by which a host's name leads to the server, with
// nothing of the machine's.
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

// sshAgent is a running card-info ssh-agent, beside a program that asks and answers
// with a file's content.
type sshAgent struct {
	bench
	socket, stderr, pin, program, prompts string
	command                               *exec.Cmd
}

func (b bench) startAgent(t *testing.T, more ...string) *sshAgent {
	t.Helper()
	folder := t.TempDir()
	a := &sshAgent{
		bench:  b,
		socket: filepath.Join(folder, "agent", "socket"), stderr: filepath.Join(folder, "stderr"), pin: filepath.Join(folder, "pin"),
	}
	a.program, a.prompts = script(t, "cat '"+a.pin+"'")
	a.types(t, "1234")
	a.command = b.program(append([]string{"ssh-agent", "--lang", "en", "--socket", a.socket}, more...)...)
	a.command.Env = append(a.command.Env, "SSH_ASKPASS="+a.program, "SSH_ASKPASS_REQUIRE=force")
	stderr, err := os.Create(a.stderr)
	require.NoError(t, err)
	defer stderr.Close()
	a.command.Stderr = stderr
	require.NoError(t, a.command.Start())
	t.Cleanup(func() { _ = a.command.Process.Kill() }) // unless it was ended
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", a.socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, 20*time.Second, 5*time.Millisecond)
	return a
}

// types says what is answered from now on.
func (a *sshAgent) types(t *testing.T, pin string) {
	t.Helper()
	require.NoError(t, os.WriteFile(a.pin, []byte(pin+"\n"), 0o600))
}

// prompted is what was said to ask for the PIN, and asked how often.
func (a *sshAgent) prompted() string {
	b, _ := os.ReadFile(a.prompts)
	return string(b)
}

func (a *sshAgent) asked() int { return strings.Count(a.prompted(), "PIN: \n") }

func (a *sshAgent) told() string {
	b, _ := os.ReadFile(a.stderr)
	return string(b)
}

// client runs one of OpenSSH's programs, which finds the agent.
func (a *sshAgent) client(t *testing.T, name string, args ...string) outcome {
	t.Helper()
	c := a.bench.command(openSSH(t, name), args...)
	c.Env = append(c.Env, "SSH_AUTH_SOCK="+a.socket, "SSH_ASKPASS="+a.program, "SSH_ASKPASS_REQUIRE=force")
	return a.finish(t, c, "")
}

// stop ends it as a system does.
func (a *sshAgent) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, a.command.Process.Signal(os.Interrupt))
	require.NoError(t, a.command.Wait(), a.told())
	assert.NoFileExists(t, a.socket)
	assert.NotContains(t, a.told(), "agent 1", "what the library logs")
}

const loggedIn = "logged in\n"

func (a *sshAgent) login(t *testing.T, s *sshServer, algorithm string) outcome {
	t.Helper()
	return a.client(t, "ssh", "-F", s.clientConfig(t, "server"), "-o", "PubkeyAcceptedAlgorithms="+algorithm, "server", "echo logged in")
}

// noKeys is what ssh-add -l says of an empty list. Of a failure it says another thing.
const noKeys = "The agent has no identities.\n"

// OpenSSH's own programs, with a card in a real pcscd and a real sshd: the key is
// shown, logs in with a PIN each, and is the only one. What the key does not sign is
// refused before anybody is asked, with words for it.
//
// Faults: F80, F83.
func TestSSHThroughPCSCD(t *testing.T) {
	b := newBench(t)
	server := newSSHServer(t)
	agent := b.startAgent(t)
	list := func() outcome { return agent.client(t, "ssh-add", "-l") }

	var o outcome
	for range 2 {
		o = list()
		assert.Equal(t, noKeys, o.stdout+o.stderr, "no card yet")
		assert.Equal(t, 1, strings.Count(agent.told(), "[CARD_ABSENT]"))
	}
	card := b.insert(t, simulator.Contact)
	require.Eventually(t, func() bool {
		o = list()
		return o.exit == 0
	}, 20*time.Second, 50*time.Millisecond)
	assert.Regexp(t, `^2048 SHA256:\S+ my-number-card \(RSA\)\n$`, o.stdout)
	line := b.cardInfo(t, "", "ssh-key").stdout
	assert.Equal(t, agent.client(t, "ssh-add", "-L").stdout, line)
	server.write(t, "authorized", line)
	assert.Zero(t, card.sent())

	entered := 0
	in := func(algorithm string) {
		t.Helper()
		o := agent.login(t, server, algorithm)
		entered++
		assert.Equal(t, loggedIn, o.stdout, "%s%s%s", o.stderr, server.log(), agent.told())
		assert.Equal(t, entered, card.sent())
		assert.Equal(t, 3, card.State().AuthTries)
		assert.False(t, card.State().AuthVerified)
	}
	in("rsa-sha2-256")
	in("rsa-sha2-512")
	assert.Equal(t, 2, agent.asked())
	assert.Regexp(t, `log in with the card's key\.\n  User name:  `+server.user+`\n  Asked by:   process \d+, \S*/ssh\n`, agent.prompted())

	o = agent.login(t, server, "ssh-rsa")
	assert.NotZero(t, o.exit)
	assert.Contains(t, agent.told(), "ssh-rsa.\n")
	assert.Equal(t, 2, agent.asked(), "refused before anybody is asked")

	server.write(t, "card.pub", line)
	o = agent.client(t, "ssh-add", "-T", server.file("card.pub"))
	assert.NotZero(t, o.exit)
	assert.Contains(t, agent.told(), "ssh-add -T and PAM modules")
	assert.Regexp(t, `\[SSH_REFUSED\] .*\(asked by process \d+, \S*/ssh-add\)`, agent.told())
	assert.Equal(t, 2, agent.asked())

	server.write(t, "file", "content")
	o = agent.client(t, "ssh-keygen", "-Y", "sign", "-n", "test", "-f", server.file("card.pub"), server.file("file"))
	entered++
	assert.Zero(t, o.exit, o.stderr)
	assert.FileExists(t, server.file("file.sig"))
	assert.Equal(t, entered, card.sent())
	assert.Regexp(t, `\(SSHSIG\)\.\n  Namespace:  test\n  Asked by:   process \d+, \S*/ssh-keygen\n`, agent.prompted())

	o = agent.client(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", server.file("other"))
	require.Zero(t, o.exit, o.stderr)
	for _, change := range [][]string{{server.file("other")}, {"-D"}, {"-d", server.file("card.pub")}, {"-x"}, {"-X"}, {"-s", "/usr/lib/none.so"}} {
		before := strings.Count(agent.told(), "add, remove or lock")
		assert.NotZero(t, agent.client(t, "ssh-add", change...).exit, change)
		assert.Greater(t, strings.Count(agent.told(), "add, remove or lock"), before, change)
	}
	assert.Equal(t, line, agent.client(t, "ssh-add", "-L").stdout, "the same key, and no other")

	agent.types(t, "9999")
	o = agent.login(t, server, "rsa-sha2-512")
	entered++
	assert.NotZero(t, o.exit)
	assert.Contains(t, agent.told(), "2 more wrong entries")
	assert.Equal(t, 2, card.State().AuthTries)
	assert.Equal(t, entered, card.sent())
	assert.Equal(t, entered, agent.asked())
	assert.False(t, card.State().AuthVerified)

	agent.types(t, "123")
	assert.NotZero(t, agent.login(t, server, "rsa-sha2-512").exit)
	assert.Contains(t, agent.told(), "[PIN_FORMAT]")
	assert.Equal(t, 2, card.State().AuthTries)
	assert.Equal(t, entered, card.sent())

	agent.types(t, "1234")
	in("rsa-sha2-512")

	agent.stop(t)
	assert.Equal(t, entered, card.sent())
}

// A card that comes late, goes, and comes back.
//
// Faults: F20.
func TestSSHWhileTheCardComesAndGoesThroughPCSCD(t *testing.T) {
	b := newBench(t)
	agent := b.startAgent(t)
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	for range 3 {
		assert.Equal(t, noKeys, agent.client(t, "ssh-add", "-l").stdout)
		remove := b.daemon.Insert(0, card)
		// Not when another program sees the card: the agent's own watcher may be later.
		require.Eventually(t, func() bool { return agent.client(t, "ssh-add", "-l").exit == 0 }, 20*time.Second, 50*time.Millisecond)
		remove()
		require.Eventually(t, func() bool { return agent.client(t, "ssh-add", "-l").stdout == noKeys }, 20*time.Second, 50*time.Millisecond)
	}
	b.daemon.Kill()
	assert.Equal(t, noKeys, agent.client(t, "ssh-add", "-l").stdout)
	require.NoError(t, b.daemon.Launch())
	b.insert(t, simulator.Contact)
	require.Eventually(t, func() bool { return agent.client(t, "ssh-add", "-l").exit == 0 }, 20*time.Second, 50*time.Millisecond)
	agent.stop(t)
}

// An agent that ssh -A has forwarded shows and signs nothing, while the login to the
// machine between works, and so does one by way of it.
//
// Faults: F83.
func TestForwardedSSHThroughPCSCD(t *testing.T) {
	b := newBench(t)
	server := newSSHServer(t)
	card := b.insert(t, simulator.Contact)
	line := b.cardInfo(t, "", "ssh-key").stdout
	server.write(t, "authorized", line)
	agent := b.startAgent(t)
	config := server.clientConfig(t, "server")

	o := agent.client(t, "ssh", "-v", "-F", config, "server", "echo logged in")
	assert.Equal(t, loggedIn, o.stdout, o.stderr)
	assert.Contains(t, o.stderr, "bound agent to hostkey", "OpenSSH 8.9 and newer")
	assert.Equal(t, 1, card.sent())

	onwards := openSSH(t, "ssh-add") + " -l; " + openSSH(t, "ssh") + " -F " + config + " server echo and on || echo refused"
	o = agent.client(t, "ssh", "-A", "-F", config, "server", onwards)
	assert.Equal(t, noKeys+"refused\n", o.stdout, o.stderr)
	assert.Equal(t, 1, strings.Count(agent.told(), "(ssh -A)"), agent.told())
	assert.Equal(t, 2, card.sent(), "for the first machine alone")

	o = agent.client(t, "ssh", "-F", config, "-J", "server", "server", "echo logged in")
	assert.Equal(t, loggedIn, o.stdout, o.stderr)
	assert.Equal(t, 4, card.sent())
	agent.stop(t)
}

// With --idle one PIN is enough for what follows in time, and nothing stays behind.
//
// Faults: F27, F83.
func TestSSHKeepsTheCardVerifiedThroughPCSCD(t *testing.T) {
	b := newBench(t)
	server := newSSHServer(t)
	card := b.insert(t, simulator.ContactExtended)
	server.write(t, "authorized", b.cardInfo(t, "", "ssh-key").stdout)
	in := func(agent *sshAgent) {
		t.Helper()
		o := agent.login(t, server, "rsa-sha2-512")
		assert.Equal(t, loggedIn, o.stdout, "%s%s%s", o.stderr, server.log(), agent.told())
	}
	agent := b.startAgent(t, "--idle", "10m")
	in(agent)
	in(agent)
	assert.Equal(t, 1, card.sent())
	assert.Equal(t, 1, agent.asked())
	assert.Equal(t, 1, strings.Count(agent.told(), "without asking for the PIN again"), agent.told())
	assert.True(t, card.State().AuthVerified)
	agent.stop(t)
	assert.False(t, card.State().AuthVerified, "when it ends")

	agent = b.startAgent(t, "--idle", "10ms")
	in(agent)
	require.Eventually(t, func() bool { return !card.State().AuthVerified }, 20*time.Second, 10*time.Millisecond, "after the time")
	in(agent)
	assert.Equal(t, 2, agent.asked())
	assert.Equal(t, 3, card.sent())
	agent.stop(t)
}

// The commands of both READMEs, as they are written, by a new user: only the line in
// authorized_keys is put there by the test.
func TestTheREADMEsSSHThroughPCSCD(t *testing.T) {
	b := newBench(t)
	server := newSSHServer(t)
	card := b.insert(t, simulator.Contact)
	self, err := os.Executable()
	require.NoError(t, err)
	for n, readme := range []string{"README.md", "README.ja.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", readme))
		require.NoError(t, err)
		_, section, found := strings.Cut(string(text), "\n## SSH\n")
		require.True(t, found, readme)
		section, _, _ = strings.Cut(section, "\n## ")
		var blocks []string
		for _, part := range strings.Split(section, "\n```sh\n")[1:] {
			block, _, _ := strings.Cut(part, "```")
			blocks = append(blocks, block)
		}
		require.Len(t, blocks, 3, readme)

		home, bin := t.TempDir(), t.TempDir()
		require.NoError(t, os.Symlink(self, filepath.Join(bin, "card-info")))
		ssh := fmt.Sprintf("#!/bin/sh\nexec %s -F %s \"$@\"\n", openSSH(t, "ssh"), server.clientConfig(t, "server.example"))
		require.NoError(t, os.WriteFile(filepath.Join(bin, "ssh"), []byte(ssh), 0o700))
		program, _ := script(t, "echo 1234")
		shell := func(commands string) *exec.Cmd {
			c := b.command("sh", "-e", "-c", commands)
			c.Dir = home
			c.Env = append(c.Env, "HOME="+home, "PATH="+bin+":"+os.Getenv("PATH"), "SSH_ASKPASS="+program, "SSH_ASKPASS_REQUIRE=force")
			return c
		}
		o := b.finish(t, shell(blocks[0]), "")
		require.Zero(t, o.exit, o.stderr)
		key, err := os.ReadFile(filepath.Join(home, "card.pub"))
		require.NoError(t, err)
		server.write(t, "authorized", string(key))

		agent := shell("exec " + blocks[1])
		require.NoError(t, agent.Start())
		t.Cleanup(func() { _ = agent.Process.Kill() }) // unless it was ended
		require.Eventually(t, func() bool {
			conn, err := net.Dial("unix", filepath.Join(home, ".card-info", "socket"))
			if err == nil {
				conn.Close()
			}
			return err == nil
		}, 20*time.Second, 5*time.Millisecond)
		o = b.finish(t, shell(blocks[2]), "echo logged in\nexit\n")
		assert.Zero(t, o.exit, o.stderr)
		assert.Contains(t, o.stdout, "my-number-card (RSA)")
		assert.Contains(t, o.stdout, loggedIn, server.log())
		require.NoError(t, agent.Process.Signal(os.Interrupt))
		require.NoError(t, agent.Wait())
		assert.Equal(t, n+1, card.sent())
	}
}
