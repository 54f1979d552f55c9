// Package keyfile writes files that must not be lost or exposed, such as keys, and reads
// files that an operator names.
package keyfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteNew writes a new file that only its owner can read. It returns [fs.ErrExist] if
// the file already exists. On success the file and its directory entry are synced to
// disk. On failure there is no new file.
func WriteNew(path string, content []byte) error {
	return writeNew(system, path, content, 0o600)
}

// WritePair writes a new file that only its owner can read and a new file that everyone
// can read. It syncs them like WriteNew. On failure there is no new file.
func WritePair(private string, secret []byte, public string, open []byte) error {
	return writePair(system, private, secret, public, open)
}

// disk holds the disk operations, so that tests can make them fail.
type disk struct {
	write func(file *os.File, content []byte) (int, error)
	sync  func(file *os.File) error
}

var system = disk{write: (*os.File).Write, sync: (*os.File).Sync}

func writePair(d disk, private string, secret []byte, public string, open []byte) error {
	if err := writeNew(d, private, secret, 0o600); err != nil {
		return err
	}
	if err := writeNew(d, public, open, 0o644); err != nil {
		return errors.Join(err, os.Remove(private))
	}
	return nil
}

func writeNew(d disk, path string, content []byte, mode fs.FileMode) error {
	if err := write(d, path, mode, d.all(content)); err != nil {
		return err
	}
	if err := syncFolder(d, filepath.Dir(path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// all returns a function that writes the whole content of a file.
func (d disk) all(content []byte) func(*os.File) error {
	return func(file *os.File) error {
		_, err := d.write(file, content)
		return err
	}
}

// write creates a file, has fill write its content, and syncs it. On failure it removes the file.
func write(d disk, path string, mode fs.FileMode, fill func(*os.File) error) (err error) {
	file, err := create(path, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	err = fill(file)
	if err == nil {
		err = d.sync(file)
	}
	return errors.Join(err, file.Close())
}

// Replace atomically replaces or creates a file that only its owner can read. If the
// folder has the set-group-ID bit, the group can read the file too. On failure the old
// file stays. After a power failure the old file may be back.
func Replace(path string, content []byte) error {
	return replace(system, path, content)
}

func replace(d disk, path string, content []byte) error {
	folder := filepath.Dir(path)
	unfinished := filepath.Join(folder, "."+filepath.Base(path)+"."+rand.Text())
	if err := write(d, unfinished, 0o600, d.all(content)); err != nil {
		return err
	}
	info, err := os.Stat(folder)
	if err == nil && info.Mode()&fs.ModeSetgid != 0 {
		err = os.Chmod(unfinished, 0o640) // regardless of the umask
	}
	if err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return nil
}

// syncFolder syncs the entries of a folder to disk. It returns nil if the file system or
// the system can't sync folders, or if the folder is not readable.
func syncFolder(d disk, path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	err = d.sync(folder)
	for _, cannot := range []error{syscall.EINVAL, syscall.EBADF, fs.ErrPermission, errors.ErrUnsupported} {
		if errors.Is(err, cannot) {
			return nil
		}
	}
	return err
}

// Open opens a regular file of any length for reading, and returns what is known about it. It does not block on a
// pipe or a device: these, and folders, are an error.
func Open(path string) (*os.File, fs.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// Read reads a regular file of at most maxLen bytes and returns its mode for [Exposed].
// It does not block on a pipe or a device. The caller wipes the content.
//
// On Windows Read derives the mode from the access control list: the bits for others are
// the rights of accounts other than the owner, the current user, administrators and the
// system.
func Read(path string, maxLen int) ([]byte, fs.FileMode, error) {
	file, info, err := Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	mode, err := access(file, info.Mode())
	if err != nil {
		return nil, 0, &fs.PathError{Op: "read the permissions of", Path: path, Err: err}
	}
	content := make([]byte, maxLen+1) // full size, since a growing buffer leaves copies
	n, err := io.ReadFull(file, content)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return content[:n], mode, nil
	case err == nil:
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("longer than %d bytes", maxLen)}
	}
	clear(content)
	return nil, 0, err
}

// Exposed reports whether accounts other than the owner may read or change a file.
func Exposed(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 }
