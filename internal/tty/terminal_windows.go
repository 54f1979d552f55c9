package tty

import (
	"context"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/sys/windows"
)

// modes are how a console is set.
type modes = uint32

// hideTyped has a console not show what is typed, and returns how it was before.
func hideTyped(fd uintptr) (*modes, error) {
	var before modes
	if err := windows.GetConsoleMode(windows.Handle(fd), &before); err != nil {
		return nil, err
	}
	hidden := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	return &before, windows.SetConsoleMode(windows.Handle(fd), hidden)
}

// showTyped sets a console as it was, and discards what was typed and not read.
func showTyped(fd uintptr, before *modes) {
	discardTyped(fd)
	_ = windows.SetConsoleMode(windows.Handle(fd), *before)
}

// readLine reads a line from a console. When ctx ends first the read is left behind.
func readLine(ctx context.Context, fd uintptr) ([]byte, error) {
	return UntilDone(ctx, func() ([]byte, error) {
		typed := make([]uint16, MaxTyped)
		defer clear(typed)
		var n uint32
		if err := windows.ReadConsole(windows.Handle(fd), &typed[0], MaxTyped, &n, nil); err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, io.EOF
		}
		return toUTF8(typed[:n]), nil
	})
}

// toUTF8 converts what a console gave, without a copy that would not be wiped.
func toUTF8(typed []uint16) []byte {
	line := make([]byte, 0, utf8.UTFMax*len(typed))
	for i := 0; i < len(typed); i++ {
		r := rune(typed[i])
		if utf16.IsSurrogate(r) && i+1 < len(typed) {
			i++
			r = utf16.DecodeRune(r, rune(typed[i]))
		}
		line = utf8.AppendRune(line, r)
	}
	return line
}

// discardTyped forgets what was typed and not read yet.
func discardTyped(fd uintptr) { _ = windows.FlushConsoleInputBuffer(windows.Handle(fd)) }

// inBackground is for ssh-agent, which does not run here.
func inBackground(uintptr) bool { return false }
