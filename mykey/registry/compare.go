package registry

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/mykey"
)

// comparison compares the rows of the tables with a ledger.
type comparison struct {
	*ledger
	namespace  string
	found      map[table]int64 // rows
	wrong      map[table]int64 // rows that do not match the records
	duplicates map[table]int64 // rows with another row's account or turn
	unnamed    int64           // applications without an identifier
	turns      map[turn]bool
	accounts   map[string]mykey.ID // by digest
}

// turn identifies the holding of an identifier.
type turn struct {
	id   mykey.ID
	turn uint64
}

// compareTables reads every row and compares it with the ledger.
func (l *ledger) compareTables(ctx context.Context, tx queryer, namespace string) error {
	c := comparison{
		ledger: l, namespace: namespace, found: map[table]int64{}, wrong: map[table]int64{}, duplicates: map[table]int64{},
		turns: map[turn]bool{}, accounts: map[string]mykey.ID{},
	}
	for _, t := range []struct {
		table table
		name  string
		scan  func(*sql.Rows) error
		query string
	}{
		{reservationTable, "reservations", c.reservation, `SELECT identifier, generation, attempt, lineage, state, expiry, recovery, operation, version
			FROM reservations WHERE namespace = $1`},
		{holderTable, "holders", c.holding, `SELECT handle, place, generation, identifier, turn FROM holders WHERE namespace = $1`},
		{enrolledTable, "enrolled terminals", c.enrolled, selectEnrolled},
		{applicationTable, "applications", c.application, selectApplications + ` ORDER BY identifier`},
	} {
		if err := queryRows(ctx, tx, t.scan, t.query, namespace); err != nil {
			return err
		}
		for _, p := range []struct {
			problem string
			count   int64
		}{
			{"do not match the records", c.wrong[t.table]},
			{"have the account or the turn of another row", c.duplicates[t.table]},
			{"were removed", l.rowCounts[t.table] - c.found[t.table]},
		} {
			if p.count > 0 {
				l.problems = append(l.problems, fmt.Sprintf("%s that %s: %d", t.name, p.problem, p.count))
			}
		}
	}
	if n := l.rowCounts[applicationTable] - c.found[applicationTable] + c.unnamed; n > 0 {
		l.missingApplications = fmt.Sprintf("applications that were removed or can't be read: %d", n)
	}
	l.report.Reservations, l.report.Applications = c.found[reservationTable], c.found[applicationTable]
	return nil
}

// reservation compares a row of the table reservations.
func (c *comparison) reservation(rows *sql.Rows) error {
	r := reservationRow{Reservation: Reservation{Namespace: c.namespace}}
	var expiry string
	err := scanExactly(rows, (*string)(&r.ID), &r.KeyNumber, &r.Attempt, &r.lineage, (*string)(&r.State), &expiry, &r.recoveryHash, &r.operation, &r.version)
	var monthErr error
	if r.Expiry, monthErr = mykey.ParseMonth(expiry); monthErr != nil || r.Expiry.String() != expiry {
		err = cmp.Or(err, errUnexpectedType)
	}
	c.check(&r, err)
	return readError(err)
}

// holding compares a row of the table holders, whose turn must be unique.
func (c *comparison) holding(rows *sql.Rows) error {
	h := holding{namespace: c.namespace}
	err := scanExactly(rows, &h.handle, &h.place, &h.generation, (*string)(&h.id), &h.turn)
	if c.check(h, err) && c.turns[turn{h.id, h.turn}] {
		c.duplicates[holderTable]++
	}
	c.turns[turn{h.id, h.turn}] = true
	return readError(err)
}

// enrolled compares a row of the table enrolled.
func (c *comparison) enrolled(rows *sql.Rows) error {
	e, err := scanEnrolled(rows, c.namespace)
	c.check(e, err)
	return readError(err)
}

// application compares a row of the table applications, whose account must be unique. It
// adds the row to exportDigest.
func (c *comparison) application(rows *sql.Rows) error {
	a, err := scanApplication(rows, c.namespace)
	ok := c.check(a, err)
	if first, used := c.accounts[string(a.account)]; ok && used {
		c.duplicates[applicationTable]++
		c.mismatched[first], ok = true, false
	}
	if !ok {
		c.mismatched[a.ID] = true
	}
	if a.ID == "" {
		c.unnamed++
	}
	c.accounts[string(a.account)] = a.ID
	i := a.image()
	c.exportDigest = digest("registry/export/v2", c.exportDigest, i.row[:], i.after[:])
	return readError(err)
}

// check counts a row and reports whether it was read without err and matches the
// records.
func (c *comparison) check(v versioned, err error) (ok bool) {
	i := v.image()
	c.found[i.table]++
	if _, ok = c.compareRow(i); !ok || err != nil {
		c.wrong[i.table]++
		return false
	}
	return true
}

// compareRow reports whether any record made this version of a row, and whether the
// row matches that record and the version is the last one.
func (l *ledger) compareRow(i image) (recorded, matches bool) {
	at := rowVersion{i.table, i.row, i.version}
	digest, recorded := l.states[at]
	at.version++
	_, later := l.states[at]
	return recorded, recorded && digest == i.after && !later
}

// readError returns nil for errUnexpectedType, which counts as a mismatch of the row,
// and other errors unchanged.
func readError(err error) error {
	if errors.Is(err, errUnexpectedType) {
		return nil
	}
	return err
}
