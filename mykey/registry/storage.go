package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

var (
	// ErrURL: what can't name a database.
	ErrURL = errors.New("a registry's database is sqlite:FILE or postgres://…")
	// ErrUnavailable: the database can't be reached, or is so busy that
	// repeating did not help. A change may or may not have been made;
	// repeating it with the same [Operation] finds out, and makes it if not.
	ErrUnavailable = errors.New("registry's database is not available")
	// ErrSchema: the database's tables are not those of this program.
	ErrSchema = errors.New("registry's tables are of another version")
	// ErrReplaced reports that a database's file was removed or replaced while it
	// was open: nothing can be kept until the program opens the registry again. It
	// comes with [ErrUnavailable].
	ErrReplaced = errors.New("registry's file was removed or replaced while it was open")
	// ErrInUse reports that a program has the database open that is to be restored.
	ErrInUse = errors.New("registry's file is open in a running program")
	// ErrBackup reports a file that is not a whole backup of a registry.
	ErrBackup = errors.New("not a backup of a registry")
)

// mode is what a database is opened for.
type mode int

const (
	modeCreate   mode = iota // a file that is missing is made
	modeExisting             // a file that is missing or empty is an error, which wraps fs.ErrNotExist
	modeReadOnly             // the same, and the database rejects every change
)

// A registry holds at most this many idle connections, and each for this long: a
// server has few, and a fleet's terminals are idle most of the time.
const idleConnections = 1

var idleTime = time.Minute // a variable for a test

// limit bounds the connections of a pool.
func limitConnections(db *sql.DB) {
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(idleConnections)
	db.SetConnMaxIdleTime(idleTime)
}

// storage is a database: its pool of connections, and that in which engines differ
// once they are open.
type storage struct {
	db       *sql.DB
	dialect  goose.Dialect
	classify func(error) errorClass
	hasTable string // a query whether there is a table of the name $1
	// statements are those that transactions run, if the driver does not keep them. It
	// may be nil.
	statements *statements
	// check returns an error if what is committed is not kept. It may be nil.
	checkFiles func() error
	// warning returns what the server warned of on a connection, and forgets it. It
	// may be nil.
	warning func(driverConn any) error
}

// verdict is what an engine's error means to somebody who could try again.
type errorClass int

const (
	permanent   errorClass = iota // it would fail again
	conflict                      // another transaction was in the way
	unreachable                   // the server is gone, or not there yet
)

// connect opens the database that a URL names in a mode.
func connect(mode mode, url string) (*storage, error) {
	scheme, file, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(file, mode)
	case "postgres", "postgresql":
		return openPostgres(url, mode)
	}
	return nil, ErrURL // quoting it could quote a password
}

// storageError marks what the database said, apart from what the registry
// decided.
type storageError struct {
	cause     error
	retryable bool // whatever it is, it may come of another program's doing the same
}

func (e *storageError) Error() string { return e.cause.Error() }
func (e *storageError) Unwrap() error { return e.cause }

func wrapStorageError(err error) error {
	if err == nil || errors.Is(err, ErrAudit) { // which a row tells, read well
		return err
	}
	return &storageError{cause: err}
}

// queryer is a transaction, or the pool for single statements.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec runs a statement and tells how many rows it changed.
func exec(ctx context.Context, q queryer, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, wrapStorageError(err)
	}
	n, err := result.RowsAffected()
	return n, wrapStorageError(err)
}

// one reads one row, if there is one.
func queryRow(ctx context.Context, q queryer, dest []any, query string, args ...any) (found bool, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, wrapStorageError(err)
}

// all reads rows: scan is called for each.
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

// transact runs fn in a serializable transaction, again and again while others
// are in its way or the server is away.
func (r *Registry) transact(ctx context.Context, fn func(queryer) error) error {
	return r.retry(ctx, func(ctx context.Context) error { return r.serializable(ctx, false, fn) })
}

