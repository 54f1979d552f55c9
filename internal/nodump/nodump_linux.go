package nodump

import "golang.org/x/sys/unix"

// denyTracing makes /proc/PID/mem and the like root's, and has ptrace(2) refused. It
// forbids core files too, which a pipe in core_pattern gets whatever the limit.
func denyTracing() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
