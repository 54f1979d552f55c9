package sshagent

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// peer is the user and the process at the other end of a socket, as of its
// connection. A process in another namespace has no number here.
func peer(fd int) (user, pid int, err error) {
	credentials, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	return int(credentials.Uid), int(credentials.Pid), nil
}

// executable is what a process runs: the file's path or, of a process that hides
// that, its name.
func executable(pid int) string {
	if path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		return path
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSuffix(string(name), "\n")
}
