package registry_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// fileOf returns the path in an sqlite URL.
func fileOf(url string) string { return strings.TrimPrefix(url, "sqlite:") }

// copyFile copies like cp: it overwrites an existing file in place.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

// No change succeeds after the database file, its log or its folder was removed, replaced or
// overwritten, because the commit would be lost. When the original files are back, changes
// succeed.
//
// Faults: F96.
func TestReplacedFilesAreDetected(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows can't remove or rename open files")
	}
	remove := func(suffix string) func(*testing.T, string) {
		return func(t *testing.T, file string) { require.NoError(t, os.Remove(file+suffix)) }
	}
	away := func(suffix string) func(*testing.T, string) {
		return func(t *testing.T, file string) { require.NoError(t, os.Rename(file+suffix, file+".away")) }
	}
	back := func(suffix string) func(*testing.T, string) {
		return func(t *testing.T, file string) { require.NoError(t, os.Rename(file+".away", file+suffix)) }
	}
	for name, test := range map[string]struct {
		replace, putBack func(t *testing.T, file string)
	}{
		"removed":        {replace: remove("")},
		"moved away":     {away(""), back("")},
		"log removed":    {replace: remove("-wal")},
		"log moved away": {away("-wal"), back("-wal")},
		"index removed":  {replace: remove("-shm")},
		"everything":     {replace: func(t *testing.T, file string) { require.NoError(t, os.RemoveAll(filepath.Dir(file))) }},
		"an empty file":  {replace: func(t *testing.T, file string) { remove("")(t, file); copyFile(t, os.DevNull, file) }},
		"emptied":        {replace: func(t *testing.T, file string) { overwrite(t, os.DevNull, file) }},
		"overwritten by a backup": {replace: func(t *testing.T, file string) {
			require.NoError(t, registry.Backup(ctx, "sqlite:"+file, file+".backup"))
			overwrite(t, file+".backup", file)
		}},
		"overwritten by an old copy": {replace: func(t *testing.T, file string) { overwrite(t, file+".old", file) }},
		"a copy of itself":           {replace: func(t *testing.T, file string) { away("")(t, file); overwrite(t, file+".away", file) }},
		"a link's target": {
			func(t *testing.T, file string) {
				require.NoError(t, os.Remove(file))
				require.NoError(t, os.Symlink(os.DevNull, file))
			},
			func(t *testing.T, file string) {
				require.NoError(t, os.Remove(file))
				require.NoError(t, os.Symlink(file+".real", file))
			},
		},
		"the folder": {
			func(t *testing.T, file string) {
				require.NoError(t, os.Rename(filepath.Dir(file), filepath.Dir(file)+".away"))
				require.NoError(t, os.Mkdir(filepath.Dir(file), 0o700))
			},
			func(t *testing.T, file string) {
				require.NoError(t, os.Remove(filepath.Dir(file)))
				require.NoError(t, os.Rename(filepath.Dir(file)+".away", filepath.Dir(file)))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "folder")
			require.NoError(t, os.Mkdir(folder, 0o700))
			file := filepath.Join(folder, "registry.db")
			if name == "a link's target" {
				copyFile(t, os.DevNull, file+".real")
				require.NoError(t, os.Symlink(file+".real", file))
			}
			r := open(t, "sqlite:"+file)
			first := reserve(t, r, 1)
			checkpoint(t, r)
			overwrite(t, file, file+".old")
			for n := 100; n < 140; n++ {
				reserve(t, r, n)
			}
			checkpoint(t, r)
			reserve(t, r, 140)
			test.replace(t, file)
			operation := registry.NewOperation()
			for range 2 {
				_, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
				require.ErrorIs(t, err, registry.ErrReplaced)
				require.ErrorIs(t, err, registry.ErrUnavailable)
				_, err = r.Find(ctx, holder(1))
				require.ErrorIs(t, err, registry.ErrReplaced, "reads would be outdated")
			}
			if test.putBack == nil {
				return
			}
			test.putBack(t, file)
			reservation, err := r.Reserve(ctx, operation, holder(2), registry.RecoveryCode{})
			require.NoError(t, err)
			assert.True(t, reservation.New)
			found, err := r.Find(ctx, holder(1))
			require.NoError(t, err)
			assert.Equal(t, first.ID, found.ID)
		})
	}
}

