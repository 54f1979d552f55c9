package registry

import (
	"context"
	"database/sql"
	"errors"
)

// transact runs fn in a serializable transaction, with retries.
func (r *Registry) transact(ctx context.Context, fn func(queryer) error) error {
	return r.retry(ctx, func(ctx context.Context) error { return r.serializable(ctx, false, fn) })
}

// snapshot runs fn in a read-only serializable transaction, with retries.
func (r *Registry) snapshot(ctx context.Context, fn func(queryer) error) error {
	return r.retry(ctx, func(ctx context.Context) error { return r.serializable(ctx, true, fn) })
}

// serializable runs fn in a serializable transaction, without retries.
func (r *Registry) serializable(ctx context.Context, readOnly bool, fn func(queryer) error) error {
	return r.storage.transaction(ctx, readOnly, fn)
}

// transaction runs fn in a serializable transaction, without retries. Call checkPresent
// first. It returns an error if the database file was replaced in the meantime, or if the
// server sent a warning with the commit.
func (s *storage) transaction(ctx context.Context, readOnly bool, fn func(queryer) error) error {
	var uncached []string
	defer func() { // after the connection was released
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
		_ = tx.Rollback() // report the first error
		return err
	}
	_ = s.checkWarning(conn) // discard warnings of earlier statements
	if err := tx.Commit(); err != nil {
		return wrapStorageError(err)
	}
	if err := s.checkWarning(conn); err != nil {
		return &storageError{cause: err, retryable: true}
	}
	return s.checkPresent()
}

// checkPresent returns an error if the database file was removed or replaced.
func (s *storage) checkPresent() error {
	if s.checkFiles == nil {
		return nil
	}
	return wrapStorageError(s.checkFiles())
}

// checkWarning returns the server's last warning on a connection as an error.
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
