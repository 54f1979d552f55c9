package tty

import (
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// action is large enough for struct sigaction on every architecture. The zero value is
// the default action.
type action [16]uintptr

// sigaction calls rt_sigaction(2). Package signal can restore the default action only for
// signals that end a program.
func sigaction(sig syscall.Signal, now, before *action) error {
	setSize := uintptr(8) // size of a signal set, in bytes
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

// isIgnored reports whether the parent process made this process ignore a signal.
func isIgnored(sig syscall.Signal) bool {
	const sigIgn = 1
	var now action
	return sigaction(sig, nil, &now) == nil && now[0] == sigIgn
}

// restoreDefault makes stop signals stop the process.
func (s *Suspension) restoreDefault() {
	signal.Ignore(s.signals...) // so that package signal installs its handler again later
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

// awaitForeground stops the process while it is in the background of its terminal: the
// system does that when a background process sets the terminal's modes.
func (s *Suspension) awaitForeground(t *systemTerminal) error {
	now, err := unix.IoctlGetTermios(int(t.in.Fd()), getTermios)
	if err != nil {
		return err
	}
	s.dispose(byDefault)
	return unix.IoctlSetTermios(int(t.in.Fd()), setTermios, now)
}
