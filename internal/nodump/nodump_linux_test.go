package nodump_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/internal/nodump"
)

// Protect makes the process undumpable and disables core files. Tests of cmd/card-info
// show with real processes that others can't read the memory.
//
// Faults: F89.
func TestProtect(t *testing.T) {
	before, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	require.NoError(t, err)
	require.Equal(t, 1, before)
	require.NoError(t, nodump.Protect())
	after, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	require.NoError(t, err)
	assert.Zero(t, after)
	var core unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_CORE, &core))
	assert.Zero(t, core.Max)
	require.NoError(t, nodump.Protect(), "idempotent")
}
