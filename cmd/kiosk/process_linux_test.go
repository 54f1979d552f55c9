//go:build cgo

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startProgram starts the program in its own process with simulated cards.
func startProgram(t *testing.T) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(self, "--simulate", "--campaign", filepath.Join("campaigns", "demo.toml"))
	c.Args[0] = "kiosk"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an orphaned process group is never stopped
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // if it is still running
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "terminal:") {
	}
	return c
}

// procFile returns a file in /proc about a process.
func procFile(t *testing.T, c *exec.Cmd, file string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.Process.Pid, file))
	require.NoError(t, err)
	return string(text)
}

// The program writes no core file, which could contain a PIN.
//
// Faults: F89.
func TestNoCoreFile(t *testing.T) {
	c := startProgram(t)
	assert.Regexp(t, `Max core file size +0 +0 `, procFile(t, c, "limits"))
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.NoError(t, c.Wait())
}

// Nothing suspends the program, and every signal that ends it shuts it down in order.
//
// Faults: F67.
func TestProgramIsNotSuspended(t *testing.T) {
	for _, end := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT} {
		c := startProgram(t)
		for _, stop := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU} {
			require.NoError(t, c.Process.Signal(stop))
		}
		time.Sleep(50 * time.Millisecond) // an ignored signal has no visible effect
		assert.NotContains(t, procFile(t, c, "status"), "State:\tT")
		require.NoError(t, c.Process.Signal(end))
		require.NoError(t, c.Wait(), end)
	}
}
