package registry

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/mykeykit/mykeykit/mykey"
)

// ErrAudit: the audit records are not what was written. It is the reason of an
// [*AuditError].
var ErrAudit = errors.New("audit records were tampered with")

// AuditError says where the audit log is broken first.
type AuditError struct {
	// Chain is the terminal's name; empty where the tables are not what the
	// records tell.
	Chain string
	// Number is the record's in its chain, from 1.
	Number int64
	Reason string
}

func (e *AuditError) Error() string {
	if e.Chain == "" {
		return fmt.Sprintf("%s: %s", ErrAudit, e.Reason)
	}
	return fmt.Sprintf("%s: record %d of %s: %s", ErrAudit, e.Number, e.Chain, e.Reason)
}

// Unwrap gives [ErrAudit].
func (e *AuditError) Unwrap() error { return ErrAudit }

// Head is the end of a chain: kept where the database's administrator can't
// reach, it shows later that records were removed from the end.
type Head struct {
	Chain  string `json:"chain"`
	Number int64  `json:"number"`
	Hash   []byte `json:"hash"` // 32 bytes
}

// Report says what [Operator.Verify] found in order.
type Report struct {
	Records int64
	// Reservations, withdrawn ones too, and Applications are how many rows were
	// compared with the records.
	Reservations int64
	Applications int64
	Heads        []Head // of every chain, by the terminals' names
}

// Verify reads all audit records of the namespace and every row that they tell of,
// at one moment, also beside terminals at work. It finds records that were removed,
// altered, moved or added by others than the terminal, by its signature; and
// reservations, holders and applications that were added, altered or removed
// otherwise than the records tell, also if the alteration was undone since, once a
// terminal relied on it.
//
// It returns the first break, an [*AuditError], or [ErrUnavailable]. Keep the heads
// that it returns where the database's administrator can't write: only with an
// earlier head, given as kept, does it find records that were removed from a chain's
// end together with everything that they tell of.
func (o *Operator) Verify(ctx context.Context, kept ...Head) (Report, error) {
	l, err := o.replay(ctx, kept)
	if err != nil {
		return Report{}, err
	}
	return l.report, l.broken()
}

// ledger is what the records tell: the digest of each state that a row has had.
type ledger struct {
	keys   map[string]ed25519.PublicKey
	kept   map[string][]Head
	purges map[[16]byte][]image // of a chain's name

	chain     string // that is being read
	last      Head   // of it
	signature []byte
	states    map[state][32]byte
	relied    []reliance
	rows      map[table]int64 // that should be there
	problems  []string        // what is wrong with rows
	suspect   map[string]bool // identifiers of applications that are not as recorded
	exported  []byte          // digest of the applications
	report    Report
}

// state names a state of a row.
type state struct {
	table   table
	row     [16]byte
	version uint64
}

// reliance is that a record was written in the belief that a row was in a state.
type reliance struct {
	state
	digest [32]byte
	chain  string
	number int64
}

// replay reads everything in one snapshot. A row that is not as recorded is a
// problem of the ledger; a broken chain is an error.
func (o *Operator) replay(ctx context.Context, kept []Head) (*ledger, error) {
	var l *ledger
	level := sql.LevelSerializable
	if o.books.storage.dialect != goose.DialectSQLite3 {
		level = sql.LevelRepeatableRead // a snapshot, which nobody has to be repeated for
	}
	err := o.books.atLeisure(ctx, func(ctx context.Context) error {
		l = &ledger{keys: o.keys, kept: map[string][]Head{}, purges: map[[16]byte][]image{},
			states: map[state][32]byte{}, rows: map[table]int64{}, suspect: map[string]bool{}}
		for _, h := range kept {
			l.kept[h.Chain] = append(l.kept[h.Chain], h)
		}
		tx, err := o.books.storage.db.BeginTx(ctx, &sql.TxOptions{Isolation: level, ReadOnly: true})
		if err != nil {
			return fromStorage(err)
		}
		defer tx.Rollback() // it only reads
		return l.read(ctx, tx, o.books.namespace)
	})
	return l, err
}

