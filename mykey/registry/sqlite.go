package registry

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens a pool of connections to a file. In modeCreate it creates a missing
// file, which only its owner can read. Write-ahead logging lets readers and a writer work
// at the same time. A commit is synced to disk before it returns, because kiosks lose
// power. Transactions take the write lock when they begin, since they would conflict
// anyway.
func openSQLite(file string, mode mode) (*storage, error) {
	f, err := newSQLiteFile(file, mode)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(f)
	limitConnections(db, 1)
	return &storage{db: db, dialect: goose.DialectSQLite3, classify: classifySQLite, checkFiles: f.checkReplaced, hasTable: sqliteHasTable, statements: newStatements(db)}, nil
}

const sqliteHasTable = `SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1`

// sqliteFile connects to a database file. It detects that the file or its log was
// removed, replaced or overwritten while it was open, because commits are lost then. It
// implements [driver.Connector] and [io.Closer].
type sqliteFile struct {
	path           string // absolute, with symbolic links
	resolved       string // without symbolic links; the log and the lock file are next to it
	mode           mode
	lock           *os.File // shared; nil if it can't be created, see lockShared
	firstConnector driver.Connector
	connector      driver.Connector

	mu           sync.Mutex
	heldConn     driver.Conn // keeps the files open, so that no new file gets their inode numbers
	openFiles    []fileIdentity
	databaseFile *databaseFile
	header       header // at the last check
}

var (
	_ driver.Connector = (*sqliteFile)(nil)
	_ io.Closer        = (*sqliteFile)(nil)
)

// fileIdentity identifies a file that was open when the database was opened.
type fileIdentity struct {
	path string
	info fs.FileInfo
}

// newSQLiteFile locks a database file and, in modeCreate, creates it if it is missing. It
// does not open a connection yet.
func newSQLiteFile(file string, mode mode) (*sqliteFile, error) {
	path, resolved, err := resolvePath(file)
	if err != nil {
		return nil, err
	}
	if err := checkFile(path, resolved, mode); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	f := &sqliteFile{path: path, resolved: resolved, mode: mode}
	if f.lock, err = lockShared(resolved, mode); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if mode == modeCreate {
		if err := createEmpty(resolved); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, err), f.Close())
		}
	}
	if err := f.makeConnectors(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrURL, err), f.Close())
	}
	return f, nil
}

// checkFile returns an error that matches fs.ErrNotExist if the file is missing or empty,
// unless mode is modeCreate. In modeCreate it returns an error if only the file's log exists,
// because SQLite would delete the log.
func checkFile(path, resolved string, mode mode) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && mode != modeCreate && info.Size() == 0:
		return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w: the file is empty", fs.ErrNotExist)}
	case mode == modeCreate && errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(resolved + "-wal"); err == nil {
			return fmt.Errorf("%s-wal exists but %s does not: restore a backup, or put the file back", resolved, resolved)
		}
		return nil
	}
	return err
}

// makeConnectors makes the connectors of the first and of all other connections.
func (f *sqliteFile) makeConnectors() (err error) {
	settings := url.Values{
		"mode":    {"rw"},
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(100)", "journal_mode(wal)", "synchronous(full)", "secure_delete(on)", "trusted_schema(off)"},
	}
	if f.mode == modeReadOnly {
		settings = url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(100)", "trusted_schema(off)"}}
	}
	if f.connector, err = sqliteConnector(f.path, settings); err != nil {
		return err
	}
	if f.mode == modeCreate {
		settings.Set("mode", "rwc")                   // also for a symbolic link to a missing file
		settings.Set("modeof", f.resolved+lockSuffix) // the log gets the permissions of this file
	}
	f.firstConnector, err = sqliteConnector(f.path, settings)
	return err
}

// resolvePath returns a file's absolute path, with and without symbolic links.
func resolvePath(file string) (path, resolved string, err error) {
	if file == "" || file == ":memory:" {
		return "", "", fmt.Errorf("%w: no file", ErrURL)
	}
	if path, err = filepath.Abs(file); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrURL, err)
	}
	if resolved, err = filepath.EvalSymlinks(path); err == nil {
		return path, resolved, nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return path, filepath.Join(folder, filepath.Base(path)), nil
}

