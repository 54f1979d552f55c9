package sshagent

import "golang.org/x/sys/unix"

// peer returns the user and the process that connected to a socket.
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

// executable returns the name of a process's executable, without its path.
func executable(pid int) string {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(info.Proc.P_comm[:])
}
