//go:build cgo && linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/doctest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// sshAgent is a running card-info ssh-agent with an askpass program that answers with a
// file's content.
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
	t.Cleanup(func() { _ = a.command.Process.Kill() }) // unless it has ended
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", a.socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, 20*time.Second, 5*time.Millisecond)
	return a
}

// types sets the PIN for the following prompts.
func (a *sshAgent) types(t *testing.T, pin string) {
	t.Helper()
	require.NoError(t, os.WriteFile(a.pin, []byte(pin+"\n"), 0o600))
}

// prompted returns all prompts so far.
func (a *sshAgent) prompted() string {
	b, _ := os.ReadFile(a.prompts)
	return string(b)
}

// asked returns the number of prompts so far.
func (a *sshAgent) asked() int { return strings.Count(a.prompted(), "PIN: \n") }

func (a *sshAgent) stderrText() string {
	b, _ := os.ReadFile(a.stderr)
	return string(b)
}

// client runs one of OpenSSH's programs with the agent.
func (a *sshAgent) client(t *testing.T, name string, args ...string) outcome {
	t.Helper()
	c := a.bench.command(openSSH(t, name), args...)
	c.Env = append(c.Env, "SSH_AUTH_SOCK="+a.socket, "SSH_ASKPASS="+a.program, "SSH_ASKPASS_REQUIRE=force")
	return a.finish(t, c, "")
}

// stop ends the agent by a signal.
func (a *sshAgent) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, a.command.Process.Signal(os.Interrupt))
	require.NoError(t, a.command.Wait(), a.stderrText())
	assert.NoFileExists(t, a.socket)
	assert.NotContains(t, a.stderrText(), "agent 1", "a log line of x/crypto")
}

const loggedIn = "logged in\n"

func (a *sshAgent) login(t *testing.T, s *sshServer, algorithm string) outcome {
	t.Helper()
	return a.client(t, "ssh", "-F", s.clientConfig(t, "server"), "-o", "PubkeyAcceptedAlgorithms="+algorithm, "server", "echo logged in")
}

// noKeys is what ssh-add -l prints for an empty list. It prints another text for a failure.
const noKeys = "The agent has no identities.\n"

// OpenSSH's programs work with a card in a real pcscd and a real sshd: the key is listed
// as the only one and logs in with one PIN per login. Other signatures are rejected with a
// message, without asking for the PIN.
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
		assert.Equal(t, 1, strings.Count(agent.stderrText(), "[CARD_ABSENT]"))
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
	logIn := func(algorithm string) {
		t.Helper()
		o := agent.login(t, server, algorithm)
		entered++
		assert.Equal(t, loggedIn, o.stdout, "%s%s%s", o.stderr, server.log(), agent.stderrText())
		assert.Equal(t, entered, card.sent())
		assert.Equal(t, 3, card.State().AuthAttempts)
		assert.False(t, card.State().AuthVerified)
	}
	logIn("rsa-sha2-256")
	logIn("rsa-sha2-512")
	assert.Equal(t, 2, agent.asked())
	assert.Regexp(t, `log in with the card's key\.\n  User name:  `+server.user+`\n  Asked by:   process \d+, \S*/ssh\n`, agent.prompted())

	o = agent.login(t, server, "ssh-rsa")
	assert.NotZero(t, o.exit)
	assert.Contains(t, agent.stderrText(), "insecure signature (such as ssh-rsa)")
	assert.Equal(t, 2, agent.asked(), "rejected without asking for the PIN")

	server.write(t, "card.pub", line)
	o = agent.client(t, "ssh-add", "-T", server.file("card.pub"))
	assert.NotZero(t, o.exit)
	assert.Contains(t, agent.stderrText(), "ssh-add -T and PAM modules")
	assert.Regexp(t, `\[SSH_REFUSED\] .*\(asked by process \d+, \S*/ssh-add\)`, agent.stderrText())
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
		before := strings.Count(agent.stderrText(), "change keys or lock the agent")
		assert.NotZero(t, agent.client(t, "ssh-add", change...).exit, change)
		assert.Greater(t, strings.Count(agent.stderrText(), "change keys or lock the agent"), before, change)
	}
	assert.Equal(t, line, agent.client(t, "ssh-add", "-L").stdout, "only the card's key")

	agent.types(t, "9999")
	o = agent.login(t, server, "rsa-sha2-512")
	entered++
	assert.NotZero(t, o.exit)
	assert.Contains(t, agent.stderrText(), "2 more wrong entries")
	assert.Equal(t, 2, card.State().AuthAttempts)
	assert.Equal(t, entered, card.sent())
	assert.Equal(t, entered, agent.asked())
	assert.False(t, card.State().AuthVerified)

	agent.types(t, "123")
	assert.NotZero(t, agent.login(t, server, "rsa-sha2-512").exit)
	assert.Contains(t, agent.stderrText(), "[PIN_FORMAT]")
	assert.Equal(t, 2, card.State().AuthAttempts)
	assert.Equal(t, entered, card.sent())

	agent.types(t, "1234")
	logIn("rsa-sha2-512")

	agent.stop(t)
	assert.Equal(t, entered, card.sent())
}

// The agent follows a card that is inserted, removed and inserted again.
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
		// Wait for the agent's own watcher: it may be later than another program's.
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

// A forwarded agent (ssh -A) lists no keys and signs nothing. The login to the first
// machine works, and so does a login through it with ssh -J.
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
	assert.Equal(t, 1, strings.Count(agent.stderrText(), "(ssh -A)"), agent.stderrText())
	assert.Equal(t, 2, card.sent(), "only for the first machine")

	o = agent.client(t, "ssh", "-F", config, "-J", "server", "server", "echo logged in")
	assert.Equal(t, loggedIn, o.stdout, o.stderr)
	assert.Equal(t, 4, card.sent())
	agent.stop(t)
}

// With --idle one PIN is enough for several logins, and the card is logged out at the end.
//
// Faults: F27, F83.
func TestSSHKeepsTheCardUnlockedThroughPCSCD(t *testing.T) {
	b := newBench(t)
	server := newSSHServer(t)
	card := b.insert(t, simulator.ContactExtended)
	server.write(t, "authorized", b.cardInfo(t, "", "ssh-key").stdout)
	logIn := func(agent *sshAgent) {
		t.Helper()
		o := agent.login(t, server, "rsa-sha2-512")
		assert.Equal(t, loggedIn, o.stdout, "%s%s%s", o.stderr, server.log(), agent.stderrText())
	}
	agent := b.startAgent(t, "--idle", "10m")
	logIn(agent)
	logIn(agent)
	assert.Equal(t, 1, card.sent())
	assert.Equal(t, 1, agent.asked())
	assert.Equal(t, 1, strings.Count(agent.stderrText(), "without asking for the PIN again"), agent.stderrText())
	assert.True(t, card.State().AuthVerified)
	agent.stop(t)
	assert.False(t, card.State().AuthVerified, "after the agent has ended")

	agent = b.startAgent(t, "--idle", "10ms")
	logIn(agent)
	require.Eventually(t, func() bool { return !card.State().AuthVerified }, 20*time.Second, 10*time.Millisecond, "after the idle time")
	logIn(agent)
	assert.Equal(t, 2, agent.asked())
	assert.Equal(t, 3, card.sent())
	agent.stop(t)
}

// The commands in both READMEs work as written for a new user. The test itself only adds
// the line to authorized_keys.
func TestREADMESSHCommandsThroughPCSCD(t *testing.T) {
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
		blocks := doctest.Blocks(section, "sh")
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
