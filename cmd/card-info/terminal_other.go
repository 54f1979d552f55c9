//go:build !linux && !darwin

package main

import (
	"context"

	"golang.org/x/term"
)

// readHiddenLine reads a line that is not shown. When ctx ends first the read is
// left behind.
func readHiddenLine(ctx context.Context, fd int) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	line, err := untilDone(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	if ctx.Err() != nil {
		_ = term.Restore(fd, before) // the read has turned the echo off
	}
	return line, err
}

// discardTyped and inBackground are for ssh-agent, which is not for these systems.
func discardTyped(int) {}

func inBackground(int) bool { return false }
