//go:build unix

package keyfile

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A pipe or a device with the name of a file does not keep the program waiting.
func TestReadDoesNotWait(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, "/dev/zero", "/dev/null"} {
		ended := make(chan error, 1)
		go func() {
			_, _, err := Read(path, 100)
			ended <- err
		}()
		select {
		case err := <-ended:
			require.ErrorContains(t, err, "not a regular file", path)
		case <-time.After(time.Minute):
			require.Fail(t, "waits", path)
		}
	}
}
