package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"

	"github.com/mykeykit/mykeykit/mykey"
)

// Erase withdraws the reservation of an identifier and erases the account of its
// application, at the holder's request. clerk is the code of the clerk who has checked the
// request, see [ByClerk]. The account can then be used in another application, but the
// holder can't apply again. Backups and earlier exports still contain the account.
//
// It returns [ErrClerk], [ErrOperation], [ErrNotFound], [ErrTerminalTaken] or
// [ErrUnavailable].
func (d *Desk) Erase(ctx context.Context, operation Operation, id mykey.ID, clerk string) error {
	if !clerkCode.MatchString(clerk) {
		return ErrClerk
	}
	parts := func(Generation) [][]byte { return [][]byte{[]byte(d.registry.namespace), []byte(id), []byte(clerk)} }
	_, err := d.registry.applyOnce(ctx, change{operation, kindErase, parts}, func(tx queryer) (*outcome, error) {
		before, err := d.registry.byIdentifier(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		out := &outcome{kind: kindErase, lineage: before.lineage, clerk: clerk}
		if before.State == Reserved {
			after := *before
			after.State, after.recoveryHash = Withdrawn, ""
			changed, err := updateReservation(ctx, tx, before, &after)
			if err != nil {
				return nil, err
			}
			out.images = append(out.images, changed)
		}
		erased, err := d.eraseAccount(ctx, tx, operation, before.lineage)
		out.images = append(out.images, erased...)
		return out, err
	})
	if err == nil {
		err = d.registry.truncateLog(ctx)
	}
	return err
}

// eraseAccount erases the sealed account and the account's digest of an application.
func (d *Desk) eraseAccount(ctx context.Context, tx queryer, operation Operation, lineage []byte) ([]image, error) {
	var before []application
	err := queryRows(ctx, tx, func(rows *sql.Rows) error {
		a, err := scanApplication(rows, d.registry.namespace)
		before = append(before, a)
		return err
	}, selectApplications+` AND lineage = $2`, d.registry.namespace, lineage)
	if err != nil || len(before) == 0 || len(before[0].Sealed) == 0 {
		return nil, err
	}
	after := before[0]
	after.Sealed, after.account, after.version = []byte{}, digest("registry/erased/v2", operation[:]), after.version+1
	_, err = exec(ctx, tx, `UPDATE applications SET sealed = $3, account = $4, version = $5 WHERE namespace = $1 AND lineage = $2`,
		after.Namespace, lineage, after.Sealed, after.account, after.version)
	return []image{changedImage(before[0], after)}, err
}

// Purge deletes all reservations, holders and applications of the namespace, after a
// campaign. It appends a record with the clerk's code. The audit log stays; about holders
// it contains only random numbers and digests. Whoever has the registry's key can still
// test whether a given card took part. Identifiers can be assigned again afterwards.
//
// Call [Operator.Verify] first: alterations before a purge can't be detected after it.
//
// It returns [ErrClerk], [ErrOperation], [ErrTerminalTaken] or [ErrUnavailable].
func (d *Desk) Purge(ctx context.Context, operation Operation, clerk string) error {
	if !clerkCode.MatchString(clerk) {
		return ErrClerk
	}
	namespace := d.registry.namespace
	parts := func(Generation) [][]byte { return [][]byte{[]byte(namespace), []byte(clerk)} }
	_, err := d.registry.applyOnce(ctx, change{operation, kindPurge, parts}, func(tx queryer) (*outcome, error) {
		heads, err := chainHeads(ctx, tx, namespace)
		if err != nil {
			return nil, err
		}
		for _, table := range []string{"reservations", "holders", "applications"} {
			if _, err := exec(ctx, tx, fmt.Sprintf(`DELETE FROM %s WHERE namespace = $1`, table), namespace); err != nil {
				return nil, err
			}
		}
		return &outcome{kind: kindPurge, lineage: []byte{}, clerk: clerk, images: heads}, nil
	})
	if err == nil {
		err = d.registry.truncateLog(ctx)
	}
	return err
}

// chainHeads returns the heads of all chains of a namespace, for the record of a purge.
func chainHeads(ctx context.Context, tx queryer, namespace string) ([]image, error) {
	var heads []image
	err := queryRows(ctx, tx, func(rows *sql.Rows) error {
		var chain string
		var number uint64
		var hash []byte
		err := rows.Scan(&chain, &number, &hash)
		i := newImage(chainHeadEntry, number, []byte(chain), hash)
		i.action = actionAdded
		heads = append(heads, i)
		return err
	}, `SELECT chain, number, hash FROM audit a WHERE namespace = $1
		AND number = (SELECT max(number) FROM audit b WHERE b.namespace = a.namespace AND b.chain = a.chain)`, namespace)
	return heads, err
}

// truncateLog removes deleted rows from SQLite's write-ahead log. It returns
// [ErrUnavailable] while a program reads an earlier snapshot.
func (r *Registry) truncateLog(ctx context.Context) error {
	if r.storage.dialect != goose.DialectSQLite3 {
		return nil
	}
	return r.retry(ctx, func(ctx context.Context) error {
		var busy, pages, moved int
		_, err := queryRow(ctx, r.storage.db, []any{&busy, &pages, &moved}, `PRAGMA wal_checkpoint(TRUNCATE)`)
		if err == nil && busy != 0 {
			err = &storageError{cause: errors.New("the log still contains deleted rows, because another program is reading"), retryable: true}
		}
		return err
	})
}
