//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package tty

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	getTermios         = unix.TIOCGETA
	setTermios         = unix.TIOCSETA
	setTermiosAndFlush = unix.TIOCSETAF
)

// readable waits for input. Unlike poll, select works with terminals here.
func readable(fd int, wait time.Duration) (bool, error) {
	if fd >= unix.FD_SETSIZE {
		return false, unix.EMFILE
	}
	var set unix.FdSet
	set.Set(fd)
	timeout := unix.NsecToTimeval(wait.Nanoseconds())
	n, err := unix.Select(fd+1, &set, nil, nil, &timeout)
	return n > 0, err
}
