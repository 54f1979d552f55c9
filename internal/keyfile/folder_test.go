package keyfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var folderFiles = map[string][]byte{"a": []byte("first"), "b": []byte("second")}

// A new folder and its files are private, and an existing folder or file is not touched.
func TestNewFolder(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "keys")
	require.NoError(t, NewFolder(path, folderFiles))
	assert.Equal(t, []string{"a", "b"}, namesIn(t, path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		assert.EqualValues(t, 0o700, info.Mode().Perm())
	}
	content, mode, err := Read(filepath.Join(path, "b"), 100)
	require.NoError(t, err)
	assert.Equal(t, "second", string(content))
	assert.False(t, Exposed(mode))

	require.ErrorIs(t, NewFolder(path, folderFiles), fs.ErrExist)
	for name, occupy := range map[string]func(string) error{
		"an empty folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a file":          func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		path := filepath.Join(parent, name)
		require.NoError(t, occupy(path))
		require.ErrorIs(t, NewFolder(path, folderFiles), fs.ErrExist, name)
	}
	require.ErrorIs(t, NewFolder(filepath.Join(parent, "no", "keys"), folderFiles), fs.ErrNotExist)
	assert.Equal(t, []string{"a file", "an empty folder", "keys"}, namesIn(t, parent))
}

// If any disk operation fails, nothing is left. If the program is killed, there is no folder
// with only some of the files.
func TestNewFolderFails(t *testing.T) {
	failure := errors.New("disk full")
	operations := 6 // two files written and synced, two folders synced
	if runtime.GOOS == "windows" {
		operations = 4
	}
	for n := 1; n <= operations+1; n++ {
		parent := t.TempDir()
		path := filepath.Join(parent, "keys")
		f := &failing{n: n, err: failure}
		d := f.disk()
		observed := disk{
			write: func(file *os.File, content []byte) (int, error) {
				assert.NoDirExists(t, path)
				return d.write(file, content)
			},
			sync: d.sync,
		}
		err := newFolder(observed, path, folderFiles)
		if n > operations {
			require.NoError(t, err)
			assert.Equal(t, []string{"keys"}, namesIn(t, parent))
			continue
		}
		require.ErrorIs(t, err, failure)
		assert.Empty(t, namesIn(t, parent), n)
	}
}

// A file that is written in pieces appears when it is complete, and replaces none. If anything fails, nothing is
// left.
//
// Faults: F152.
func TestWriteNewWith(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "signed.pdf")
	half := func(file *os.File) error {
		_, err := file.WriteString("half ")
		assert.NoFileExists(t, path)
		return err
	}
	full := errors.New("disk full")
	require.ErrorIs(t, WriteNewWith(path, func(file *os.File) error { return errors.Join(half(file), full) }), full)
	assert.Empty(t, namesIn(t, folder))
	for n := 1; n <= 2; n++ {
		d := (&failing{n: n, err: full}).disk()
		err := writeNewWith(d, path, half)
		if runtime.GOOS != "windows" || n == 1 { // folders are not synced there
			require.ErrorIs(t, err, full)
		}
		if n == 1 {
			assert.Empty(t, namesIn(t, folder))
		}
		_ = os.Remove(path)
	}
	require.NoError(t, WriteNewWith(path, half))
	content, _, err := Read(path, 100)
	require.NoError(t, err)
	assert.Equal(t, "half ", string(content))
	require.ErrorIs(t, WriteNewWith(path, half), fs.ErrExist)
	later := filepath.Join(folder, "later.pdf")
	err = WriteNewWith(later, func(*os.File) error { return os.WriteFile(later, nil, 0o600) })
	require.ErrorIs(t, err, fs.ErrExist)
	assert.Equal(t, []string{"later.pdf", "signed.pdf"}, namesIn(t, folder))
}

// A name is free if nothing has it and a file can be made in its folder. Finding out leaves nothing.
func TestCheckNew(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, CheckNew(file))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorIs(t, CheckNew(file), fs.ErrExist)
	require.Error(t, CheckNew(filepath.Join(file, "below")), "its folder is a file")
	require.ErrorIs(t, CheckNew(filepath.Join(folder, "missing", "file")), fs.ErrNotExist)
}
