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

// Backup copies a snapshot of the database at url to a new file, which only its owner can read.
// Programs can use the database in the meantime. When Backup returns nil, the copy has been
// verified and synced to disk. Otherwise it leaves no copy.
//
// It returns [ErrURL], an error that wraps [fs.ErrExist] if the file exists, [ErrBackup] if
// the database has no tables of a registry, [ErrUnavailable] if it can't be read, or
// [errors.ErrUnsupported] for PostgreSQL; use pg_dump there.
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

// Restore replaces the database that url names, including its write-ahead log, with a
// copy of a backup. It creates the database if it does not exist. It verifies the backup
// first and replaces the database atomically. Programs can't open the database while
// Restore runs. If Restore is interrupted, they can't open it until Restore has been
// repeated.
//
// It returns [ErrURL], [ErrInUse] if a program has the database open, [ErrBackup] if
// the file is not a complete backup, [ErrUnavailable], or [errors.ErrUnsupported] for
// PostgreSQL. After ErrURL, ErrInUse and ErrBackup the database is unchanged.
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
		return fmt.Errorf("%w: %s is a dangling symbolic link", ErrURL, path)
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
		func() error { return syncFolder(filepath.Dir(database)) }, // the old log must not be applied to the new file
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

// beforeRestoreStep is called before each step that changes the database. Tests set it.
var beforeRestoreStep func(step int)

// requireSQLite returns an error for URLs of other databases.
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

// wrapUnavailable wraps err in [ErrUnavailable] unless it matches other.
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

// checkUnused returns [ErrInUse] if a program has the database open, even one that does
// not use the lock file. It returns nil if SQLite can't open the database for another
// reason: Restore then replaces it.
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

// copyBackup copies a backup into the folder of the database, with the owner of the
// database, and verifies the copy.
func copyBackup(ctx context.Context, backupFile, database string) (path string, err error) {
	info, err := os.Stat(backupFile) // opening a pipe would block
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %s is not a regular file", ErrBackup, backupFile)
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if log, err := os.Stat(backupFile + suffix); err == nil && log.Size() > 0 {
			return "", fmt.Errorf("%w: %s%s exists, so the file was copied from a database in use", ErrBackup, backupFile, suffix)
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

// verifyBackup returns [ErrBackup] unless a file is an intact database with a registry's
// tables. It writes neither to the file nor to its folder.
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
		err = errors.New("it has no tables of a registry")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return nil
}

// writeLockContent sets the content of a lock file and syncs it to disk.
func writeLockContent(lock *os.File, content string) error {
	if err := lock.Truncate(int64(len(content))); err != nil {
		return err
	}
	if _, err := lock.WriteAt([]byte(content), 0); err != nil {
		return err
	}
	return lock.Sync()
}

// removeFiles removes files, which need not exist.
func removeFiles(paths ...string) error {
	var err error
	for _, path := range paths {
		if removeErr := os.Remove(path); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

// syncFile syncs a file and its folder entry to disk.
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

// syncFolder syncs a folder's entries to disk, if the system supports that.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) { // the folder is writable but not readable
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
