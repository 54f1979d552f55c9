package registry

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

var (
	// ErrURL reports an invalid database URL.
	ErrURL = errors.New("invalid database URL: want sqlite:FILE or postgres://…")
	// ErrUnavailable reports that the database can't be reached or used, or stayed busy
	// after retries. A change may or may not have been made. Repeat it with the same
	// [Operation]; it is applied once.
	ErrUnavailable = errors.New("registry's database is not available")
	// ErrSchema reports that the database's tables are of another version.
	ErrSchema = errors.New("registry's tables are of another version")
	// ErrReplaced reports that a database file was removed or replaced while it was
	// open. Changes fail until the program opens the registry again. The error also
	// matches [ErrUnavailable].
	ErrReplaced = errors.New("registry's file was removed or replaced while it was open")
	// ErrInUse reports that a program has the database open, so that [Restore] can't
	// replace it.
	ErrInUse = errors.New("registry's file is open in a running program")
	// ErrBackup reports a file that is not a complete backup of a registry.
	ErrBackup = errors.New("not a backup of a registry")
)

// mode selects how a database is opened.
type mode int

const (
	modeCreate   mode = iota // creates a missing file
	modeExisting             // fails with fs.ErrNotExist for a missing or empty file
	modeReadOnly             // like modeExisting, and the database rejects writes
)

// idleTime bounds how long connections are idle. A database server has few connections,
// and most terminals are idle most of the time.
var idleTime = time.Minute // a variable for tests

// limitConnections bounds the connections of a pool. One idle connection per chain is
// kept for a while.
func limitConnections(db *sql.DB, chains int) {
	db.SetMaxOpenConns(maxConnections + chains - 1)
	db.SetMaxIdleConns(chains)
	db.SetConnMaxIdleTime(idleTime)
}

// storage is an open database: its pool of connections, and what differs between the
// engines.
type storage struct {
	db       *sql.DB
	dialect  goose.Dialect
	classify func(error) errorClass
	hasTable string // query that returns whether the table $1 exists
	// statements caches prepared statements, if the driver does not. It may be nil.
	statements *statements
	// checkFiles returns an error if commits would be lost. It may be nil.
	checkFiles func() error
	// warning returns and deletes the server's last warning on a connection. It may be
	// nil.
	warning func(driverConn any) error
}

// errorClass classifies an engine's errors for retries.
type errorClass int

const (
	permanent   errorClass = iota // a retry would fail too
	conflict                      // with another transaction
	unreachable                   // the server is not available, perhaps temporarily
)

// connect opens the database that url names.
func connect(mode mode, url string) (*storage, error) {
	scheme, file, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(file, mode)
	case "postgres", "postgresql":
		return openPostgres(url, mode)
	}
	return nil, ErrURL // the URL may contain a password
}

// storageError marks an error of the database, as opposed to the registry's own errors.
// Only these are retried.
type storageError struct {
	cause     error
	retryable bool // regardless of its class, since another program may have caused it
}

func (e *storageError) Error() string { return e.cause.Error() }
func (e *storageError) Unwrap() error { return e.cause }

// wrapStorageError marks an error, unless it is nil or matches ErrAudit, which a scan
// function returned.
func wrapStorageError(err error) error {
	if err == nil || errors.Is(err, ErrAudit) {
		return err
	}
	return &storageError{cause: err}
}

// queryer is a transaction, or the pool of connections for single statements.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec runs a statement and returns the number of affected rows.
func exec(ctx context.Context, q queryer, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, wrapStorageError(err)
	}
	n, err := result.RowsAffected()
	return n, wrapStorageError(err)
}

// queryRow scans one row. It returns false if there is none.
func queryRow(ctx context.Context, q queryer, dest []any, query string, args ...any) (found bool, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, wrapStorageError(err)
}

// queryRows calls scan for each row.
func queryRows(ctx context.Context, q queryer, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return wrapStorageError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return wrapStorageError(err)
		}
	}
	return wrapStorageError(rows.Err())
}
