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
	creating mode = iota // a file that is missing is made
	existing             // a file that is missing or empty is an error, which wraps fs.ErrNotExist
	readOnly             // the same, and the database rejects every change
)

// A registry holds at most this many idle connections, and each for this long: a
// server has few, and a fleet's terminals are idle most of the time.
const idleConnections = 1

var idleTime = time.Minute // a variable for a test

// limit bounds the connections of a pool.
func limit(db *sql.DB) {
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(idleConnections)
	db.SetConnMaxIdleTime(idleTime)
}

// storage is a database: its pool of connections, and that in which engines differ
// once they are open.
type storage struct {
	db       *sql.DB
	dialect  goose.Dialect
	judge    func(error) verdict
	hasTable string // a query whether there is a table of the name $1
	// statements are those that transactions run, if the driver does not keep them. It
	// may be nil.
	statements *statements
	// check returns an error if what is committed is not kept. It may be nil.
	check func() error
	// warning returns what the server warned of on a connection, and forgets it. It
	// may be nil.
	warning func(driverConn any) error
}

// verdict is what an engine's error means to somebody who could try again.
type verdict int

const (
	final    verdict = iota // it would fail again
	conflict                // another transaction was in the way
	lost                    // the server is gone, or not there yet
)

// connect opens the database that a URL names in a mode.
func connect(mode mode, url string) (*storage, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(rest, mode)
	case "postgres", "postgresql":
		return openPostgres(url, mode)
	}
	return nil, ErrURL // quoting it could quote a password
}

// storageError marks what the database said, apart from what the registry
// decided.
type storageError struct {
	cause error
	race  bool // whatever it is, it may come of another program's doing the same
}

func (e *storageError) Error() string { return e.cause.Error() }
func (e *storageError) Unwrap() error { return e.cause }

func fromStorage(err error) error {
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
		return 0, fromStorage(err)
	}
	n, err := result.RowsAffected()
	return n, fromStorage(err)
}

// one reads one row, if there is one.
func one(ctx context.Context, q queryer, into []any, query string, args ...any) (found bool, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, fromStorage(err)
}

// all reads rows: scan is called for each.
func all(ctx context.Context, q queryer, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fromStorage(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fromStorage(err)
		}
	}
	return fromStorage(rows.Err())
}

// transact runs fn in a serializable transaction, again and again while others
// are in its way or the server is away.
func (r *Registry) transact(ctx context.Context, fn func(queryer) error) error {
	return r.again(ctx, func(ctx context.Context) error { return r.serializable(ctx, false, fn) })
}

// snapshot is transact for what only reads, and wants to see one moment.
func (r *Registry) snapshot(ctx context.Context, fn func(queryer) error) error {
	return r.again(ctx, func(ctx context.Context) error { return r.serializable(ctx, true, fn) })
}

// serializable runs fn in a serializable transaction, once.
func (r *Registry) serializable(ctx context.Context, readOnly bool, fn func(queryer) error) error {
	return r.storage.transaction(ctx, readOnly, fn)
}

// transaction runs fn in a serializable transaction, once. Who calls it has looked
// whether the database is present. It returns nil only if it still is, and if the server
// did not warn.
func (s *storage) transaction(ctx context.Context, readOnly bool, fn func(queryer) error) error {
	var unprepared []string
	defer func() { // when the connection is free again
		if len(unprepared) > 0 {
			s.statements.prepare(ctx, unprepared)
		}
	}()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fromStorage(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: readOnly})
	if err != nil {
		return fromStorage(err)
	}
	var q queryer = tx
	if s.statements != nil {
		q = preparedTx{tx, s.statements, &unprepared}
	}
	if err := fn(q); err != nil {
		_ = tx.Rollback() // what failed first is the cause
		return err
	}
	_ = s.warned(conn) // of statements before
	if err := tx.Commit(); err != nil {
		return fromStorage(err)
	}
	if err := s.warned(conn); err != nil {
		return &storageError{cause: err, race: true}
	}
	return s.present()
}

// present returns an error if the database is not where it was opened.
func (s *storage) present() error {
	if s.check == nil {
		return nil
	}
	return fromStorage(s.check())
}

// warned returns an error if the server warned of what a connection did last.
func (s *storage) warned(conn *sql.Conn) error {
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
func (r *Registry) again(ctx context.Context, fn func(context.Context) error) error {
	return r.atLeisure(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, r.tryLimit)
		defer cancel()
		return fn(ctx)
	})
}

// atLeisure is again for what may take long: tables are made, or read whole.
func (r *Registry) atLeisure(ctx context.Context, fn func(context.Context) error) error {
	begin := time.Now() // not the clock of records, which may be set
	var reason error    // of the last attempt that failed while there was time
	for attempt := 0; ; attempt++ {
		err := r.storage.present()
		if err == nil {
			err = fn(ctx)
		}
		var failed *storageError
		if err == nil || !errors.As(err, &failed) {
			return err
		}
		if ctx.Err() == nil {
			reason = err
		}
		if ctx.Err() == nil && attempt+1 < maxTries && time.Since(begin) < r.patience && (failed.race || r.storage.judge(err) != final) {
			if r.repeated != nil {
				r.repeated(err)
			}
			err = r.sleep(ctx, r.pause(attempt))
			if err == nil {
				continue
			}
		}
		switch {
		case ctx.Err() == nil:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		case reason == nil:
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, context.Cause(ctx), reason)
	}
}

// forget removes what was deleted from files that the engine keeps. While a program
// reads an earlier state it can't, and returns [ErrUnavailable].
func (r *Registry) forget(ctx context.Context) error {
	if r.storage.dialect != goose.DialectSQLite3 {
		return nil
	}
	return r.again(ctx, func(ctx context.Context) error {
		var busy, pages, moved int
		_, err := one(ctx, r.storage.db, []any{&busy, &pages, &moved}, `PRAGMA wal_checkpoint(TRUNCATE)`)
		if err == nil && busy != 0 {
			err = &storageError{cause: errors.New("what was deleted is still in the log, which another program reads"), race: true}
		}
		return err
	})
}
