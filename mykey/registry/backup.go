package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Backup copies the database that url names, as it is at one moment, to a new file that
// only its owner can read. Programs may have the database open and change it. When
// Backup returns nil, the copy is verified and on the disk; after an error there is no
// copy.
//
// It returns an error that wraps [fs.ErrExist] if the file exists, [ErrUnavailable] if
// the database can't be read, and [errors.ErrUnsupported] for PostgreSQL, whose own
// programs make its backups.
func Backup(ctx context.Context, url, file string) (err error) {
	if err := requireSQLite(url); err != nil {
		return err
	}
	storage, err := connect(modeReadOnly, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, storage.db.Close()) }()
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	created, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = created.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err != nil {
		return err
	}
	if _, err := storage.db.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := storage.checkPresent(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := replaceMark(ctx, path); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := verifyBackup(ctx, path); err != nil {
		return err
	}
	return syncFile(path)
}

// Restore puts a copy of a backup in the place of the database that url names, or makes
// the database if there is none. The backup is verified first, and the database is
// replaced at one moment, with what its log holds. No program may have the database open:
// Restore returns [ErrInUse] while one has, and programs can't open it before Restore has
// ended. If it is interrupted, the database can't be opened until Restore is repeated.
//
// It returns [ErrBackup] if the file is not a whole backup, and leaves the database as
// it is; and [errors.ErrUnsupported] for PostgreSQL.
func Restore(ctx context.Context, backupFile, url string) (err error) {
	if err := requireSQLite(url); err != nil {
		return err
	}
	_, file, _ := strings.Cut(url, ":")
	path, database, err := resolvePath(file)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); path != database && err == nil && !fileExists(database) {
		return fmt.Errorf("%w: %s is a link to nothing", ErrURL, path)
	}
	lock, err := lockExclusive(database)
	if err != nil {
		return wrapUnavailable(ErrInUse, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := checkUnused(ctx, database); err != nil {
		return err
	}
	copied, err := copyBackup(ctx, backupFile, database)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeFiles(copied))
		}
	}()
	steps := []func() error{
		func() error { return writeLockContent(lock, "restoring\n") },
		func() error { return removeFiles(database+"-wal", database+"-shm", database+"-journal") },
		func() error { return syncFolder(filepath.Dir(database)) }, // the old log is gone before the new file comes
		func() error { return os.Rename(copied, database) },
		func() error { return syncFolder(filepath.Dir(database)) },
		func() error { return writeLockContent(lock, "") },
	}
	for n, step := range steps {
		if beforeRestoreStep != nil {
			beforeRestoreStep(n)
		}
		if err := step(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}

// beforeRestoreStep is called before each step that changes the database, in tests.
var beforeRestoreStep func(step int)

func requireSQLite(url string) error {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return nil
	case "postgres", "postgresql":
		return fmt.Errorf("%w: back up a PostgreSQL database with pg_dump, and restore it with pg_restore", errors.ErrUnsupported)
	}
	return ErrURL
}

// unavailableUnless wraps an error in [ErrUnavailable] unless it is already another.
func wrapUnavailable(other, err error) error {
	if errors.Is(err, other) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// unused returns [ErrInUse] if a program has the database open, also one that does not
// know of the lock. What SQLite can't open otherwise is replaced.
func checkUnused(ctx context.Context, database string) error {
	if !fileExists(database) {
		return nil
	}
	connector, err := sqliteConnector(database, url.Values{"mode": {"rw"}, "_txlock": {"exclusive"}, "_pragma": {"locking_mode(exclusive)", "busy_timeout(100)"}})
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err == nil {
		err = tx.Rollback()
	}
	var failed *sqlite.Error
	if errors.As(err, &failed) && failed.Code()&0xFF == sqlite3.SQLITE_BUSY {
		return fmt.Errorf("%w: %s", ErrInUse, database)
	}
	return ctx.Err()
}

// copyBackup copies a backup beside the database, with the owner of what is there, and
// verifies the copy.
func copyBackup(ctx context.Context, backupFile, database string) (path string, err error) {
	info, err := os.Stat(backupFile) // opening a pipe would wait
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %s is not a regular file", ErrBackup, backupFile)
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if log, err := os.Stat(backupFile + suffix); err == nil && log.Size() > 0 {
			return "", fmt.Errorf("%w: %s%s belongs to it, so it was copied from a database in use", ErrBackup, backupFile, suffix)
		}
	}
	if databaseInfo, err := os.Stat(database); err == nil && os.SameFile(info, databaseInfo) {
		return "", fmt.Errorf("%w: %s is the database itself", ErrBackup, backupFile)
	}
	from, err := os.Open(backupFile)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(database), filepath.Base(database)+".restore-*") // mode 0600
	if err != nil {
		return "", err
	}
	copied := to.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, removeFiles(copied))
		}
	}()
	_, err = io.Copy(to, from)
	if err == nil {
		err = giveToOwner(to, database)
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return "", err
	}
	if err = verifyBackup(ctx, copied); err != nil {
		return "", err
	}
	if err = replaceMark(ctx, copied); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return copied, syncFile(copied)
}

// verifyBackup returns [ErrBackup] unless a file is a whole database with a registry's
// tables. It writes nothing, nor beside the file.
func verifyBackup(ctx context.Context, path string) error {
	connector, err := sqliteConnector(path, url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"trusted_schema(off)"}})
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var result string
	if _, err = queryRow(ctx, db, []any{&result}, `PRAGMA integrity_check(1)`); err == nil && result != "ok" {
		err = errors.New(result)
	}
	var version int64
	if err == nil {
		version, err = (&storage{db: db, hasTable: sqliteHasTable}).version(ctx)
	}
	if err == nil && version == 0 {
		err = errors.New("there are no tables of a registry")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return nil
}

// mark writes the content of a lock's file, to the disk.
func writeLockContent(lock *os.File, content string) error {
	if err := lock.Truncate(int64(len(content))); err != nil {
		return err
	}
	if _, err := lock.WriteAt([]byte(content), 0); err != nil {
		return err
	}
	return lock.Sync()
}

// removeAll removes files that may not exist.
func removeFiles(paths ...string) error {
	var err error
	for _, path := range paths {
		if removeErr := os.Remove(path); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

// syncFile waits until a file and its name are on the disk.
func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder waits until a folder's names are on the disk, where the system can.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) { // it may be written and not read
		return nil
	}
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, folder.Close())
}
