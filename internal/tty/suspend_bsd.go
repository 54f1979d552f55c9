//go:build unix && !linux

package tty

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

func isIgnored(sig syscall.Signal) bool { return signal.Ignored(sig) }

// restoreDefault makes stop signals stop the process. receiveAll does that, since package
// signal can't restore the default action of a caught signal.
func (s *Suspension) restoreDefault() { signal.Notify(s.caught, s.signals...) }

// raise stops the process with SIGSTOP, unless its parent is in another session and could
// not continue it.
func (s *Suspension) raise(syscall.Signal) {
	parent, err := unix.Getsid(unix.Getppid())
	if own, ownErr := unix.Getsid(0); err == nil && ownErr == nil && parent == own {
		_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
	}
}

// awaitForeground stops the process while it is in the background of its terminal.
func (s *Suspension) awaitForeground(t *systemTerminal) error {
	if t.Background() {
		s.raise(syscall.SIGTTOU)
	}
	return nil
}
