//go:build cgo

package main

import (
	"fmt"
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
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// stateOf returns the state of a process; T is stopped.
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, state, _ := strings.Cut(string(status), "State:\t")
	return state[:1]
}

func waitForState(t *testing.T, pid int, state string) {
	t.Helper()
	require.Eventually(t, func() bool { return stateOf(t, pid) == state }, time.Minute, time.Millisecond, "state "+state)
}

// foreground returns the terminal's foreground process group.
func (p *pseudoTerminal) foreground(t *testing.T) int {
	t.Helper()
	group, err := unix.IoctlGetInt(int(p.master.Fd()), unix.TIOCGPGRP)
	require.NoError(t, err)
	return group
}

// pausing makes the card pause at the signature, while it is unlocked. paused is closed
// then; resume lets the card continue.
func (w *observedCard) pausing(t *testing.T) (paused chan struct{}, resume func()) {
	paused, release := make(chan struct{}), make(chan struct{})
	resume = sync.OnceFunc(func() { close(release) })
	t.Cleanup(resume)
	var once sync.Once
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = func(c apdu.Command) bool {
		if c.INS == apdu.InsPerformSecurityOperation && len(c.Data()) > 16 {
			once.Do(func() {
				close(paused)
				<-release
			})
		}
		return false
	}
	return paused, resume
}

// staysUnstopped checks that a process is not stopped by a signal. Nothing shows that a
// signal was ignored, so it checks for a short time.
func staysUnstopped(t *testing.T, pid int) {
	t.Helper()
	for range 100 {
		require.NotEqual(t, "T", stateOf(t, pid), "stopped while the card is unlocked")
		time.Sleep(time.Millisecond)
	}
}

// Signals that stop a process take effect after the card is logged out.
//
// Faults: F67.
func TestStopSignalsThroughPCSCD(t *testing.T) {
	b := newBench(t)
	card := b.insert(t, simulator.Contact)
	for _, signal := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU} {
		t.Run(signal.String(), func(t *testing.T) {
			paused, resume := card.pausing(t)
			c := b.program(idArgs(t, "--pin-stdin")...)
			c.Stdin = strings.NewReader("1234\n")
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the kernel does not stop an orphaned process group
			require.NoError(t, c.Start())
			<-paused
			require.True(t, card.State().AuthVerified)
			require.NoError(t, c.Process.Signal(signal))
			require.NoError(t, c.Process.Signal(signal))
			staysUnstopped(t, c.Process.Pid)
			resume()
			var status syscall.WaitStatus
			_, err := syscall.Wait4(c.Process.Pid, &status, syscall.WUNTRACED, nil)
			require.NoError(t, err)
			require.True(t, status.Stopped())
			assert.Equal(t, signal, status.StopSignal())
			assert.Contains(t, b.signWithoutPIN(t), "SW1=0x69, SW2=0x82", "another program can use the card")
			require.NoError(t, c.Process.Signal(syscall.SIGCONT))
			require.NoError(t, c.Wait())
		})
	}
	assert.Equal(t, 3, card.State().AuthAttempts)
}

// continued is a part of a shell script that waits for a line and then continues the last
// job in the foreground.
const continued = `; read line; fg >/dev/null 2>&1`

// underShell runs a script in a shell with job control; "$@" in it is the program.
func (b bench) underShell(t *testing.T, script string, args ...string) (*pseudoTerminal, *exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "card-info")
	require.NoError(t, os.Symlink(self, program))
	c := b.command("sh", append([]string{"-m", "-c", script + "; exit $?", "sh", program}, args...)...)
	return start(t, c), c
}

// Ctrl-Z suspends the program during the wait, with the terminal restored meanwhile. At
// the prompt and while the card is unlocked it does not; it takes effect after that.
//
// Faults: F67.
func TestCtrlZThroughPCSCD(t *testing.T) {
	b := newBench(t)
	p, c := b.underShell(t, `"$@"; echo "[status $?]"`+continued+continued, idArgs(t, "--wait", "1h")...)
	shell := c.Process.Pid
	p.waitForEcho(t, false)
	pid := p.foreground(t)
	require.NotEqual(t, shell, pid)
	p.types(t, "99\x1a")
	p.waitFor(t, "[status 148]")
	assert.Equal(t, "T", stateOf(t, pid))
	assert.True(t, p.echoes(t))
	p.types(t, "go on\n")
	p.waitForEcho(t, false)

	card := b.insert(t, simulator.Contact)
	paused, resume := card.pausing(t)
	p.waitForPrompt(t)
	p.types(t, "\x1a")
	p.types(t, "1234\n")
	<-paused
	staysUnstopped(t, pid)
	p.types(t, "\x1a")
	staysUnstopped(t, pid)
	resume()
	waitForState(t, pid, "T")
	assert.True(t, p.echoes(t))
	assert.Contains(t, b.signWithoutPIN(t), "SW1=0x69, SW2=0x82", "another program can use the card")
	p.types(t, "go on\n")
	require.NoError(t, c.Wait())
	p.waitFor(t, "My Key ID")
	assert.Equal(t, 1, card.sent())
	assert.NotContains(t, p.text(), "99")
}

// A trace from the background to a terminal with tostop stops the process only after the
// card is logged out.
//
// Faults: F67.
func TestTraceFromTheBackgroundThroughPCSCD(t *testing.T) {
	b := newBench(t)
	card := b.insert(t, simulator.Contact)
	paused, resume := card.pausing(t)
	typed := filepath.Join(t.TempDir(), "pin")
	require.NoError(t, os.WriteFile(typed, []byte("1234\n"), 0o600))
	p, c := b.underShell(t, `stty tostop; "$@" <`+typed+` & echo "[pid $!]"`+continued, idArgs(t, "--pin-stdin", "--trace")...)
	<-paused
	resume()
	p.waitFor(t, "]\r\n")
	var pid int
	_, line, _ := strings.Cut(p.text(), "[pid ")
	_, err := fmt.Sscanf(line, "%d", &pid)
	require.NoError(t, err)
	waitForState(t, pid, "T")
	assert.Contains(t, b.signWithoutPIN(t), "SW1=0x69, SW2=0x82", "another program can use the card")
	p.types(t, "go on\n")
	require.NoError(t, c.Wait(), p.text())
	p.waitFor(t, "My Key ID")
}
