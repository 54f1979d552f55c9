//go:build !linux

package vpcd

import "net"

// acknowledgeAtOnce does nothing on this platform.
func acknowledgeAtOnce(net.Conn) {}
