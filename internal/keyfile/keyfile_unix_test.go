//go:build unix

package keyfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// In a folder with the set-group-ID bit, a replaced file is readable by the group,
// regardless of the umask.
func TestReplaceForAGroup(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	folder := t.TempDir()
	groups, err := os.Getgroups()
	require.NoError(t, err)
	group := os.Getgid()
	if os.Getuid() == 0 {
		group = 65534
	} else if len(groups) > 0 {
		group = groups[len(groups)-1]
	}
	require.NoError(t, os.Chown(folder, -1, group))
	require.NoError(t, os.Chmod(folder, 0o750|fs.ModeSetgid))
	path := filepath.Join(folder, "page")
	require.NoError(t, Replace(path, []byte("content")))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode())
	assert.EqualValues(t, group, info.Sys().(*syscall.Stat_t).Gid)
}

// Read rejects a pipe or a device without blocking.
//
// Faults: F124.
func TestReadDoesNotBlock(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, "/dev/zero", "/dev/null"} {
		ended := make(chan error, 1)
		go func() {
			_, _, err := Read(path, 100)
			ended <- err
		}()
		select {
		case err := <-ended:
			require.ErrorContains(t, err, "not a regular file", path)
		case <-time.After(time.Minute):
			require.Fail(t, "Read blocks", path)
		}
	}
}
