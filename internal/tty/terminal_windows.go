package tty

import (
	"context"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/sys/windows"
)

// modes are the modes of a console.
type modes = uint32

// hideTyped turns the echo of a console off and returns its earlier modes.
func hideTyped(fd uintptr) (*modes, error) {
	var before modes
	if err := windows.GetConsoleMode(windows.Handle(fd), &before); err != nil {
		return nil, err
	}
	hidden := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	return &before, windows.SetConsoleMode(windows.Handle(fd), hidden)
}

// showTyped restores the modes of a console and discards pending input.
func showTyped(fd uintptr, before *modes) {
	discardTyped(fd)
	_ = windows.SetConsoleMode(windows.Handle(fd), *before)
}

// readLine reads a line from a console. If ctx is done first, the read continues in its
// goroutine.
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

// toUTF8 converts console input to UTF-8 without leaving a copy.
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

// discardTyped discards pending input.
func discardTyped(fd uintptr) { _ = windows.FlushConsoleInputBuffer(windows.Handle(fd)) }

// inBackground returns false. Only ssh-agent uses it, which does not run on Windows.
func inBackground(uintptr) bool { return false }
