package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

const restoreVariable = "MYKEYKIT_TEST_RESTORE"

// restoreUntilKilled restores a backup and kills the process before a step. The arguments are
// lines: step, backup and URL.
func restoreUntilKilled(arguments string) error {
	fields := strings.SplitN(arguments, "\n", 3)
	last, err := strconv.Atoi(fields[0])
	if err != nil {
		return err
	}
	registry.BeforeRestoreStep(func(step int) {
		if step == last {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			fmt.Fprintln(os.Stderr, err)
			select {}
		}
	})
	return registry.Restore(ctx, fields[1], fields[2])
}

// backup backs up a registry with a reservation of holder 1 and then reserves for holders 2
// to 9. It returns the backup and a copy of the database as after a power failure: the log
// contains the changes since the backup.
func backup(t *testing.T) (backupFile, url string) {
	t.Helper()
	running := engines["sqlite"](t)
	r := open(t, running)
	reserve(t, r, 1)
	backupFile = filepath.Join(t.TempDir(), "backup.db")
	require.NoError(t, registry.Backup(ctx, running, backupFile))
	for n := 2; n < 10; n++ {
		reserve(t, r, n)
	}
	url = engines["sqlite"](t)
	copyFile(t, fileOf(running), fileOf(url))
	copyFile(t, fileOf(running)+"-wal", fileOf(url)+"-wal")
	log, err := os.Stat(fileOf(url) + "-wal")
	require.NoError(t, err)
	require.NotZero(t, log.Size())
	return backupFile, url
}

// holders returns which of the holders 1 to 9 have a reservation.
func holders(t *testing.T, url string) (list []int) {
	t.Helper()
	r := open(t, url)
	for n := 1; n < 10; n++ {
		_, err := r.Find(ctx, holder(n))
		if err == nil {
			list = append(list, n)
		} else {
			require.ErrorIs(t, err, registry.ErrNotFound)
		}
	}
	_, err := verify(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return list
}

var allHolders, holdersAtBackup = []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, []int{1}

// Restore restores the backup and discards the log of the old database, also after a power
// failure.
//
// Faults: F97.
func TestRestoreDiscardsTheLog(t *testing.T) {
	backupFile, url := backup(t)
	require.NoError(t, registry.Restore(ctx, backupFile, url))
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		require.NoFileExists(t, fileOf(url)+suffix)
	}
	assert.Equal(t, holdersAtBackup, holders(t, url))
	if runtime.GOOS != "windows" {
		for _, file := range []string{fileOf(url), fileOf(url) + ".lock", backupFile} {
			info, err := os.Stat(file)
			require.NoError(t, err)
			assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), file)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(fileOf(url)))
	require.NoError(t, err)
	assert.Len(t, entries, 2, "the database and its lock file")
	entries, err = os.ReadDir(filepath.Dir(backupFile))
	require.NoError(t, err)
	assert.Len(t, entries, 1)

	require.NoError(t, registry.Restore(ctx, fileOf(url), "sqlite:"+backupFile+".copy"), "a closed database is a backup")
	assert.Equal(t, holdersAtBackup, holders(t, "sqlite:"+backupFile+".copy"))
	leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(backupFile), "*.restore-*"))
	require.NoError(t, err)
	assert.Empty(t, leftovers)

	missing := engines["sqlite"](t)
	require.NoError(t, registry.Restore(ctx, backupFile, missing), "the database does not exist")
	assert.Equal(t, holdersAtBackup, holders(t, missing))
}

// An interrupted restore leaves the old database, the new one, or one that can't be opened
// until a restore has completed.
//
// Faults: F97.
func TestInterruptedRestore(t *testing.T) {
	outcomes := map[string]bool{}
	for step := range registry.RestoreSteps + 1 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			backupFile, url := backup(t)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), restoreVariable+"="+fmt.Sprintf("%d\n%s\n%s", step, backupFile, url))
			out, err := cmd.CombinedOutput()
			if step < registry.RestoreSteps {
				require.Error(t, err, "it was killed")
			} else {
				require.NoError(t, err, "%s", out)
			}
			r, err := registry.Open(ctx, url, terminal(nextName()), generation(t, "points.example", 1))
			if err == nil {
				require.NoError(t, r.Close())
			}
			if err != nil {
				outcomes["rejected"] = true
				require.ErrorIs(t, err, registry.ErrUnavailable)
				require.ErrorContains(t, err, "interrupted")
				require.ErrorIs(t, registry.Backup(ctx, url, filepath.Join(t.TempDir(), "b")), registry.ErrUnavailable)
			} else if list := holders(t, url); len(list) == 1 {
				outcomes["new"] = true
				assert.Equal(t, holdersAtBackup, list)
			} else {
				outcomes["old"] = true
				assert.Equal(t, allHolders, list)
			}
			require.NoError(t, registry.Restore(ctx, backupFile, url))
			assert.Equal(t, holdersAtBackup, holders(t, url))
		})
	}
	assert.Len(t, outcomes, 3)
}

