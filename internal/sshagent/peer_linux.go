package sshagent

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// peer returns the user and the process that connected to a socket. The process number is 0
// for a process in another PID namespace.
func peer(fd int) (user, pid int, err error) {
	credentials, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	return int(credentials.Uid), int(credentials.Pid), nil
}

// executable returns the path of a process's executable, or the process's name if the path
// can't be read.
func executable(pid int) string {
	if path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		return path
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSuffix(string(name), "\n")
}
