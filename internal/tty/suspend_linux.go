package tty

import (
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// action has room for the system's struct sigaction, whatever the architecture. All
// zero it is the default action.
type action [16]uintptr

// sigaction is rt_sigaction(2). Package signal has no way back to the default action
// of a signal that it has caught or ignored, but for those that end a program.
func sigaction(sig syscall.Signal, now, before *action) error {
	setSize := uintptr(8) // of a set of signals, in bytes
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		setSize = 16
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(now)), uintptr(unsafe.Pointer(before)), setSize, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// isIgnored tells whether the parent process has had a signal ignored.
func isIgnored(sig syscall.Signal) bool {
	const sigIgn = 1
	var now action
	return sigaction(sig, nil, &now) == nil && now[0] == sigIgn
}

// restoreDefault has stop signals stop the process.
func (s *Suspension) restoreDefault() {
	signal.Ignore(s.signals...) // package signal forgets its handler, and installs it when asked again
	for _, sig := range s.signals {
		_ = sigaction(sig.(syscall.Signal), &action{}, nil)
	}
}

// raise sends the calling thread a signal with its default action, which takes effect
// before raise returns.
func (s *Suspension) raise(sig syscall.Signal) {
	s.dispose(byDefault)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), sig)
}

// awaitForeground stops the process in the background of a terminal, as the system
// does when one sets the terminal's modes.
func (s *Suspension) awaitForeground(t *systemTerminal) error {
	now, err := unix.IoctlGetTermios(int(t.in.Fd()), getTermios)
	if err != nil {
		return err
	}
	s.dispose(byDefault)
	return unix.IoctlSetTermios(int(t.in.Fd()), setTermios, now)
}
