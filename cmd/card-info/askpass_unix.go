//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// startSession makes the askpass program start in a session of its own: it has no
// controlling terminal, and canceling ends its children too.
func startSession(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
}
