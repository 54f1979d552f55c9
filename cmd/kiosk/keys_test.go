package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// Either both of the operator's key files are created, or neither.
//
// Faults: F90.
func TestOperatorKeysAreAPair(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("taken"), []byte("old"), 0o600))
	for _, args := range [][]string{
		{path("private"), path("taken")}, {path("taken"), path("public")}, {path("private"), path("no/such/folder")}, {path("private"), path("private")},
	} {
		o := testEnv{}.run(t, append([]string{"operator-keygen"}, args...)...)
		require.NotZero(t, o.exit, args)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1, args)
	}
	old, err := os.ReadFile(path("taken"))
	require.NoError(t, err)
	assert.Equal(t, "old", string(old))

	made := testEnv{}.run(t, "operator-keygen", path("private"), path("public"))
	require.Zero(t, made.exit)
	assert.Contains(t, made.stdout, path("private"))
	assert.Contains(t, made.stdout, path("public"))
	for name, mode := range map[string]os.FileMode{"private": 0o600, "public": 0o644} {
		info, err := os.Stat(path(name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm())
	}
}

// An error names the key file that can't be used.
//
// Faults: F139.
func TestKeyErrorsNameTheFile(t *testing.T) {
	o := newOffice(t)
	wrong, short := o.write("wrong.key", "no key"), o.write("short.key", "00ff")
	for _, args := range [][]string{
		o.exports("--operator-private-key", wrong),
		o.exports("--operator-private-key", short),
		append([]string{"migrate", "--other-keys", "2=" + o.path("namespace.key") + "," + wrong}, o.keys("")[:8]...),
	} {
		refused := testEnv{}.run(t, args...)
		assert.Equal(t, cli.ExitUsage, refused.exit)
		assert.Contains(t, refused.stderr, "[KEY_FILE]")
		assert.Regexp(t, `/(wrong|short)\.key`, refused.stderr)
	}
}
