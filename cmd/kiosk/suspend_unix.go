//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// neverSuspend has Ctrl-Z, and output from the background, not stop the process: it
// would leave a card unlocked, and a resident before a dead screen.
func neverSuspend() { signal.Ignore(syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU) }
