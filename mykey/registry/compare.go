package registry

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/mykey"
)

// comparison reads the rows of the tables.
type comparison struct {
	*verification
	found   map[table]int64 // rows
	wrong   map[table]int64 // rows with unexpected columns
	baseSum rowSum          // of rows that new records do not describe
	nextSum rowSum          // of all rows
	next    checkpointContent

	unnamed      int64  // applications without an identifier
	exportDigest []byte // digest of all applications
	applications []readApplication
}

// readApplication is an application that was read for an export.
type readApplication struct {
	image
	id      mykey.ID
	account string
	err     error
}

var tables = []struct {
	table table
	name  string
}{{reservationTable, "reservations"}, {holderTable, "holders"}, {enrolledTable, "enrolled terminals"}, {applicationTable, "applications"}}

// baseSum returns an empty sum under the key of the checkpoint.
func (v *verification) baseSum() rowSum {
	if !v.checkpoint {
		return rowSum{}
	}
	return newRowSum(v.auditor, v.base.Salt)
}

// readTables reads every row.
func (v *verification) readTables(ctx context.Context, tx queryer) error {
	v.rows = comparison{verification: v, found: map[table]int64{}, wrong: map[table]int64{}, baseSum: v.baseSum()}
	c := &v.rows
	c.next = checkpointContent{Version: checkpointVersion, Namespace: v.progress.Namespace, Heads: v.report.Heads, Purges: v.report.Purges, Salt: newSalt()}
	if v.auditor.key.Reveal() != nil {
		c.nextSum = newRowSum(v.auditor, c.next.Salt)
	}
	for _, t := range []struct {
		scan  func(*sql.Rows) error
		query string
	}{
		{c.reservation, `SELECT identifier, generation, attempt, lineage, state, expiry, recovery, operation, version
			FROM reservations WHERE namespace = $1`},
		{c.holding, `SELECT handle, place, generation, identifier, turn, subject FROM holders WHERE namespace = $1`},
		{c.enrolled, selectEnrolled},
		{c.application, selectApplications + ` ORDER BY identifier`},
	} {
		if err := queryRows(ctx, tx, t.scan, t.query, v.progress.Namespace); err != nil {
			return err
		}
	}
	v.report.Reservations, v.report.Applications = c.found[reservationTable], c.found[applicationTable]
	for _, t := range tables {
		*c.next.table(t.table) = tableSum{c.found[t.table], c.nextSum.value(t.table)}
	}
	return nil
}

// compare finds the problems of the rows, after all buckets were checked.
func (v *verification) compare(l *ledger) {
	for _, t := range tables {
		for _, p := range []struct {
			problem string
			count   int64
		}{
			{"do not match the records", v.rows.wrong[t.table] + l.wrong[t.table]},
			{"have the account or the turn of another row", l.duplicates[t.table]},
			{"were removed", v.base.table(t.table).Rows + l.added[t.table] - v.rows.found[t.table]},
		} {
			if p.count > 0 {
				v.problems = append(v.problems, fmt.Sprintf("%s that %s: %d", t.name, p.problem, p.count))
			}
		}
		if l.base.value(t.table) != v.base.table(t.table).Sum {
			v.problems = append(v.problems, t.name+" were altered since the checkpoint: verify without it to find out how many")
		}
	}
	if n := v.base.Applications.Rows + l.added[applicationTable] - v.rows.found[applicationTable] + v.rows.unnamed; n > 0 {
		v.missingApplications = fmt.Sprintf("applications that were removed or can't be read: %d", n)
	}
}

// reservation reads a row of the table reservations.
func (c *comparison) reservation(rows *sql.Rows) error {
	r := reservationRow{Reservation: Reservation{Namespace: c.progress.Namespace}}
	var expiry string
	err := scanExactly(rows, (*string)(&r.ID), &r.KeyNumber, &r.Attempt, &r.lineage, (*string)(&r.State), &expiry, &r.recoveryHash, &r.operation, &r.version)
	var monthErr error
	if r.Expiry, monthErr = mykey.ParseMonth(expiry); monthErr != nil || r.Expiry.String() != expiry {
		err = cmp.Or(err, errUnexpectedType)
	}
	return cmp.Or(readError(err), c.check(r.image(), err))
}

// holding reads a row of the table holders, whose turn must be unique.
func (c *comparison) holding(rows *sql.Rows) error {
	h := holding{namespace: c.progress.Namespace}
	err := scanExactly(rows, &h.handle, &h.place, &h.generation, (*string)(&h.id), &h.turn, &h.subject)
	return cmp.Or(readError(err), c.check(h.image(), err), c.unique(holderTable, []byte(h.id), encodeNumber(h.turn)))
}

// enrolled reads a row of the table enrolled.
func (c *comparison) enrolled(rows *sql.Rows) error {
	e, err := scanEnrolled(rows, c.progress.Namespace)
	return cmp.Or(readError(err), c.check(e.image(), err))
}

// application reads a row of the table applications, whose account must be unique. It adds
// the row to exportDigest.
func (c *comparison) application(rows *sql.Rows) error {
	a, err := scanApplication(rows, c.progress.Namespace)
	if a.ID == "" {
		c.unnamed++
	}
	i := a.image()
	if c.keep {
		c.applications = append(c.applications, readApplication{i, a.ID, string(a.account), err})
	}
	c.exportDigest = digest("registry/export/v2", c.exportDigest, i.row[:], i.after[:])
	return cmp.Or(readError(err), c.check(i, err), c.unique(applicationTable, a.account))
}

// check counts a row that was read with err, and adds it to its bucket or, if no new
// record describes it, to the sum.
func (c *comparison) check(i image, err error) error {
	c.found[i.table]++
	if err != nil {
		c.wrong[i.table]++
		return nil
	}
	c.nextSum.add(i)
	if c.touched != nil && !c.touched[i.row] {
		c.baseSum.add(i)
		return nil
	}
	i.action = actionFound
	return c.spill.add(bucketOf(i.row), appendEntry(nil, i, 0, 0))
}

// unique adds a value that only one row may have.
func (c *comparison) unique(t table, value ...[]byte) error {
	i := image{action: actionUnique, table: t}
	copy(i.row[:], digest("registry/unique/v1", append(value, []byte{byte(t)})...))
	return c.spill.add(bucketOf(i.row), appendEntry(nil, i, 0, 0))
}

// readError returns nil for errUnexpectedType, which counts as a mismatch of the row,
// and other errors unchanged.
func readError(err error) error {
	if errors.Is(err, errUnexpectedType) {
		return nil
	}
	return err
}

// compareApplication reports whether any record made this version of an application, and
// whether it matches that record and the version is the last one.
func (v *verification) compareApplication(i image) (recorded, matches bool) {
	at := rowVersion{i.table, i.row, i.version}
	digest, recorded := v.kept[at]
	at.version++
	_, later := v.kept[at]
	return recorded, recorded && digest == i.after && !later
}

// mismatchedApplications returns the applications that do not match the records, or that
// have another one's account.
func (v *verification) mismatchedApplications() map[mykey.ID]bool {
	mismatched, accounts := map[mykey.ID]bool{}, map[string]mykey.ID{}
	for _, a := range v.rows.applications {
		_, ok := v.compareApplication(a.image)
		ok = ok && a.err == nil
		if first, used := accounts[a.account]; ok && used {
			mismatched[first], ok = true, false
		}
		if !ok {
			mismatched[a.id] = true
		}
		accounts[a.account] = a.id
	}
	return mismatched
}
