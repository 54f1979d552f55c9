//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package tty

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// modes are the modes of a terminal.
type modes = unix.Termios

// hideTyped turns the echo of a terminal off and returns its earlier modes.
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

// showTyped restores the modes of a terminal and discards pending input. It does nothing
// if a shell has taken over the terminal and set its own modes for line editing.
func showTyped(fd uintptr, before *modes) {
	now, err := unix.IoctlGetTermios(int(fd), getTermios)
	if err == nil && inBackground(fd) && now.Lflag&unix.ICANON == 0 {
		return
	}
	_ = unix.IoctlSetTermios(int(fd), setTermiosAndFlush, before)
}

// readLine reads a line from a terminal or returns when ctx is done. It then leaves no
// reader behind that could consume the next answer.
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
		n, err := unix.Read(int(fd), line) // does not block: a line is available
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

// discardTyped discards pending input, including an incomplete line.
func discardTyped(fd uintptr) {
	if now, err := unix.IoctlGetTermios(int(fd), getTermios); err == nil {
		_ = unix.IoctlSetTermios(int(fd), setTermiosAndFlush, now)
	}
}

// inBackground reports whether the process is in the background of the terminal.
func inBackground(fd uintptr) bool {
	group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}
