//go:build linux || darwin

package sshagent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Listen creates a socket that only its owner can connect to: mode 0600 in a folder with
// mode 0700. It creates the folder if it is missing, but not the folder's parents. It
// replaces a socket on which nobody listens. Closing the listener removes the socket.
//
// It returns [ErrUnsafeFolder], [ErrSocketInUse], [ErrSocketExists] or an error of the
// system. On systems other than Linux and macOS it returns [errors.ErrUnsupported].
func Listen(path string) (net.Listener, error) {
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	release, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := clearStale(path); err != nil {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	err = os.Chmod(path, 0o600) // until now the folder's mode protects it
	var created fs.FileInfo
	if err == nil {
		created, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(err, listener.Close(), os.Remove(path))
	}
	return &socket{listener, path, created}, nil
}

// peerProcess returns the process that connected. It returns ErrOtherUser for other users,
// including root, whom the socket's mode does not stop: only the card's user may use it.
// Call it right after accepting, before the process number can be reused.
func peerProcess(conn net.Conn) (Process, error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return Process{}, fmt.Errorf("%w: not a Unix socket", ErrOtherUser)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return Process{}, err
	}
	var user, pid int
	if controlled := raw.Control(func(fd uintptr) { user, pid, err = peer(int(fd)) }); controlled != nil {
		return Process{}, controlled
	}
	switch {
	case err != nil:
		return Process{}, err
	case user != os.Geteuid():
		return Process{}, fmt.Errorf("%w: user ID %d", ErrOtherUser, user)
	case pid <= 0:
		return Process{}, nil
	}
	return Process{PID: pid, Executable: executable(pid)}, nil
}

// lockFolder checks a folder and locks it: two processes that call Listen and find the same
// stale socket would remove each other's new one.
func lockFolder(path string) (release func(), err error) {
	folder, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsafeFolder, err)
	}
	info, err := folder.Stat()
	if err == nil {
		owner, known := info.Sys().(*syscall.Stat_t)
		if !known || int(owner.Uid) != os.Geteuid() || info.Mode().Perm() != 0o700 {
			err = fmt.Errorf("%w: mode %#o", ErrUnsafeFolder, info.Mode().Perm())
		}
	}
	if err == nil {
		err = retryEINTR(func() error { return unix.Flock(int(folder.Fd()), unix.LOCK_EX) })
	}
	if err != nil {
		folder.Close()
		return nil, err
	}
	return func() { folder.Close() }, nil
}

func retryEINTR(call func() error) (err error) {
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = call()
	}
	return err
}

// clearStale removes a socket on which nobody listens.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return ErrSocketExists
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		conn.Close()
		return ErrSocketInUse
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	default: // for example a listener that is too busy to accept
		return fmt.Errorf("%w: %w", ErrSocketInUse, err)
	}
}

// socket is a listener that removes its file when it is closed, unless the file was
// replaced.
type socket struct {
	*net.UnixListener
	path    string
	created fs.FileInfo
}

func (s *socket) Close() error {
	if current, err := os.Lstat(s.path); err == nil && os.SameFile(current, s.created) {
		_ = os.Remove(s.path)
	}
	return s.UnixListener.Close()
}