func (l *ledger) read(ctx context.Context, tx queryer, namespace string) error {
	if err := l.readPurges(ctx, tx, namespace); err != nil {
		return err
	}
	err := all(ctx, tx, func(rows *sql.Rows) error {
		c := record{namespace: namespace}
		var operation, hash, signature []byte
		if err := rows.Scan(&c.chain, &c.number, &operation, &c.kind, &c.generation, &c.lineage, &c.clerk, &c.made, &c.request, &c.images, &hash, &signature); err != nil {
			return err
		}
		copy(c.operation[:], operation)
		return l.record(c, hash, signature)
	}, `SELECT chain, number, operation, kind, generation, lineage, clerk, made, request, images, hash, signature FROM audit
		WHERE namespace = $1 ORDER BY chain, number`, namespace)
	if err != nil {
		return err
	}
	if err := l.endChain(); err != nil {
		return err
	}
	for _, chain := range slices.Sorted(maps.Keys(l.kept)) { // of which there was nothing
		return &AuditError{Chain: chain, Number: 1, Reason: "removed from the end"}
	}
	if len(l.purges) > 0 {
		return &AuditError{Reason: "a purge tells of a chain that is not there"}
	}
	for _, r := range l.relied {
		if d, known := l.states[r.state]; !known || d != r.digest {
			return &AuditError{Chain: r.chain, Number: r.number, Reason: "it relied on a row that was altered before"}
		}
	}
	return l.compare(ctx, tx, namespace)
}

// readPurges finds up to where chains tell of rows that were purged. That these
// records are the operator's shows when their chain is read.
func (l *ledger) readPurges(ctx context.Context, tx queryer, namespace string) error {
	return all(ctx, tx, func(rows *sql.Rows) error {
		var encoded []byte
		if err := rows.Scan(&encoded); err != nil {
			return err
		}
		images, _ := parseImages(encoded)
		for _, i := range images {
			l.purges[i.row] = append(l.purges[i.row], i)
		}
		return nil
	}, `SELECT images FROM audit WHERE namespace = $1 AND kind = $2`, namespace, string(kindPurge))
}

// record follows a chain by one record.
func (l *ledger) record(c record, hash, signature []byte) error {
	if c.chain != l.chain {
		if err := l.endChain(); err != nil {
			return err
		}
		l.chain, l.last = c.chain, Head{Chain: c.chain, Hash: beginning(c.namespace, c.chain)}
	}
	broken := func(reason string) error {
		return &AuditError{Chain: c.chain, Number: l.last.Number + 1, Reason: reason}
	}
	images, ok := parseImages(c.images)
	switch {
	case l.keys[c.chain] == nil:
		return broken("no key was given for this terminal")
	case c.number != l.last.Number+1:
		return broken("removed")
	case !ok || !hmac.Equal(hash, c.hash(l.last.Hash)):
		return broken("altered, or one before it removed")
	}
	end := imageOf(ofChain, uint64(c.number), []byte(c.chain), hash)
	purged := false
	for _, p := range l.purges[end.row] {
		purged = purged || p.version >= end.version
		if p.version == end.version && p.after != end.after {
			return broken("not the record up to which rows were purged")
		}
	}
	if !purged {
		for _, i := range images {
			if reason := l.apply(i, c); reason != "" {
				return broken(reason)
			}
		}
	}
	for _, h := range l.kept[c.chain] {
		if h.Number == c.number && !hmac.Equal(h.Hash, hash) {
			return broken("not the record that was the head")
		}
	}
	l.last, l.signature = Head{c.chain, c.number, hash}, signature
	l.report.Records++
	return nil
}

// apply notes what a record says of a row.
func (l *ledger) apply(i image, c record) (reason string) {
	at := state{i.table, i.row, i.version}
	switch {
	case i.table == ofChain || i.table == ofExport:
		return ""
	case i.act == relied:
		return l.rely(at, i.after, c)
	case i.version == 0 || (i.act == added) != (i.version == 1):
		return "a row's version is wrong"
	}
	if _, twice := l.states[at]; twice {
		return "another record made the same row"
	}
	l.states[at] = i.after
	if i.act == added {
		l.rows[i.table]++
		return ""
	}
	at.version--
	return l.rely(at, i.before, c)
}

