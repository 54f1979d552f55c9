package sshagent

import "errors"

// Why there is no socket.
var (
	// ErrUnsafeFolder: the socket's folder is not the caller's alone.
	ErrUnsafeFolder = errors.New("folder is not the caller's own with mode 0700")
	// ErrSocketInUse: somebody listens there.
	ErrSocketInUse = errors.New("socket in use")
	// ErrSocketExists: something else than a socket is there.
	ErrSocketExists = errors.New("file exists")
)