// overwrite runs cp, because closing the file in this process would release SQLite's locks.
func overwrite(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("cp", from, to).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// checkpoint makes SQLite copy its log into the database file.
func checkpoint(t *testing.T, r *registry.Registry) {
	t.Helper()
	_, err := r.DB().Exec(`PRAGMA wal_checkpoint(full)`)
	require.NoError(t, err)
}

// A file that is replaced during a change is detected after the commit.
//
// Faults: F96.
func TestFileReplacedDuringAChangeIsDetected(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows can't remove or rename open files")
	}
	url := engines["sqlite"](t)
	r := open(t, url)
	err := r.Transact(ctx, func(exec func(string, ...any) error) error {
		require.NoError(t, exec(`CREATE TABLE example (n int)`))
		return os.Remove(fileOf(url))
	})
	require.ErrorIs(t, err, registry.ErrReplaced)
	require.ErrorIs(t, err, registry.ErrUnavailable)
}

// Open does not delete a log without its database, as SQLite would: it contains committed
// changes.
//
// Faults: F96.
func TestLogWithoutDatabaseIsKept(t *testing.T) {
	url := engines["sqlite"](t)
	file := fileOf(url)
	r := open(t, url)
	reserve(t, r, 1)
	abandoned := filepath.Join(t.TempDir(), "registry.db")
	copyFile(t, file+"-wal", abandoned+"-wal")
	_, err := registry.Open(ctx, "sqlite:"+abandoned, terminal(nextName()), generation(t, "points.example", 1))
	require.ErrorIs(t, err, registry.ErrUnavailable)
	require.NoFileExists(t, abandoned)
	require.FileExists(t, abandoned+"-wal")
}

// The modes for existing databases create neither files nor tables.
//
// Faults: F99.
func TestExistingModesCreateNothing(t *testing.T) {
	for _, mode := range registry.ExistingModes {
		missing := filepath.Join(t.TempDir(), "registry.db")
		err := registry.OpenMode(ctx, mode, "sqlite:"+missing)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, err, registry.ErrUnavailable)
		entries, err := os.ReadDir(filepath.Dir(missing))
		require.NoError(t, err)
		require.Empty(t, entries, "not even a lock file")

		copyFile(t, os.DevNull, missing)
		err = registry.OpenMode(ctx, mode, "sqlite:"+missing)
		require.ErrorIs(t, err, fs.ErrNotExist, "an empty file")

		onEach(t, func(t *testing.T, url string) {
			if file := fileOf(url); file != url {
				require.NoError(t, registry.CreateEmpty(ctx, url))
			}
			require.ErrorIs(t, registry.OpenMode(ctx, mode, url), registry.ErrSchema)
			tables, err := registry.HasTables(ctx, url)
			require.NoError(t, err)
			require.False(t, tables)
			r := open(t, url)
			reserve(t, r, 1)
			require.NoError(t, registry.OpenMode(ctx, mode, url))
			err = registry.WriteRow(ctx, mode, url)
			if mode == registry.ReadOnly {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// Failed writes return ErrUnavailable. Writes succeed again when the cause is removed.
func TestFailedWritesAreUnavailable(t *testing.T) {
	for name, pragma := range map[string][2]string{
		"disk full": {`PRAGMA max_page_count = 1`, `PRAGMA max_page_count = 1000000`},
		"read-only": {`PRAGMA query_only = on`, `PRAGMA query_only = off`},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, engines["sqlite"](t))
			reserve(t, r, 0)
			_, err := r.DB().Exec(pragma[0]) // on the idle connection, which is used next
			require.NoError(t, err)
			for n := 1; err == nil; n++ { // until the existing pages are full
				require.Less(t, n, 1000)
				_, err = r.Reserve(ctx, registry.NewOperation(), holder(n), registry.RecoveryCode{})
			}
			require.ErrorIs(t, err, registry.ErrUnavailable)
			require.NotErrorIs(t, err, registry.ErrReplaced)
			_, err = r.DB().Exec(pragma[1])
			require.NoError(t, err)
			reserve(t, r, 1000)
			_, err = verify(r)
			require.NoError(t, err)
		})
	}
}