// rely compares a state with what is known, now or, if that is another chain's to
// tell, later.
func (l *ledger) rely(at state, digest [32]byte, c record) (reason string) {
	known, ok := l.states[at]
	switch {
	case !ok:
		l.relied = append(l.relied, reliance{at, digest, c.chain, c.number})
	case known != digest:
		return "it relied on a row that was altered before"
	}
	return ""
}

// endChain looks whether a chain ends where it should, with its terminal's signature.
func (l *ledger) endChain() error {
	if l.chain == "" {
		return nil
	}
	if !ed25519.Verify(l.keys[l.chain], signed(l.last.Hash), l.signature) {
		return &AuditError{Chain: l.chain, Number: l.last.Number, Reason: "not signed by the terminal"}
	}
	end := imageOf(ofChain, uint64(l.last.Number), []byte(l.chain))
	for _, p := range l.purges[end.row] {
		if p.version > end.version {
			return &AuditError{Chain: l.chain, Number: l.last.Number + 1, Reason: "removed from the end"}
		}
	}
	delete(l.purges, end.row)
	for _, h := range l.kept[l.chain] {
		if h.Number > l.last.Number || h.Number < 1 {
			return &AuditError{Chain: l.chain, Number: l.last.Number + 1, Reason: "removed from the end"}
		}
	}
	delete(l.kept, l.chain)
	l.report.Heads = append(l.report.Heads, l.last)
	return nil
}

// compare reads every row, and looks for it in the ledger.
func (l *ledger) compare(ctx context.Context, tx queryer, namespace string) error {
	found, wrong := map[table]int64{}, map[table]int64{}
	check := func(v versioned) (ok bool) {
		i := v.image()
		at := state{i.table, i.row, i.version}
		digest, known := l.states[at]
		at.version++
		_, later := l.states[at]
		found[i.table]++
		if ok = known && digest == i.after && !later; !ok {
			wrong[i.table]++
		}
		return ok
	}
	reservations := func(rows *sql.Rows) error {
		r := row{Reservation: Reservation{Namespace: namespace}}
		var expiry string
		if err := rows.Scan(&r.ID, &r.KeyNumber, &r.Attempt, &r.lineage, &r.State, &expiry, &r.recovery, &r.operation, &r.version); err != nil {
			return err
		}
		var err error
		if r.Expiry, err = mykey.ParseMonth(expiry); err != nil {
			r.version = 0 // which no record tells of
		}
		check(&r)
		return nil
	}
	holders := func(rows *sql.Rows) error {
		h := holding{namespace: namespace}
		err := rows.Scan(&h.handle, &h.place, &h.generation, &h.id, &h.turn)
		check(h)
		return err
	}
	applications := func(rows *sql.Rows) error {
		a, err := scanApplication(rows, namespace)
		if !check(a) {
			l.suspect[string(a.ID)] = true
		}
		i := a.image()
		l.exported = digest("registry/export/v2", l.exported, i.row[:], i.after[:])
		return err
	}
	for _, t := range []struct {
		table table
		name  string
		scan  func(*sql.Rows) error
		query string
	}{
		{ofReservation, "reservations", reservations, `SELECT identifier, generation, attempt, lineage, state, expiry, recovery, operation, version
			FROM reservations WHERE namespace = $1`},
		{ofHolder, "holders", holders, `SELECT handle, place, generation, identifier, turn FROM holders WHERE namespace = $1`},
		{ofApplication, "applications", applications, selectApplications + ` ORDER BY identifier`},
	} {
		if err := all(ctx, tx, t.scan, t.query, namespace); err != nil {
			return err
		}
		if n := wrong[t.table]; n > 0 {
			l.problems = append(l.problems, fmt.Sprintf("%s that are not as recorded: %d", t.name, n))
		}
		if n := l.rows[t.table] - found[t.table]; n > 0 {
			l.problems = append(l.problems, fmt.Sprintf("%s that were removed: %d", t.name, n))
		}
	}
	l.report.Reservations, l.report.Applications = found[ofReservation], found[ofApplication]
	return nil
}

// broken is the first problem with rows.
func (l *ledger) broken() error {
	if len(l.problems) == 0 {
		return nil
	}
	return &AuditError{Reason: l.problems[0]}
}
