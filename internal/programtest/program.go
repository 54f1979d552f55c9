// Package programtest runs other programs in tests.
package programtest

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns a command that runs another program, and skips the test if the program is missing. If the
// environment variable MYKEYKIT_E2E is "required", the test fails instead.
func Program(t testing.TB, name string, arguments ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name)
	}
	return exec.CommandContext(t.Context(), path, arguments...)
}

// Missing skips the test, or fails it where everything must be there.
func Missing(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("MYKEYKIT_E2E") == "required" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("%s is missing", name)
}
