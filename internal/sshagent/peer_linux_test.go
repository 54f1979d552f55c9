package sshagent_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/internal/sshagent"
)

// Another user is rejected even if the socket's mode allows access.
func TestAnotherUserIsRejected(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	d := newDesk(t)
	for folder := filepath.Dir(d.socket); folder != os.TempDir(); folder = filepath.Dir(folder) {
		require.NoError(t, os.Chmod(folder, 0o755))
	}
	require.NoError(t, os.Chmod(d.socket, 0o666))

	type connection struct {
		net.Conn
		err error
	}
	connected := make(chan connection)
	go func() {
		runtime.LockOSThread() // and so ends with the goroutine: only this thread becomes somebody else
		const unchanged, nobody = ^uintptr(0), 65534
		if _, _, failed := syscall.RawSyscall(unix.SYS_SETRESUID, unchanged, nobody, unchanged); failed != 0 {
			connected <- connection{err: failed}
			return
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: d.socket})
		}
		if err != nil {
			connected <- connection{err: err}
			return
		}
		file := os.NewFile(uintptr(fd), "socket")
		defer file.Close()
		conn, err := net.FileConn(file)
		connected <- connection{conn, err}
	}()
	other := <-connected
	require.NoError(t, other.err)
	defer other.Close()
	require.NoError(t, other.SetReadDeadline(time.Now().Add(20*time.Second)))
	answer, err := io.ReadAll(other)
	if err != nil {
		require.ErrorIs(t, err, syscall.ECONNRESET)
	}
	assert.Empty(t, answer)
	require.ErrorIs(t, d.refused(t), sshagent.ErrOtherUser)
	key(t, d.client(t)) // ours still works
}
