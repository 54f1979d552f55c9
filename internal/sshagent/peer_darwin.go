package sshagent

import "golang.org/x/sys/unix"

// peer is the user at the other end of a socket, as of its connection.
func peer(fd int) (user int, err error) {
	credentials, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(credentials.Uid), nil
}
