//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package tty

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// modes are how a terminal is set.
type modes = unix.Termios

// hideTyped has a terminal not show what is typed, and returns how it was before.
func hideTyped(fd uintptr) (*modes, error) {
	before, err := unix.IoctlGetTermios(int(fd), getTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	return before, unix.IoctlSetTermios(int(fd), setTermios, &hidden)
}

// showTyped sets a terminal as it was, and discards what was typed and not read. A
// shell that has taken over and edits a line has its own modes, which are left alone.
func showTyped(fd uintptr, before *modes) {
	now, err := unix.IoctlGetTermios(int(fd), getTermios)
	if err == nil && inBackground(fd) && now.Lflag&unix.ICANON == 0 {
		return
	}
	_ = unix.IoctlSetTermios(int(fd), setTermiosAndFlush, before)
}

// readLine reads a line from a terminal, unless ctx ends first: then nothing is left
// behind that would take what is typed for the next question.
func readLine(ctx context.Context, fd uintptr) ([]byte, error) {
	for ctx.Err() == nil {
		ready, err := readable(int(fd), 100*time.Millisecond)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
		if !ready {
			continue
		}
		line := make([]byte, MaxTyped)
		n, err := unix.Read(int(fd), line) // a whole line is there: it does not wait
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return nil, io.EOF
		}
		return line[:n], nil
	}
	return nil, ctx.Err()
}

// discardTyped forgets what was typed and not read yet, a line that was begun too.
func discardTyped(fd uintptr) {
	if now, err := unix.IoctlGetTermios(int(fd), getTermios); err == nil {
		_ = unix.IoctlSetTermios(int(fd), setTermiosAndFlush, now)
	}
}

// inBackground tells whether the terminal belongs to others now.
func inBackground(fd uintptr) bool {
	group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}
