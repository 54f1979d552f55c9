package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// ErrAudit reports that the audit log or the rows were tampered with. It comes in an
// [*AuditError].
var ErrAudit = errors.New("audit records were tampered with")

// AuditError describes the first inconsistency that [Operator.Verify] found. It
// matches [ErrAudit].
type AuditError struct {
	// Chain is the name of the broken chain. It is empty if the error concerns no
	// chain, for example if rows do not match the records.
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
// administrator can't write: with them, [Operator.Verify] detects the removal of
// records from the end of a chain.
type Head struct {
	Chain  string `json:"chain"`
	Number int64  `json:"number"`
	Hash   []byte `json:"hash"` // 32 bytes
}

// Report is the result of [Operator.Verify].
type Report struct {
	Records      int64 // in the audit log
	Reservations int64 // rows that were compared, including withdrawn reservations
	Applications int64 // rows that were compared
	// Purges is the number of purges. Compare it with the purges that you made, since
	// every terminal's key can sign one.
	Purges int64
	Heads  []Head // of all chains, sorted by terminal name
	// Checkpoint begins the next verification, see [Verification]. It is nil without an
	// auditor.
	Checkpoint []byte
}

// Verification describes a verification of a large registry.
type Verification struct {
	// Earlier holds heads of earlier reports, as for [Operator.Verify].
	Earlier []Head
	// Auditor signs the checkpoint. Generate it for this purpose, and keep its key where
	// the database's administrator can't read it. Without an auditor there is no
	// checkpoint, and Checkpoint and Folder can't be used.
	Auditor Terminal
	// Checkpoint is the checkpoint of an earlier report, which this auditor signed. Only
	// records after it are read.
	Checkpoint []byte
	// Folder is an existing folder for the files of one verification. Without it, up to 1,000
	// bytes of memory are used for each record that is read. If a verification was
	// interrupted, call VerifyWith again with the same folder and checkpoint to continue it. The
	// files contain digests and no personal data, and are deleted at the end.
	Folder string
}

// Verify verifies the audit log of the namespace and every row that it describes.
// Terminals can work in the meantime.
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
	return o.VerifyWith(ctx, Verification{Earlier: earlier})
}

// VerifyWith is like Verify for large registries.
//
// A verification from a checkpoint reads the records after the checkpoint and every row. Of the
// records before the checkpoint it checks only the number and the hashes of the heads, so it does
// not detect altered ones. It detects altered rows too, but its [Report] does not count the rows.
// Verify detects altered records of any age, and counts the rows. If the whole database was
// replaced by an older copy, an old checkpoint still matches it. Use the latest one, or pass the
// latest heads as Earlier.
//
// It also returns [ErrTerminal] if Checkpoint or Folder is set without an Auditor, and
// [ErrCheckpoint].
func (o *Operator) VerifyWith(ctx context.Context, options Verification) (Report, error) {
	v, err := o.newVerification(options)
	if err != nil {
		return Report{}, err
	}
	err = v.run(ctx)
	if err := v.close(err); err != nil {
		return v.report, err
	}
	return v.report, nil
}
