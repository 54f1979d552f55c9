//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// holdSuspension makes the program deaf to Ctrl-Z until the returned function
// is called.
func holdSuspension() (release func()) {
	signal.Ignore(syscall.SIGTSTP)
	return func() { signal.Reset(syscall.SIGTSTP) }
}
