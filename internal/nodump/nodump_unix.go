//go:build unix

package nodump

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Protect forbids core files, and where the system can, other processes of the same
// user to read or trace this one. Programs that this one starts may be traced, and
// write no core file. Call it before a PIN can come in.
func Protect() error {
	return errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}), denyTracing())
}
