//go:build unix && !linux

package tty

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

func isIgnored(sig syscall.Signal) bool { return signal.Ignored(sig) }

// restoreDefault has stop signals stop the process: receive does, since package signal
// has no way back to the default action of a signal that it has caught.
func (s *Suspension) restoreDefault() { signal.Notify(s.caught, s.signals...) }

// raise stops the process by a signal that can't be caught, unless there is nobody to
// continue it: its parent is in another session.
func (s *Suspension) raise(syscall.Signal) {
	parent, err := unix.Getsid(unix.Getppid())
	if own, ownErr := unix.Getsid(0); err == nil && ownErr == nil && parent == own {
		_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
	}
}

// awaitForeground stops the process in the background of a terminal.
func (s *Suspension) awaitForeground(t *systemTerminal) error {
	if t.Background() {
		s.raise(syscall.SIGTTOU)
	}
	return nil
}