// snapshot is transact for what only reads, and wants to see one moment.
func (r *Registry) snapshot(ctx context.Context, fn func(queryer) error) error {
	return r.retry(ctx, func(ctx context.Context) error { return r.serializable(ctx, true, fn) })
}

// serializable runs fn in a serializable transaction, once.
func (r *Registry) serializable(ctx context.Context, readOnly bool, fn func(queryer) error) error {
	return r.storage.transaction(ctx, readOnly, fn)
}

// transaction runs fn in a serializable transaction, once. Who calls it has looked
// whether the database is present. It returns nil only if it still is, and if the server
// did not warn.
func (s *storage) transaction(ctx context.Context, readOnly bool, fn func(queryer) error) error {
	var uncached []string
	defer func() { // when the connection is free again
		if len(uncached) > 0 {
			s.statements.prepare(ctx, uncached)
		}
	}()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return wrapStorageError(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: readOnly})
	if err != nil {
		return wrapStorageError(err)
	}
	var q queryer = tx
	if s.statements != nil {
		q = preparedTx{tx, s.statements, &uncached}
	}
	if err := fn(q); err != nil {
		_ = tx.Rollback() // what failed first is the cause
		return err
	}
	_ = s.checkWarning(conn) // of statements before
	if err := tx.Commit(); err != nil {
		return wrapStorageError(err)
	}
	if err := s.checkWarning(conn); err != nil {
		return &storageError{cause: err, retryable: true}
	}
	return s.checkPresent()
}

// present returns an error if the database is not where it was opened.
func (s *storage) checkPresent() error {
	if s.checkFiles == nil {
		return nil
	}
	return wrapStorageError(s.checkFiles())
}

// warned returns an error if the server warned of what a connection did last.
func (s *storage) checkWarning(conn *sql.Conn) error {
	if s.warning == nil {
		return nil
	}
	var warning error
	err := conn.Raw(func(driverConn any) error {
		warning = s.warning(driverConn)
		return nil
	})
	return errors.Join(warning, err)
}

// again repeats what the storage's errors say can be repeated. No try takes
// longer than a person waits.
func (r *Registry) retry(ctx context.Context, fn func(context.Context) error) error {
	return r.retryLong(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, r.attemptTimeout)
		defer cancel()
		return fn(ctx)
	})
}

// atLeisure is again for what may take long: tables are made, or read whole.
func (r *Registry) retryLong(ctx context.Context, fn func(context.Context) error) error {
	started := time.Now() // not the clock of records, which may be set
	var lastError error   // of the last attempt that failed while there was time
	for attempt := 0; ; attempt++ {
		err := r.storage.checkPresent()
		if err == nil {
			err = fn(ctx)
		}
		var failed *storageError
		if err == nil || !errors.As(err, &failed) {
			return err
		}
		if ctx.Err() == nil {
			lastError = err
		}
		if ctx.Err() == nil && attempt+1 < maxRetryAttempts && time.Since(started) < r.retryTime && (failed.retryable || r.storage.classify(err) != permanent) {
			if r.onRetry != nil {
				r.onRetry(err)
			}
			err = r.sleep(ctx, r.pause(attempt))
			if err == nil {
				continue
			}
		}
		switch {
		case ctx.Err() == nil:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		case lastError == nil:
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, context.Cause(ctx), lastError)
	}
}

// forget removes what was deleted from files that the engine keeps. While a program
// reads an earlier state it can't, and returns [ErrUnavailable].
func (r *Registry) truncateLog(ctx context.Context) error {
	if r.storage.dialect != goose.DialectSQLite3 {
		return nil
	}
	return r.retry(ctx, func(ctx context.Context) error {
		var busy, pages, moved int
		_, err := queryRow(ctx, r.storage.db, []any{&busy, &pages, &moved}, `PRAGMA wal_checkpoint(TRUNCATE)`)
		if err == nil && busy != 0 {
			err = &storageError{cause: errors.New("what was deleted is still in the log, which another program reads"), retryable: true}
		}
		return err
	})
}
