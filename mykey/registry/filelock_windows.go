package registry

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks a file, shared or exclusively, without waiting, until it is closed. The
// locked byte is far behind the content, which others may read.
func lockFile(file *os.File, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errLocked
	}
	return err
}

// giveToOwner does nothing: a new file's rights come from its folder.
func giveToOwner(*os.File, string) error { return nil }
