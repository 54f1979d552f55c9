//go:build linux || darwin

package sshagent_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/sshagent"
)

func TestOnlyItsOwnerCanUseTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "socket")
	listener, err := sshagent.Listen(path)
	require.NoError(t, err)
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), name)
	}
	_, err = sshagent.Listen(path)
	require.ErrorIs(t, err, sshagent.ErrSocketInUse)
	require.NoError(t, listener.Close())
	assert.NoFileExists(t, path)
}

func TestWhereTheSocketMayBe(t *testing.T) {
	folder := func(mode os.FileMode) string {
		folder := t.TempDir()
		require.NoError(t, os.Chmod(folder, mode))
		return folder
	}
	linked := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(folder(0o700), linked))
	for _, tt := range []struct {
		name, folder string
		err          error
	}{
		{"its owner's", folder(0o700), nil},
		{"readable by others", folder(0o755), sshagent.ErrUnsafeFolder},
		{"writable by a group", folder(0o770), sshagent.ErrUnsafeFolder},
		{"writable by everybody", folder(0o777), sshagent.ErrUnsafeFolder},
		{"a link", linked, sshagent.ErrUnsafeFolder},
		{"in no folder", filepath.Join(t.TempDir(), "a", "b"), os.ErrNotExist},
	} {
		listener, err := sshagent.Listen(filepath.Join(tt.folder, "socket"))
		if tt.err != nil {
			require.ErrorIs(t, err, tt.err, tt.name)
			continue
		}
		require.NoError(t, err, tt.name)
		require.NoError(t, listener.Close())
	}
	if os.Geteuid() == 0 {
		others := folder(0o700)
		require.NoError(t, os.Chown(others, 1, 1))
		_, err := sshagent.Listen(filepath.Join(others, "socket"))
		require.ErrorIs(t, err, sshagent.ErrUnsafeFolder)
	}
}

// A socket without a listener is replaced. Anything else at the path is an error.
func TestFilesAtTheSocketsPath(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o700))
	path := filepath.Join(folder, "socket")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	dead.SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	listener, err := sshagent.Listen(path)
	require.NoError(t, err)

	// Another's socket in its place is not removed with it.
	require.NoError(t, os.Remove(path))
	another, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	assert.FileExists(t, path)
	require.NoError(t, another.Close())

	require.NoError(t, os.WriteFile(path, []byte("a file"), 0o600))
	_, err = sshagent.Listen(path)
	require.ErrorIs(t, err, sshagent.ErrSocketExists)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink("/nonexistent/socket", path))
	_, err = sshagent.Listen(path)
	require.ErrorIs(t, err, sshagent.ErrSocketExists)
}

// A path that is too long for a socket is an error.
func TestPathsThatAreTooLongForASocket(t *testing.T) {
	listener, err := sshagent.Listen(filepath.Join(t.TempDir(), "folder", strings.Repeat("s", 200)))
	require.Error(t, err)
	assert.Nil(t, listener)
}
