//go:build !linux && !darwin

package sshagent

import (
	"errors"
	"fmt"
	"net"
)

// Listen returns an error that wraps [errors.ErrUnsupported]: only on Linux and macOS the
// agent can identify the user of a connection.
func Listen(string) (net.Listener, error) {
	return nil, fmt.Errorf("ssh-agent sockets: %w", errors.ErrUnsupported)
}

func peerProcess(net.Conn) (Process, error) { return Process{}, ErrOtherUser }
