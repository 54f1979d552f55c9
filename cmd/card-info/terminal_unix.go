//go:build linux || darwin

package main

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// readHiddenLine reads a line from a terminal that does not show it, unless ctx
// ends first: then nothing is left behind that would take what is typed for the
// next question. What was typed after the line is discarded.
func readHiddenLine(ctx context.Context, fd int) ([]byte, error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &hidden); err != nil {
		return nil, err
	}
	defer func() { _ = unix.IoctlSetTermios(fd, setTermiosAndFlush, before) }()

	for ctx.Err() == nil {
		ready, err := readable(fd, 100*time.Millisecond)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
		if !ready {
			continue
		}
		line := make([]byte, maxTyped)
		n, err := unix.Read(fd, line) // a whole line is there: it does not wait
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

// discardTyped forgets what was typed and not read yet.
func discardTyped(fd int) {
	if now, err := unix.IoctlGetTermios(fd, getTermios); err == nil {
		_ = unix.IoctlSetTermios(fd, setTermiosAndFlush, now)
	}
}

// inBackground tells whether the terminal belongs to others now.
func inBackground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}
