package vpcd

import (
	"net"
	"syscall"
)

// acknowledgeAtOnce turns delayed acknowledgements off until the next read.
// The virtual reader sends length and payload apart, and its second send
// waits for our acknowledgement of the first: 40 ms a command otherwise.
func acknowledgeAtOnce(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
}
