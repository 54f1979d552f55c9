//go:build unix

package registry_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A database that root creates gets the owner of its folder, so that the terminal's user can
// open it.
//
// Faults: F136.
func TestDatabaseBelongsToTheFolderOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change owners")
	}
	const nobody = 65534
	folder := t.TempDir()
	require.NoError(t, os.Chown(folder, nobody, nobody))
	require.NoError(t, registry.Migrate(t.Context(), "sqlite:"+filepath.Join(folder, "registry.db"), generation(t, "points.example", 1)))
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode(), file.Name())
		assert.Equal(t, uint32(nobody), info.Sys().(*syscall.Stat_t).Uid, file.Name())
	}
}
