//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// holdSuspension makes the program deaf to Ctrl-Z until the returned function
// is called. It may be called again meanwhile.
func holdSuspension() (release func()) {
	if signal.Ignored(syscall.SIGTSTP) {
		return func() {}
	}
	signal.Ignore(syscall.SIGTSTP)
	return func() { signal.Reset(syscall.SIGTSTP) }
}
