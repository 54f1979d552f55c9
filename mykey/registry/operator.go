package registry

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/mykey"
)

// Operator reads a registry for whom it belongs to: it verifies the audit log and
// counts. It needs neither the namespace's key nor the registry's, and writes
// nothing. It is safe for concurrent use.
type Operator struct {
	registry *Registry // without keys
	keys     map[string]ed25519.PublicKey
}

// OpenOperator opens the registry of a namespace that exists. The keys are those of
// all terminals and desks that have written to it. It makes nothing: a database that
// is not there is [ErrUnavailable], and one without the tables [ErrSchema]. The other
// errors are [ErrURL], [ErrTerminal] for a key that no terminal can have, and
// [ErrUnavailable].
func OpenOperator(ctx context.Context, url, namespace string, keys []TerminalKey) (*Operator, error) {
	return openOperator(ctx, url, namespace, keys, modeReadOnly, nil)
}

func openOperator(ctx context.Context, url, namespace string, keys []TerminalKey, mode mode, options []Option) (*Operator, error) {
	o := &Operator{registry: newRegistry(options), keys: map[string]ed25519.PublicKey{}}
	o.registry.namespace = namespace
	for _, k := range keys {
		if !terminalName.MatchString(k.Name) || len(k.Key) != ed25519.PublicKeySize {
			return nil, ErrTerminal
		}
		o.keys[k.Name] = k.Key
	}
	if err := o.registry.open(ctx, url, mode); err != nil {
		return nil, err
	}
	return o, nil
}

// Close closes the connections.
func (o *Operator) Close() error { return o.registry.Close() }

// Lookup returns the reservation of an identifier, withdrawn ones too. It returns
// [ErrNotFound] or [ErrUnavailable].
func (o *Operator) Lookup(ctx context.Context, id mykey.ID) (*Reservation, error) {
	return o.registry.Lookup(ctx, id)
}

// Desk is an [Operator] that also exports, erases and purges, and leaves an audit
// record of each under its own name and key, as a terminal does.
type Desk struct{ *Operator }

// OpenDesk opens the registry as [OpenOperator] does, under a desk's name. It honors
// WithClock and WithRandom. It returns the same errors, [ErrTerminal] and
// [ErrTerminalTaken].
func OpenDesk(ctx context.Context, url, namespace string, keys []TerminalKey, desk Terminal, options ...Option) (*Desk, error) {
	if desk.key.Reveal() == nil {
		return nil, ErrTerminal
	}
	o, err := openOperator(ctx, url, namespace, slices.Concat(keys, []TerminalKey{desk.Public()}), modeExisting, options)
	if err != nil {
		return nil, err
	}
	o.registry.terminal = desk
	if err := o.registry.claimTerminal(ctx); err != nil {
		_ = o.Close() // what failed first is the cause
		return nil, err
	}
	return &Desk{o}, nil
}

// Export returns all applications of the namespace, by identifier. The audit log is
// verified first, and that the export was made is recorded before the first
// application is returned.
//
// An application that is not as recorded comes with an [*AuditError] and its
// identifier alone, and the loop goes on. Any other error is the last: an
// [*AuditError] without an identifier, of a broken chain or of applications that were
// removed; [ErrOperation], also for an operation that exported others; or
// [ErrUnavailable]. Applications that are made meanwhile are left to the next export,
// and erased ones left out.
func (d *Desk) Export(ctx context.Context, operation Operation, earlier ...Head) iter.Seq2[Application, error] {
	return func(yield func(Application, error) bool) {
		l, err := d.replay(ctx, earlier)
		if err == nil {
			i := newImage(exportEntry, uint64(l.report.Applications), nil, l.exportDigest)
			i.action = actionAdded
			parts := func(Generation) [][]byte { return [][]byte{l.exportDigest} }
			_, err = d.registry.applyOnce(ctx, change{operation, kindExport, parts}, func(queryer) (*outcome, error) {
				return &outcome{kind: kindExport, lineage: []byte{}, images: []image{i}}, nil
			})
		}
		if err != nil {
			yield(Application{}, err)
			return
		}
		for a, err := range d.applications(ctx) {
			if err != nil {
				yield(Application{}, err)
				return
			}
			recorded, matches := l.compareRow(a.image())
			switch {
			case a.ID == "": // which is told of at the end
			case l.mismatched[a.ID] || recorded && !matches:
				if !yield(Application{ID: a.ID, Namespace: a.Namespace}, &AuditError{Reason: "an application that is not as recorded"}) {
					return
				}
			case matches && len(a.Sealed) > 0:
				if !yield(a.Application, nil) {
					return
				}
			}
		}
		if l.missingApplications != "" {
			yield(Application{}, &AuditError{Reason: l.missingApplications})
		}
	}
}

const selectApplications = `SELECT lineage, identifier, service, account, sealed, applied, operation, version FROM applications WHERE namespace = $1`

// scanApplication returns errInexact with what it could read.
func scanApplication(rows *sql.Rows, namespace string) (application, error) {
	a := application{Application: Application{Namespace: namespace}}
	var applied int64
	err := scanExactly(rows, &a.lineage, (*string)(&a.ID), &a.Service, &a.account, &a.Sealed, &applied, &a.operation, &a.version)
	a.Applied = time.Unix(applied, 0).UTC()
	return a, err
}

// applications reads all, by identifier, in pages: who takes them may take long. One
// that can't be read has the version 0, which no record tells of.
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
			if len(found) < o.registry.pageSize || last == "" { // what is no text comes last, and there is no going on from it
				return
			}
		}
	}
}

// Erase withdraws the reservation of an identifier and erases the account that was
// applied with, at the holder's request, which a clerk with this code has checked.
// The account may be used by another application; the holder's application stays
// made. Backups and earlier exports are not reached.
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

// eraseAccount leaves nothing of an application's account.
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

// Purge deletes everything that the registry holds of the namespace's holders, after
// a campaign: reservations, holders and applications. Audit records stay, and one tells
// of the purge, with the clerk's code. They hold random numbers and digests: who has the
// registry's key and somebody's card can still test whether it took part. Identifiers may
// be given again afterwards. Verify first: what was altered before a purge is not found
// after it.
//
// It returns what [Desk.Erase] returns.
func (d *Desk) Purge(ctx context.Context, operation Operation, clerk string) error {
	if !clerkCode.MatchString(clerk) {
		return ErrClerk
	}
	namespace := d.registry.namespace
	parts := func(Generation) [][]byte { return [][]byte{[]byte(namespace), []byte(clerk)} }
	_, err := d.registry.applyOnce(ctx, change{operation, kindPurge, parts}, func(tx queryer) (*outcome, error) {
		out := &outcome{kind: kindPurge, lineage: []byte{}, clerk: clerk}
		err := queryRows(ctx, tx, func(rows *sql.Rows) error {
			var chain string
			var number uint64
			var hash []byte
			err := rows.Scan(&chain, &number, &hash)
			i := newImage(chainHeadEntry, number, []byte(chain), hash)
			i.action = actionAdded
			out.images = append(out.images, i)
			return err
		}, `SELECT chain, number, hash FROM audit a WHERE namespace = $1
			AND number = (SELECT max(number) FROM audit b WHERE b.namespace = a.namespace AND b.chain = a.chain)`, namespace)
		if err != nil {
			return nil, err
		}
		for _, table := range []string{"reservations", "holders", "applications"} {
			if _, err := exec(ctx, tx, fmt.Sprintf(`DELETE FROM %s WHERE namespace = $1`, table), namespace); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
	if err == nil {
		err = d.registry.truncateLog(ctx)
	}
	return err
}
