// Package keyfile writes files that must not be lost or seen by others, as keys, and
// reads files that an operator names.
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

// WriteNew writes a file that only its owner can read. It fails with [fs.ErrExist] and
// leaves what is there as it is if the name is taken. When it returns without an error
// the file is on the disk, and so is its name; with one, there is no file.
func WriteNew(path string, content []byte) error {
	return writeNew(system, path, content, 0o600)
}

// WritePair writes a new file that only its owner can read, and one that everybody can
// read, as WriteNew. With an error there is neither.
func WritePair(private string, secret []byte, public string, open []byte) error {
	return writePair(system, private, secret, public, open)
}

// disk is what is done to files; a test has it fail.
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
	if err := write(d, path, content, mode); err != nil {
		return err
	}
	if err := syncFolder(d, filepath.Dir(path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// write makes a file and has its content on the disk, or leaves none.
func write(d disk, path string, content []byte, mode fs.FileMode) (err error) {
	file, err := create(path, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	_, err = d.write(file, content)
	if err == nil {
		err = d.sync(file)
	}
	return errors.Join(err, file.Close())
}

// Replace writes a file that only its owner can read, in the place of what has the name:
// whoever opens it gets the old content or the new one, whole. If the folder gives its
// files to a group (it has the set-group-ID bit), the group can read it, too. With an
// error what was there stays. After a power failure the old file may be back.
func Replace(path string, content []byte) error {
	return replace(system, path, content)
}

func replace(d disk, path string, content []byte) error {
	folder := filepath.Dir(path)
	unfinished := filepath.Join(folder, "."+filepath.Base(path)+"."+rand.Text())
	if err := write(d, unfinished, content, 0o600); err != nil {
		return err
	}
	info, err := os.Stat(folder)
	if err == nil && info.Mode()&fs.ModeSetgid != 0 {
		err = os.Chmod(unfinished, 0o640) // whatever the umask is
	}
	if err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return nil
}

// syncFolder has a folder's names on the disk. File systems that can't say so are
// believed, and so is a folder that may be written and not read; Windows has no such
// thing.
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

// Read reads a regular file of at most longest bytes, and returns its mode for [Exposed].
// It does not wait for a pipe or device that has the name. The content is the caller's
// to wipe.
//
// On Windows the mode is made from the access control list: the bits of others are what
// anybody but the owner, this user, administrators and the system may do.
func Read(path string, longest int) ([]byte, fs.FileMode, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	mode, err := access(file, info.Mode())
	if err != nil {
		return nil, 0, &fs.PathError{Op: "read the permissions of", Path: path, Err: err}
	}
	content := make([]byte, longest+1) // at once: a buffer that grows leaves copies behind
	n, err := io.ReadFull(file, content)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return content[:n], mode, nil
	case err == nil:
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("longer than %d bytes", longest)}
	}
	clear(content)
	return nil, 0, err
}

// Exposed tells whether others than its owner may read or change a file.
func Exposed(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 }
