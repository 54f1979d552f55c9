package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lockSuffix names the file beside a database that every program holds locked, shared,
// while it has the database open, and [Restore] alone, exclusively. The operating system
// releases the lock when a program ends, however it ends. The file is never removed. It
// is empty but while a database is being restored: a restore that was interrupted leaves
// it so, and the database is not opened until one was completed.
const lockSuffix = ".lock"

var errLocked = errors.New("locked by another program")

// lockShared locks a database against [Restore]. Who may only read gets no lock where
// there is none to open.
func lockShared(database string, mode mode) (*os.File, error) {
	lock, err := openLock(database)
	if mode == modeReadOnly && cannotWrite(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	switch err = lockFile(lock, false); {
	case errors.Is(err, errLocked):
		err = fmt.Errorf("%s is being restored", database)
	case err == nil:
		if n, readErr := lock.ReadAt(make([]byte, 1), 0); n > 0 {
			err = fmt.Errorf("restoring %s was interrupted: restore it again", database)
		} else if !errors.Is(readErr, io.EOF) {
			err = readErr
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// lockExclusive locks a database for [Restore], or returns [ErrInUse].
func lockExclusive(database string) (*os.File, error) {
	lock, err := openLock(database)
	if err != nil {
		return nil, err
	}
	if err = lockFile(lock, true); errors.Is(err, errLocked) {
		err = fmt.Errorf("%w: %s", ErrInUse, database)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// openLock opens the lock's file, and makes it if there is none.
func openLock(database string) (*os.File, error) {
	path := database + lockSuffix
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		if err = giveToOwner(lock, database); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		return lock, nil
	}
	lock, openErr := os.OpenFile(path, os.O_RDWR, 0)
	if cannotWrite(openErr) {
		lock, openErr = os.Open(path)
	}
	switch {
	case openErr == nil:
		return lock, nil
	case errors.Is(openErr, fs.ErrNotExist):
		return nil, err // why it was not made
	}
	return nil, openErr
}

func cannotWrite(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
