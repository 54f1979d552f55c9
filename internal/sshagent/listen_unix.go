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

// Listen makes a socket that only its owner can connect to: mode 0600 in a folder
// with mode 0700, which is made if it is missing, but not what it is in. A socket
// that nobody listens at is replaced, and nothing else. Closing the listener
// removes the socket.
//
// It fails with [ErrUnsafeFolder], [ErrSocketInUse], [ErrSocketExists], or the
// system's error; elsewhere than on Linux and macOS with
// [errors.ErrUnsupported].
func Listen(path string) (net.Listener, error) {
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	release, err := ownFolder(folder)
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
	err = os.Chmod(path, 0o600) // nobody else could reach it until now, for its folder
	var made fs.FileInfo
	if err == nil {
		made, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(err, listener.Close(), os.Remove(path))
	}
	return &socket{listener, path, made}, nil
}

// ofThisUser refuses connections of others, root's too, whom the socket's mode
// does not stop: a card is asked for by the person in front of it. The process is the
// one that connected, and is looked up at once, before its number can be another's.
func ofThisUser(conn net.Conn) (Process, error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return Process{}, fmt.Errorf("%w: by another network", ErrOtherUser)
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
		return Process{}, fmt.Errorf("%w: number %d", ErrOtherUser, user)
	case pid <= 0:
		return Process{}, nil
	}
	return Process{PID: pid, Executable: executable(pid)}, nil
}

// ownFolder checks a folder, and keeps others who call Listen waiting: two that
// find the same stale socket would remove each other's new one.
func ownFolder(path string) (release func(), err error) {
	folder, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsafeFolder, err)
	}
	info, err := folder.Stat()
	if err == nil {
		owner, known := info.Sys().(*syscall.Stat_t)
		if !known || int(owner.Uid) != os.Geteuid() || info.Mode().Perm() != 0o700 {
			err = fmt.Errorf("%w: it has %#o", ErrUnsafeFolder, info.Mode().Perm())
		}
	}
	if err == nil {
		err = ignoringEINTR(func() error { return unix.Flock(int(folder.Fd()), unix.LOCK_EX) })
	}
	if err != nil {
		folder.Close()
		return nil, err
	}
	return func() { folder.Close() }, nil
}

func ignoringEINTR(call func() error) (err error) {
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = call()
	}
	return err
}

// clearStale removes a socket that nobody listens at.
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
	default: // somebody who is too busy to answer, too
		return fmt.Errorf("%w: %w", ErrSocketInUse, err)
	}
}

// socket is a listener that removes its file, and no other that has come in its
// place.
type socket struct {
	*net.UnixListener
	path string
	made fs.FileInfo
}

func (s *socket) Close() error {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
		_ = os.Remove(s.path)
	}
	return s.UnixListener.Close()
}
