package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/pressly/goose/v3"
)

// ErrAudit reports that the audit log or the rows were tampered with. It comes in an
// [*AuditError].
var ErrAudit = errors.New("audit records were tampered with")

// AuditError describes the first inconsistency that [Operator.Verify] found. It
// matches [ErrAudit].
type AuditError struct {
	// Chain is the name of the terminal whose chain is broken. It is empty if no
	// chain is broken, but for example rows do not match the records.
	Chain string
	// Number is the number of the record in its chain, from 1. It is 0 if Chain is
	// empty.
	Number int64
	Reason string
}

func (e *AuditError) Error() string {
	if e.Chain == "" {
		return fmt.Sprintf("%s: %s", ErrAudit, e.Reason)
	}
	chain := e.Chain
	if !terminalName.MatchString(chain) { // no terminal wrote it: it may hold control characters
		chain = strconv.QuoteToASCII(chain)
	}
	return fmt.Sprintf("%s: record %d of %s: %s", ErrAudit, e.Number, chain, e.Reason)
}

// Unwrap returns [ErrAudit].
func (e *AuditError) Unwrap() error { return ErrAudit }

// Head identifies the last record of a chain. Store heads where the database's
// administrator can't write: [Operator.Verify] detects with them that records were
// removed from the end of a chain.
type Head struct {
	Chain  string `json:"chain"`
	Number int64  `json:"number"`
	Hash   []byte `json:"hash"` // 32 bytes
}

// Report is the result of [Operator.Verify].
type Report struct {
	Records      int64
	Reservations int64 // rows that were compared, including withdrawn reservations
	Applications int64 // rows that were compared
	// Purges is the number of purges. Compare it with the purges that you made, since
	// every terminal's key can sign one.
	Purges int64
	Heads  []Head // of all chains, sorted by terminal name
}

// Verify verifies the audit log of the namespace and every row that it describes, in
// one snapshot. Terminals can work in the meantime.
//
// It detects records that were added, removed, altered or moved without the
// terminal's key, and reservations, holders and applications that do not match the
// records. It also detects a row that was altered and restored, if a terminal relied
// on it in the meantime.
//
// If the last records of a chain were removed together with the changes that they
// describe, only an earlier head shows it. Store the heads of each report, and pass
// them as earlier.
//
// It returns the first inconsistency as an [*AuditError], or [ErrUnavailable].
func (o *Operator) Verify(ctx context.Context, earlier ...Head) (Report, error) {
	l, err := o.replay(ctx, earlier)
	if err != nil {
		return Report{}, err
	}
	return l.report, l.firstProblem()
}

// replay reads all records and rows in one snapshot. It returns an error for a broken
// chain. The ledger lists the rows that do not match the records.
func (o *Operator) replay(ctx context.Context, earlier []Head) (*ledger, error) {
	var l *ledger
	level := sql.LevelSerializable
	if o.registry.storage.dialect != goose.DialectSQLite3 {
		level = sql.LevelRepeatableRead // a snapshot that never makes another transaction fail
	}
	err := o.registry.retryLong(ctx, func(ctx context.Context) error {
		l = newLedger(o.keys, earlier)
		tx, err := o.registry.storage.db.BeginTx(ctx, &sql.TxOptions{Isolation: level, ReadOnly: true})
		if err != nil {
			return wrapStorageError(err)
		}
		defer tx.Rollback() // nothing was written
		return l.read(ctx, tx, o.registry.namespace)
	})
	return l, err
}
