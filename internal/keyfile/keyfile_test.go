package keyfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// namesIn returns the names in a folder.
func namesIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A new file is private, and an existing file is not overwritten.
//
// Faults: F90.
func TestWriteNew(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key")
	require.NoError(t, WriteNew(path, []byte("secret\n")))
	content, mode, err := Read(path, 100)
	require.NoError(t, err)
	assert.Equal(t, "secret\n", string(content))
	assert.EqualValues(t, 0o600, mode.Perm())
	assert.False(t, Exposed(mode))
	require.ErrorIs(t, WriteNew(path, []byte("other\n")), fs.ErrExist)
	require.ErrorIs(t, WriteNew(filepath.Join(folder, "no", "key"), nil), fs.ErrNotExist)
	content, _, err = Read(path, 100)
	require.NoError(t, err)
	assert.Equal(t, "secret\n", string(content), "an existing file is unchanged")
	assert.Equal(t, []string{"key"}, namesIn(t, folder))
}

// failing logs disk operations and fails the nth, counted from 1.
type failing struct {
	n, done int
	err     error
	log     []string
}

func (f *failing) disk() disk {
	do := func(what string, file *os.File) error {
		f.done++
		f.log = append(f.log, what+" "+filepath.Base(file.Name()))
		if f.done == f.n {
			return f.err
		}
		return nil
	}
	return disk{
		write: func(file *os.File, content []byte) (int, error) {
			if err := do("write", file); err != nil {
				n, _ := file.Write(content[:len(content)/2]) // a partial write
				return n, err
			}
			return file.Write(content)
		},
		sync: func(file *os.File) error { return do("sync", file) },
	}
}

// If any disk operation fails, no file is left: no partial file, no single file of a
// pair, and no file that could be lost in a power failure.
//
// Faults: F90.
func TestFailedWritesLeaveNoFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not sync folders")
	}
	folder := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.Mkdir(folder, 0o700))
	private, public := filepath.Join(folder, "private"), filepath.Join(folder, "public")
	whole := &failing{}
	require.NoError(t, writePair(whole.disk(), private, []byte("secret"), public, []byte("open")))
	require.Equal(t, []string{"write private", "sync private", "sync folder", "write public", "sync public", "sync folder"}, whole.log)
	require.NoError(t, os.Remove(private))
	require.NoError(t, os.Remove(public))

	for n := range whole.log {
		f := &failing{n: n + 1, err: syscall.ENOSPC}
		require.ErrorIs(t, writePair(f.disk(), private, []byte("secret"), public, []byte("open")), syscall.ENOSPC)
		assert.Empty(t, namesIn(t, folder), "at: %s", whole.log[n])
		if n < 3 {
			f = &failing{n: n + 1, err: syscall.EIO}
			require.ErrorIs(t, writeNew(f.disk(), private, []byte("secret"), 0o600), syscall.EIO)
			assert.Empty(t, namesIn(t, folder))
		}
	}

	for _, err := range []error{syscall.EINVAL, syscall.EBADF, syscall.EPERM, syscall.EACCES, errors.ErrUnsupported} {
		f := &failing{n: 3, err: err}
		require.NoError(t, writeNew(f.disk(), private, []byte("secret"), 0o600), "a file system that can't sync folders")
		require.NoError(t, os.Remove(private))
		f = &failing{n: 2, err: err}
		require.Error(t, writeNew(f.disk(), private, []byte("secret"), 0o600), "a file that can't be synced")
	}
}

// Replace is atomic and leaves no temporary file.
func TestReplace(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.Mkdir(folder, 0o700))
	path := filepath.Join(folder, "page")
	require.ErrorIs(t, Replace(filepath.Join(folder, "no", "page"), nil), fs.ErrNotExist)
	require.NoError(t, Replace(path, []byte("first")))
	require.NoError(t, os.Chmod(path, 0o644)) // changed by someone
	var old *os.File
	if runtime.GOOS != "windows" { // Windows can't replace an open file
		var err error
		old, err = os.Open(path)
		require.NoError(t, err)
		defer old.Close()
	}

	whole := &failing{}
	require.NoError(t, replace(whole.disk(), path, []byte("second")))
	require.Len(t, whole.log, 2, "written and synced before the rename: %v", whole.log)
	content, mode, err := Read(path, 100)
	require.NoError(t, err)
	assert.Equal(t, "second", string(content))
	assert.EqualValues(t, 0o600, mode.Perm())
	if old != nil {
		before, err := io.ReadAll(old)
		require.NoError(t, err)
		assert.Equal(t, "first", string(before), "an open file keeps the old content")
	}

	for n := range whole.log {
		f := &failing{n: n + 1, err: syscall.ENOSPC}
		require.ErrorIs(t, replace(f.disk(), path, []byte("third")), syscall.ENOSPC)
		content, _, err := Read(path, 100)
		require.NoError(t, err)
		assert.Equal(t, "second", string(content))
		assert.Equal(t, []string{"page"}, namesIn(t, folder))
	}
	taken := filepath.Join(folder, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(taken, "full"), 0o700))
	require.Error(t, Replace(taken, nil), "the path is a folder")
	assert.ElementsMatch(t, []string{"page", "taken"}, namesIn(t, folder))
}

// Read limits the length and rejects folders.
func TestRead(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), 100), 0o600))
	content, _, err := Read(path, 100)
	require.NoError(t, err)
	assert.Len(t, content, 100)
	content, _, err = Read(path, 99)
	require.ErrorContains(t, err, "longer than 99 bytes")
	assert.Nil(t, content)
	_, _, err = Read(folder, 100)
	require.Error(t, err)
	_, _, err = Read(filepath.Join(folder, "none"), 100)
	require.ErrorIs(t, err, fs.ErrNotExist)
	empty := filepath.Join(folder, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	content, _, err = Read(empty, 100)
	require.NoError(t, err)
	assert.Empty(t, content)
	link := filepath.Join(folder, "link")
	if err := os.Symlink(path, link); err == nil {
		content, _, err = Read(link, 100)
		require.NoError(t, err)
		assert.Len(t, content, 100)
	}
}

// A file with any permission for group or others is exposed.
//
// Faults: F95.
func TestExposed(t *testing.T) {
	for mode := range fs.FileMode(0o1000) {
		assert.Equal(t, mode&0o077 != 0, Exposed(mode), "%o", mode)
	}
}
