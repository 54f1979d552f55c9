//go:build !linux

package vpcd

import "net"

// acknowledgeAtOnce has no counterpart here.
func acknowledgeAtOnce(net.Conn) {}
