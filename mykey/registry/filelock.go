package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lockSuffix is the suffix of a database's lock file. Every program holds a shared lock
// on it while it has the database open. [Restore] holds an exclusive lock. The operating
// system releases the lock when a program ends. The file is never removed. It is empty
// except during a restore: if it is not, a restore was interrupted, and the database
// can't be opened until a restore has completed.
const lockSuffix = ".lock"

var errLocked = errors.New("locked by another program")

// lockShared locks a database against [Restore]. In modeReadOnly it returns nil if the
// lock file does not exist and can't be created.
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

// openLock opens the lock file, and creates it if it does not exist.
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
		return nil, err // the reason why it was not created
	}
	return nil, openErr
}

func cannotWrite(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
