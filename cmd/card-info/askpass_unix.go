//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// inOwnSession has a program that asks end with all that it started, and away from
// the terminal, which is not where it was to ask.
func inOwnSession(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
}
