//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreSuspend ignores the signals that would suspend the process. A suspended terminal
// could leave a card unlocked and would not respond.
func ignoreSuspend() { signal.Ignore(syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU) }
