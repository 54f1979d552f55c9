//go:build !windows

package keyfile

import (
	"io/fs"
	"os"
)

// create creates a new file.
func create(path string, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// access returns the mode unchanged.
func access(_ *os.File, mode fs.FileMode) (fs.FileMode, error) { return mode, nil }
