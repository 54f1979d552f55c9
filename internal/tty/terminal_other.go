//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd || windows)

package tty

import (
	"context"
	"errors"
)

// modes are how a terminal is set.
type modes struct{}

// Without a way to hide what is typed nobody is asked.
func hideTyped(uintptr) (*modes, error) { return nil, errors.ErrUnsupported }

func showTyped(uintptr, *modes) {}

func readLine(context.Context, uintptr) ([]byte, error) { return nil, errors.ErrUnsupported }

func discardTyped(uintptr) {}

func inBackground(uintptr) bool { return false }
