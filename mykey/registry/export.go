package registry

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"time"

	"github.com/mykeykit/mykeykit/mykey"
)

// Export returns all applications of the namespace, sorted by identifier. It first verifies
// the audit log as [Operator.Verify] does with the earlier heads, and appends a record of
// the export. Applications whose account was erased, and those that are made in the
// meantime, are not included.
//
// An application that does not match the records comes with an [*AuditError], and only
// its ID and Namespace are set; the iteration continues. Any other error ends the
// iteration, with the zero Application: an [*AuditError] for a broken chain or for
// removed applications, [ErrOperation] if the operation was used for a different request
// or the applications have changed since, [ErrTerminalTaken], or [ErrUnavailable].
func (d *Desk) Export(ctx context.Context, operation Operation, earlier ...Head) iter.Seq2[Application, error] {
	return func(yield func(Application, error) bool) {
		v, err := d.newVerification(Verification{Earlier: earlier})
		if err == nil {
			v.keep = true
			err = v.check(ctx)
		}
		if err == nil {
			err = d.recordExport(ctx, operation, v)
		}
		if err != nil {
			yield(Application{}, err)
			return
		}
		mismatched := v.mismatchedApplications()
		for a, err := range d.applications(ctx) {
			if err != nil {
				yield(Application{}, err)
				return
			}
			recorded, matches := v.compareApplication(a.image())
			switch {
			case a.ID == "": // counted in missingApplications
			case mismatched[a.ID] || recorded && !matches:
				if !yield(Application{ID: a.ID, Namespace: a.Namespace}, &AuditError{Reason: "the application does not match the records"}) {
					return
				}
			case matches && len(a.Sealed) > 0:
				if !yield(a.Application, nil) {
					return
				}
			}
		}
		if v.missingApplications != "" {
			yield(Application{}, &AuditError{Reason: v.missingApplications})
		}
	}
}

// recordExport appends the record of an export.
func (d *Desk) recordExport(ctx context.Context, operation Operation, v *verification) error {
	i := newImage(exportEntry, uint64(v.report.Applications), nil, v.rows.exportDigest)
	i.action = actionAdded
	parts := func(Generation) [][]byte { return [][]byte{v.rows.exportDigest} }
	_, err := d.registry.applyOnce(ctx, change{operation, kindExport, parts}, func(queryer) (*outcome, error) {
		return &outcome{kind: kindExport, lineage: []byte{}, images: []image{i}}, nil
	})
	return err
}

const selectApplications = `SELECT lineage, identifier, service, account, sealed, applied, operation, version FROM applications WHERE namespace = $1`

// scanApplication scans an application. With errUnexpectedType it returns the columns
// that it could scan.
func scanApplication(rows *sql.Rows, namespace string) (application, error) {
	a := application{Application: Application{Namespace: namespace}}
	var applied int64
	err := scanExactly(rows, &a.lineage, (*string)(&a.ID), &a.Service, &a.account, &a.Sealed, &applied, &a.operation, &a.version)
	a.Applied = time.Unix(applied, 0).UTC()
	return a, err
}

// applications returns all applications, sorted by identifier. It reads them in pages, so
// that a slow caller does not keep a transaction open. An application that can't be read
// has version 0, which no record contains.
func (o *Operator) applications(ctx context.Context) iter.Seq2[application, error] {
	return func(yield func(application, error) bool) {
		last := mykey.ID("")
		for {
			var found []application
			err := o.registry.retry(ctx, func(ctx context.Context) error {
				found = nil
				return queryRows(ctx, o.registry.storage.db, func(rows *sql.Rows) error {
					a, err := scanApplication(rows, o.registry.namespace)
					if errors.Is(err, errUnexpectedType) {
						a.version, err = 0, nil
					}
					found = append(found, a)
					return err
				}, selectApplications+` AND identifier > $2 ORDER BY identifier LIMIT $3`, o.registry.namespace, last.String(), o.registry.pageSize)
			})
			if err != nil {
				yield(application{}, err)
				return
			}
			for _, a := range found {
				if !yield(a, nil) {
					return
				}
				last = a.ID
			}
			if len(found) < o.registry.pageSize || last == "" { // identifiers that are not text sort last, and can't begin a page
				return
			}
		}
	}
}
