//go:build unix

package nodump

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Protect disables core files and, if the system supports it, prevents other processes of
// the same user from reading or tracing this one. Child processes inherit only the former.
// Call Protect before the program can receive a PIN.
func Protect() error {
	return errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}), denyTracing())
}
