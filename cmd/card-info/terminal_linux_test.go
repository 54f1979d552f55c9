package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// pseudoTerminal is a terminal: master is the test's end, slave the program's.
type pseudoTerminal struct {
	master *os.File
	slave  *os.File

	mu   sync.Mutex
	seen strings.Builder
}

// startAtTerminal starts the program with its own controlling terminal.
func startAtTerminal(t *testing.T, args ...string) (*pseudoTerminal, *exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(self, args...)
	c.Args[0] = "card-info"
	return start(t, c), c
}

// startUnderShell starts the program from a shell with job control, which takes over the
// terminal when the program is suspended.
func startUnderShell(t *testing.T, args ...string) (*pseudoTerminal, *exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "card-info")
	require.NoError(t, os.Symlink(self, program))
	c := exec.Command("sh", append([]string{"-m", "-c", `"$@"; exit $?`, "sh", program}, args...)...)
	return start(t, c), c
}

func start(t *testing.T, c *exec.Cmd) *pseudoTerminal {
	t.Helper()
	p := newPseudoTerminal(t)
	if c.Env == nil {
		c.Env = os.Environ()
	}
	c.Env = append(c.Env, "LC_ALL=en_US.UTF-8")
	c.Stdin, c.Stdout, c.Stderr = p.slave, p.slave, p.slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, c.Start())
	return p
}

func newPseudoTerminal(t *testing.T) *pseudoTerminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { slave.Close() })

	p := &pseudoTerminal{master: master, slave: slave}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			p.mu.Lock()
			p.seen.Write(buffer[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

// types presses keys.
func (p *pseudoTerminal) types(t *testing.T, keys string) {
	t.Helper()
	_, err := p.master.WriteString(keys)
	require.NoError(t, err)
}

// waitFor blocks until the terminal shows a text.
func (p *pseudoTerminal) waitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.text(), text) }, time.Minute, time.Millisecond, text)
}

// waitForEcho blocks until echo is on or off.
func (p *pseudoTerminal) waitForEcho(t *testing.T, echo bool) {
	t.Helper()
	require.Eventually(t, func() bool { return p.echoes(t) == echo }, time.Minute, time.Millisecond)
}

func (p *pseudoTerminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

// everything returns what the terminal shows after its program has ended.
func (p *pseudoTerminal) everything(t *testing.T) string {
	t.Helper()
	const end = "\x00"
	_, err := p.slave.WriteString(end)
	require.NoError(t, err)
	p.waitFor(t, end)
	return strings.TrimSuffix(strings.ReplaceAll(p.text(), "\r\n", "\n"), end)
}

func (p *pseudoTerminal) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return state.Lflag&unix.ECHO != 0
}

func (p *pseudoTerminal) waitForPrompt(t *testing.T) {
	t.Helper()
	p.waitForPrompts(t, 1)
}

// waitForPrompts blocks until the nth prompt. Keys pressed before it are discarded.
func (p *pseudoTerminal) waitForPrompts(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(p.text(), "PIN: ") == n && !p.echoes(t) }, time.Minute, time.Millisecond)
}

// waitForQuestion blocks until the last line is a prompt in any language, and keys are not echoed.
func (p *pseudoTerminal) waitForQuestion(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.HasSuffix(p.text(), ": ") && !p.echoes(t) }, time.Minute, time.Millisecond)
}

func TestPINIsNotEchoed(t *testing.T) {
	p, c := startUnderShell(t, idArgs(t, "--simulator", "contact")...)
	p.waitForPrompt(t)
	_, err := p.master.WriteString("\x1a1234\n") // Ctrl-Z first: it must not restore the terminal
	require.NoError(t, err)
	require.NoError(t, c.Wait())
	require.Eventually(t, func() bool { return strings.Contains(p.text(), "My Key ID") }, 5*time.Second, time.Millisecond)
	assert.NotContains(t, p.text(), "1234")
	assert.True(t, p.echoes(t), "echo is restored")
}

