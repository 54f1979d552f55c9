//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd || windows)

package tty

import (
	"context"
	"errors"
)

// modes are the modes of a terminal.
type modes struct{}

// hideTyped fails, so that no secret is asked for with the echo on.
func hideTyped(uintptr) (*modes, error) { return nil, errors.ErrUnsupported }

func showTyped(uintptr, *modes) {}

func readLine(context.Context, uintptr) ([]byte, error) { return nil, errors.ErrUnsupported }

func discardTyped(uintptr) {}

func inBackground(uintptr) bool { return false }
