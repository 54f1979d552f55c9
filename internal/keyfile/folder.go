package keyfile

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// NewFolder makes a folder with files, by name, that only their owner can use. It returns
// [fs.ErrExist] if the path exists. The folder appears with all its files or not at all; if the
// program is killed, a folder whose name begins with a dot and the folder's name may be left.
func NewFolder(path string, files map[string][]byte) error {
	return newFolder(system, path, files)
}

func newFolder(d disk, path string, files map[string][]byte) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: fs.ErrExist}
	}
	parent := filepath.Dir(path)
	unfinished := filepath.Join(parent, UnfinishedPrefix(path)+rand.Text())
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	made := unfinished
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(made))
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := write(d, filepath.Join(unfinished, name), 0o600, d.all(files[name])); err != nil {
			return err
		}
	}
	if err := syncFolder(d, unfinished); err != nil {
		return err
	}
	if err := os.Rename(unfinished, path); err != nil { // never replaces a folder
		return err
	}
	made = path
	return syncFolder(d, parent)
}

// UnfinishedPrefix returns how the names of unfinished folders of [NewFolder] begin.
func UnfinishedPrefix(path string) string { return "." + filepath.Base(path) + "." }

// CheckNew returns the error with which [WriteNew] would refuse to make a file, without making it: something has the
// name already, which is [fs.ErrExist], or no file can be made in its folder.
func CheckNew(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return cmp.Or(err, fs.ErrExist)
	}
	file, err := os.CreateTemp(filepath.Dir(path), UnfinishedPrefix(path))
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// WriteNewWith is like [WriteNew] for a file that fill writes, which may be longer than memory. The file
// appears under its name when it is complete and synced. If the program is killed, a file whose name begins
// with [UnfinishedPrefix] may be left.
func WriteNewWith(path string, fill func(file *os.File) error) error {
	return writeNewWith(system, path, fill)
}

func writeNewWith(d disk, path string, fill func(file *os.File) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	folder := filepath.Dir(path)
	unfinished := filepath.Join(folder, UnfinishedPrefix(path)+rand.Text())
	if err := write(d, unfinished, 0o600, fill); err != nil {
		return err
	}
	defer func() {
		if left := os.Remove(unfinished); !errors.Is(left, fs.ErrNotExist) {
			err = errors.Join(err, left)
		}
	}()
	if err := giveName(unfinished, path); err != nil {
		return err
	}
	if err := syncFolder(d, folder); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// giveName names a file that is complete. A link replaces no file; file systems without links, such as FAT, get
// a renaming after another look.
func giveName(unfinished, path string) error {
	err := os.Link(unfinished, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "rename", Path: path, Err: fs.ErrExist}
	}
	return os.Rename(unfinished, path)
}