// Restore returns ErrInUse while a program has the database open, even without the lock file.
// Programs can't open the database during a restore.
//
// Faults: F97.
func TestRestoreWhileInUse(t *testing.T) {
	backupFile, url := backup(t)
	t.Run("by a registry", func(t *testing.T) {
		r := open(t, url)
		require.ErrorIs(t, registry.Restore(ctx, backupFile, url), registry.ErrInUse)
		reserve(t, r, 10)
		require.NoError(t, r.Close())
	})
	t.Run("by an idle connection", func(t *testing.T) {
		db, err := registry.OpenPlain(fileOf(url))
		require.NoError(t, err)
		require.NoError(t, db.QueryRow(`SELECT count(*) FROM audit`).Scan(new(int)))
		require.ErrorIs(t, registry.Restore(ctx, backupFile, url), registry.ErrInUse)
		require.NoError(t, db.Close())
	})
	assert.Equal(t, allHolders, holders(t, url))
	t.Run("by another restore", func(t *testing.T) {
		release, err := registry.HoldLock(fileOf(url))
		require.NoError(t, err)
		require.ErrorIs(t, registry.Restore(ctx, backupFile, url), registry.ErrInUse)
		_, err = registry.Open(ctx, url, terminal(nextName()), generation(t, "points.example", 1))
		require.ErrorIs(t, err, registry.ErrUnavailable)
		require.ErrorContains(t, err, "being restored")
		require.NoError(t, release())
	})
	require.NoError(t, registry.Restore(ctx, backupFile, url))
	assert.Equal(t, holdersAtBackup, holders(t, url))
}

// Restore returns ErrBackup for a file that is not a complete backup, and does not change the
// database.
func TestRestoreRejectsInvalidBackups(t *testing.T) {
	backupFile, url := backup(t)
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	whole, err := os.ReadFile(backupFile)
	require.NoError(t, err)
	damaged := append([]byte{}, whole...)
	for i := 4096; i < 3*4096; i++ {
		damaged[i] ^= 0x55
	}
	other := filepath.Join(folder, "other")
	require.NoError(t, registry.CreateEmpty(ctx, "sqlite:"+other))
	copied := write("copied", whole)
	write("copied-wal", []byte("the log of a database in use"))
	for name, file := range map[string]string{
		"empty":          write("empty", nil),
		"cut":            write("cut", whole[:len(whole)-4096]),
		"damaged":        write("damaged", damaged),
		"not a database": write("text", []byte(strings.Repeat("no database ", 1000))),
		"without tables": other,
		"with a log":     copied,
		"a folder":       folder,
		"a device":       os.DevNull,
		"the database":   fileOf(url),
		"missing":        filepath.Join(folder, "missing"),
	} {
		err := registry.Restore(ctx, file, url)
		if name == "missing" {
			require.ErrorIs(t, err, fs.ErrNotExist)
		} else {
			require.ErrorIs(t, err, registry.ErrBackup, name)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, registry.Restore(ended, backupFile, url), context.Canceled)
	assert.Equal(t, allHolders, holders(t, url))
	leftovers, err := filepath.Glob(fileOf(url) + ".restore-*")
	require.NoError(t, err)
	assert.Empty(t, leftovers)
}

// Backup overwrites no file, creates no database, and leaves no file after an error.
func TestBackupErrors(t *testing.T) {
	_, url := backup(t)
	folder := t.TempDir()
	existing := filepath.Join(folder, "there")
	copyFile(t, os.DevNull, existing)
	require.ErrorIs(t, registry.Backup(ctx, url, existing), fs.ErrExist)
	require.ErrorIs(t, registry.Backup(ctx, url, filepath.Join(folder, "nowhere", "file")), fs.ErrNotExist)
	missing := "sqlite:" + filepath.Join(folder, "missing.db")
	require.ErrorIs(t, registry.Backup(ctx, missing, filepath.Join(folder, "new")), registry.ErrUnavailable)
	empty := "sqlite:" + filepath.Join(t.TempDir(), "empty.db")
	require.NoError(t, registry.CreateEmpty(ctx, empty))
	require.ErrorIs(t, registry.Backup(ctx, empty, filepath.Join(folder, "new")), registry.ErrBackup)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, registry.Backup(ended, url, filepath.Join(folder, "new")), context.Canceled)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "only the existing file")

	for _, scheme := range []string{"postgres", "postgresql"} {
		for _, err := range []error{
			registry.Backup(ctx, scheme+"://u:secret@127.0.0.1/db", filepath.Join(folder, "new")),
			registry.Restore(ctx, existing, scheme+"://u:secret@127.0.0.1/db"),
		} {
			require.ErrorIs(t, err, errors.ErrUnsupported)
			require.ErrorContains(t, err, "pg_dump")
			require.NotContains(t, err.Error(), "secret")
		}
	}
	require.ErrorIs(t, registry.Backup(ctx, "mysql:x", existing), registry.ErrURL)
	require.ErrorIs(t, registry.Restore(ctx, existing, "sqlite:"), registry.ErrURL)
}

// A backup of a database in use is a consistent snapshot.
func TestBackupIsASnapshot(t *testing.T) {
	url := engines["sqlite"](t)
	r := open(t, url)
	reserve(t, r, 0)
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if _, err := r.Reserve(ctx, registry.NewOperation(), holder(n), registry.RecoveryCode{}); err != nil {
				ended <- err
				return
			}
		}
	}()
	for n := range 10 {
		file := filepath.Join(t.TempDir(), fmt.Sprint(n))
		require.NoError(t, registry.Backup(ctx, url, file))
		copied := open(t, "sqlite:"+file)
		_, err := verify(copied)
		require.NoError(t, err)
	}
	close(stop)
	require.NoError(t, <-ended)
}

// Restore follows a symbolic link to the database, and discards the log next to the target.
func TestRestoreFollowsSymbolicLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need privileges")
	}
	backupFile, url := backup(t)
	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(fileOf(url), link))
	require.NoError(t, registry.Restore(ctx, backupFile, "sqlite:"+link))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink)
	assert.Equal(t, holdersAtBackup, holders(t, url))
}