// sqliteConnector returns a connector to a file with settings for SQLite and its driver.
func sqliteConnector(path string, settings url.Values) (driver.Connector, error) {
	path = filepath.ToSlash(path)
	if path[0] != '/' { // a drive letter
		path = "/" + path
	}
	query := strings.ReplaceAll(settings.Encode(), "+", "%20") // SQLite does not decode + as a space
	name := url.URL{Scheme: "file", Path: path, RawQuery: query}
	return sqlite.NewConnector(name.String())
}

// Connect opens a connection. It returns [ErrReplaced] if the file is not the one that
// the first connection opened.
func (f *sqliteFile) Connect(ctx context.Context) (driver.Conn, error) {
	if err := f.openHeldConn(ctx); err != nil {
		return nil, err
	}
	conn, err := f.connector.Connect(ctx)
	if replaced := f.checkReplaced(); replaced != nil {
		if err == nil {
			err = conn.Close()
		}
		return nil, errors.Join(replaced, err)
	}
	return conn, err
}

// Driver returns SQLite's driver.
func (f *sqliteFile) Driver() driver.Driver { return f.connector.Driver() }

// openHeldConn opens the connection that stays open until Close, and stores the
// identities of its files.
func (f *sqliteFile) openHeldConn(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.heldConn != nil {
		return nil
	}
	before, err := os.Stat(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	conn, err := f.firstConnector.Connect(ctx)
	if err != nil {
		return err
	}
	file, err := openDatabaseFile(f.path)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	files, err := f.listFiles(ctx, conn)
	if err == nil && !os.SameFile(file.info, files[0].info) || before != nil && !os.SameFile(file.info, before) {
		err = replacedError(f.path, nil)
	}
	if err == nil {
		f.header, err = file.header()
	}
	if err != nil {
		return errors.Join(err, conn.Close(), file.close())
	}
	f.heldConn, f.openFiles, f.databaseFile = conn, files, file
	return nil
}

// listFiles reads from a connection, so that it opens the log, marks the database, and
// returns the identities of its files.
func (f *sqliteFile) listFiles(ctx context.Context, conn driver.Conn) ([]fileIdentity, error) {
	if _, err := queryNumber(ctx, conn, `SELECT count(*) FROM sqlite_master`); err != nil {
		return nil, err
	}
	if f.mode != modeReadOnly {
		if err := markDatabase(ctx, conn, false); err != nil {
			return nil, err
		}
	}
	var files []fileIdentity
	for _, path := range []string{f.path, f.resolved + "-wal", f.resolved + "-shm"} {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) && len(files) > 0 { // the database is in another journal mode
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, fileIdentity{path, info})
		if f.mode == modeReadOnly {
			break // there are no commits that could be lost
		}
	}
	return files, nil
}

// checkReplaced returns [ErrReplaced] if one of the files was removed, replaced or
// overwritten.
func (f *sqliteFile) checkReplaced() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range f.openFiles {
		now, err := os.Stat(file.path)
		if err != nil || !os.SameFile(file.info, now) {
			return replacedError(file.path, err)
		}
	}
	if f.databaseFile == nil {
		return nil
	}
	now, err := f.databaseFile.header()
	if err != nil || !now.follows(f.header) {
		return replacedError(f.path, err)
	}
	f.header = now
	return nil
}

// replacedError returns an error that matches ErrReplaced.
func replacedError(path string, cause error) error {
	if cause == nil {
		return fmt.Errorf("%w: %s is not the file that was opened", ErrReplaced, path)
	}
	return fmt.Errorf("%w: %w", ErrReplaced, cause)
}

// Close closes the held connection and the lock file. The pool calls it when it is
// closed.
func (f *sqliteFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.heldConn != nil {
		err = errors.Join(f.heldConn.Close(), f.databaseFile.close())
		f.heldConn, f.databaseFile, f.openFiles = nil, nil, nil
	}
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}

// classifySQLite classifies errors by SQLite's result codes.
func classifySQLite(err error) errorClass {
	var failed *sqlite.Error
	if errors.Is(err, ErrReplaced) || !errors.As(err, &failed) {
		return permanent
	}
	switch failed.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return conflict
	}
	switch failed.Code() & 0xFF { // the primary result code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return conflict
	}
	return permanent
}
