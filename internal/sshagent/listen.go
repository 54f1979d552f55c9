package sshagent

import "errors"

// Errors of [Listen].
var (
	// ErrUnsafeFolder reports that other users can access the socket's folder.
	ErrUnsafeFolder = errors.New("folder is not the caller's own with mode 0700")
	// ErrSocketInUse reports that a process listens on the socket.
	ErrSocketInUse = errors.New("socket in use")
	// ErrSocketExists reports that the path is a file other than a socket.
	ErrSocketExists = errors.New("file exists")
)
