package sshagent

import "golang.org/x/sys/unix"

// peer is the user and the process at the other end of a socket, as of its
// connection.
func peer(fd int) (user, pid int, err error) {
	credentials, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, 0, err
	}
	if pid, err = unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err != nil {
		pid = 0 // unknown
	}
	return int(credentials.Uid), pid, nil
}

// executable is the name of the file that a process runs.
func executable(pid int) string {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(info.Proc.P_comm[:])
}