func TestPINsTypedAtTheTerminal(t *testing.T) {
	for _, tt := range []struct {
		name, typed string
		exit        int
		args        []string
		want        []string
	}{
		{"right", "1234", 0, []string{"--json"}, []string{"Attempts left: 3", `"mykey_id":"`}},
		{"in full width, as an input method leaves it", "１２３４", 0, []string{"--lang", "ja"}, []string{"あと3回です。", "ID  "}},
		{"wrong", "9876", cli.ExitPIN, nil, []string{"Wrong PIN", "2 more wrong entries"}},
		{"malformed", "12345", cli.ExitUsage, nil, []string{"no attempt was used"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, c := startAtTerminal(t, idArgs(t, append(tt.args, "--simulator", "contact")...)...)
			p.waitForQuestion(t)
			p.types(t, tt.typed+"\n")
			_ = c.Wait()
			assert.Equal(t, tt.exit, c.ProcessState.ExitCode())
			for _, text := range tt.want {
				p.waitFor(t, text)
			}
			assert.NotContains(t, p.text(), tt.typed)
		})
	}
}

func TestInterruptedPromptRestoresTheTerminal(t *testing.T) {
	p, c := startAtTerminal(t, idArgs(t, "--simulator", "contact")...)
	p.waitForPrompt(t)
	_, err := p.master.WriteString("12\x03") // Ctrl-C
	require.NoError(t, err)
	require.Error(t, c.Wait())
	assert.Equal(t, 1, c.ProcessState.ExitCode())
	assert.True(t, p.echoes(t))
	require.Eventually(t, func() bool { return strings.Contains(p.text(), "[INTERRUPTED]") }, 5*time.Second, time.Millisecond)
}

func TestPINStdinRejectsATerminal(t *testing.T) {
	p, c := startAtTerminal(t, idArgs(t, "--simulator", "contact", "--pin-stdin")...)
	require.Error(t, c.Wait())
	assert.Equal(t, 2, c.ProcessState.ExitCode())
	require.Eventually(t, func() bool { return strings.Contains(p.text(), "[USAGE]") }, 5*time.Second, time.Millisecond)
	assert.Contains(t, p.text(), "No PIN or password was sent")

	p, c = startAtTerminal(t, "cert", "--der", "--simulator", "contact")
	require.Error(t, c.Wait())
	assert.Equal(t, 2, c.ProcessState.ExitCode())
	assert.NotContains(t, p.text(), "SIMULATOR", "no DER on a terminal")
}

// When the client disconnects, the prompt ends and keys typed later are not taken for the
// next one. Keys typed before a prompt are not taken for its answer.
func TestAgentAtTheTerminal(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "agent", "socket")
	p, c := startAtTerminal(t, "ssh-agent", "--simulator", "contact", "--socket", socket)
	defer func() { _ = c.Process.Kill() }() // unless it was ended
	var conn net.Conn
	dial := func() bool {
		var err error
		conn, err = net.Dial("unix", socket)
		return err == nil
	}
	require.Eventually(t, dial, 20*time.Second, time.Millisecond)
	failed := make(chan error, 1)
	request := func() {
		client := agent.NewClient(conn)
		go func() { failed <- sign(t, client) }()
	}
	for n := range 2 {
		request()
		p.waitForPrompts(t, n+1)
		conn.Close()
		require.Error(t, <-failed)
		require.Eventually(t, func() bool { return strings.Count(p.text(), "Do not enter it") == n+1 }, 20*time.Second, time.Millisecond)
		assert.True(t, p.echoes(t))
		require.True(t, dial())
	}
	_, err := p.master.WriteString("9999\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(p.text(), "9999") }, 20*time.Second, time.Millisecond)
	request()
	p.waitForPrompts(t, 3)
	_, err = p.master.WriteString("1234\n")
	require.NoError(t, err)
	require.NoError(t, <-failed)
	assert.NotContains(t, p.text(), "1234")
	assert.Equal(t, 3, strings.Count(p.text(), "Attempts left: 3."))
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.NoError(t, c.Wait())
	assert.NotContains(t, p.text(), "PIN_WRONG")
	assert.True(t, p.echoes(t))
}
