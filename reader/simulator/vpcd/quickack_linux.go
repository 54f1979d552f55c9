package vpcd

import (
	"net"
	"syscall"
)

// acknowledgeAtOnce turns off delayed acknowledgements until the next read. The virtual
// reader sends length and payload separately, and the payload waits until the length is
// acknowledged. A delayed acknowledgement would cost 40 ms per command.
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
