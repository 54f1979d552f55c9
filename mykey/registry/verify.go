package registry

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	chain := e.Chain
	if !terminalName.MatchString(chain) { // somebody else wrote it
		chain = strconv.QuoteToASCII(chain)
	}
	return fmt.Sprintf("%s: record %d of %s: %s", ErrAudit, e.Number, chain, e.Reason)
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
	// Purges is how often everything was deleted. Compare it with what you did: the
	// key of any terminal can sign a purge.
	Purges int64
	Heads  []Head // of every chain, by the terminals' names
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
func (o *Operator) Verify(ctx context.Context, earlier ...Head) (Report, error) {
	l, err := o.replay(ctx, earlier)
	if err != nil {
		return Report{}, err
	}
	return l.report, l.firstProblem()
}

// ledger is what the records tell: the digest of each state that a row has had.
type ledger struct {
	keys         map[string]ed25519.PublicKey
	earlierHeads map[string][]Head
	purges       map[[16]byte][]image // of a chain's name

	chain               string // that is being read
	head                Head   // of it
	signature           []byte
	states              map[rowVersion][32]byte
	latestVersions      map[rowVersion]uint64 // the chain has seen a row in that version, if not the first; keys have version 0
	reliances           []reliance
	rowCounts           map[table]int64   // that should be there
	problems            []string          // what is wrong with rows
	mismatched          map[mykey.ID]bool // applications that are not as recorded
	missingApplications string            // what is wrong with applications that have no identifier
	exportDigest        []byte            // digest of the applications
	report              Report
}

// state names a state of a row.
type rowVersion struct {
	table   table
	row     [16]byte
	version uint64
}

// reliance is that a record was written in the belief that a row was in a state.
type reliance struct {
	rowVersion
	digest [32]byte
	chain  string
	number int64
}

// replay reads everything in one snapshot. A row that is not as recorded is a
// problem of the ledger; a broken chain is an error.
func (o *Operator) replay(ctx context.Context, earlier []Head) (*ledger, error) {
	var l *ledger
	level := sql.LevelSerializable
	if o.registry.storage.dialect != goose.DialectSQLite3 {
		level = sql.LevelRepeatableRead // a snapshot, which nobody has to be repeated for
	}
	err := o.registry.retryLong(ctx, func(ctx context.Context) error {
		l = &ledger{keys: o.keys, earlierHeads: map[string][]Head{}, purges: map[[16]byte][]image{},
			states: map[rowVersion][32]byte{}, latestVersions: map[rowVersion]uint64{}, rowCounts: map[table]int64{}, mismatched: map[mykey.ID]bool{}}
		for _, h := range earlier {
			l.earlierHeads[h.Chain] = append(l.earlierHeads[h.Chain], h)
		}
		tx, err := o.registry.storage.db.BeginTx(ctx, &sql.TxOptions{Isolation: level, ReadOnly: true})
		if err != nil {
			return wrapStorageError(err)
		}
		defer tx.Rollback() // it only reads
		return l.read(ctx, tx, o.registry.namespace)
	})
	return l, err
}

func (l *ledger) read(ctx context.Context, tx queryer, namespace string) error {
	if err := l.readPurges(ctx, tx, namespace); err != nil {
		return err
	}
	err := queryRows(ctx, tx, func(rows *sql.Rows) error {
		c := record{namespace: namespace}
		var hash, signature []byte
		err := scanExactly(rows, &c.chain, &c.number, &c.operation, (*string)(&c.kind), &c.generation, &c.lineage, &c.clerk, &c.unixTime, &c.request, &c.images, &hash, &signature)
		if errors.Is(err, errUnexpectedType) {
			return &AuditError{Reason: "a record that no terminal wrote"}
		}
		if err != nil {
			return err
		}
		return l.addRecord(c, hash, signature)
	}, `SELECT chain, number, operation, kind, generation, lineage, clerk, made, request, images, hash, signature FROM audit
		WHERE namespace = $1 ORDER BY chain, number`, namespace)
	if err != nil {
		return err
	}
	if err := l.finishChain(); err != nil {
		return err
	}
	for _, chain := range slices.Sorted(maps.Keys(l.earlierHeads)) { // of which there was nothing
		return &AuditError{Chain: chain, Number: 1, Reason: "removed from the end"}
	}
	if len(l.purges) > 0 {
		return &AuditError{Reason: "a purge tells of a chain that is not there"}
	}
	for _, r := range l.reliances {
		if d, known := l.states[r.rowVersion]; !known || d != r.digest {
			return &AuditError{Chain: r.chain, Number: r.number, Reason: "it relied on a row that was altered before"}
		}
	}
	return l.compareTables(ctx, tx, namespace)
}

// readPurges finds up to where chains tell of rows that were purged. That these
// records are the operator's shows when their chain is read.
func (l *ledger) readPurges(ctx context.Context, tx queryer, namespace string) error {
	return queryRows(ctx, tx, func(rows *sql.Rows) error {
		var encoded []byte
		if err := scanExactly(rows, &encoded); err != nil && !errors.Is(err, errUnexpectedType) {
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
func (l *ledger) addRecord(c record, hash, signature []byte) error {
	if c.chain != l.chain {
		if err := l.finishChain(); err != nil {
			return err
		}
		l.chain, l.head = c.chain, Head{Chain: c.chain, Hash: initialHash(c.namespace, c.chain)}
		clear(l.latestVersions)
	}
	breakAt := func(reason string) error {
		return &AuditError{Chain: c.chain, Number: l.head.Number + 1, Reason: reason}
	}
	images, ok := parseImages(c.images)
	switch {
	case l.keys[c.chain] == nil:
		return breakAt("no key was given for this terminal")
	case c.number != l.head.Number+1:
		return breakAt("removed")
	case !ok || !hmac.Equal(hash, c.hash(l.head.Hash)):
		return breakAt("altered, or one before it removed")
	}
	end := newImage(chainHeadEntry, uint64(c.number), []byte(c.chain), hash)
	purged := false
	for _, p := range l.purges[end.row] {
		purged = purged || p.version >= end.version
		if p.version == end.version && p.after != end.after {
			return breakAt("not the record up to which rows were purged")
		}
	}
	if !purged {
		for _, i := range images {
			if reason := l.addImage(i, c); reason != "" {
				return breakAt(reason)
			}
		}
	}
	for _, h := range l.earlierHeads[c.chain] {
		if h.Number == c.number && !hmac.Equal(h.Hash, hash) {
			return breakAt("not the record that was the head")
		}
	}
	l.head, l.signature = Head{c.chain, c.number, hash}, signature
	l.report.Records++
	if c.kind == kindPurge {
		l.report.Purges++
	}
	return nil
}

// apply notes what a record says of a row.
func (l *ledger) addImage(i image, c record) (reason string) {
	at, row := rowVersion{i.table, i.row, i.version}, rowVersion{table: i.table, row: i.row}
	latest := l.latestVersions[row]
	switch {
	case i.table == chainHeadEntry || i.table == exportEntry:
		return ""
	case i.action == actionRelied && i.version < latest, i.action == actionChanged && i.version <= latest:
		return "it relied on a row that was set back before"
	case i.version > 1:
		l.latestVersions[row] = i.version
	}
	switch {
	case i.action == actionRelied:
		return l.checkReliance(at, i.after, c)
	case i.version == 0 || (i.action == actionAdded) != (i.version == 1):
		return "a row's version is wrong"
	}
	if _, twice := l.states[at]; twice {
		return "another record made the same row"
	}
	l.states[at] = i.after
	if i.action == actionAdded {
		l.rowCounts[i.table]++
		return ""
	}
	at.version--
	return l.checkReliance(at, i.before, c)
}

// rely compares a state with what is known, now or, if that is another chain's to
// tell, later.
func (l *ledger) checkReliance(at rowVersion, digest [32]byte, c record) (reason string) {
	known, recorded := l.states[at]
	switch {
	case !recorded:
		l.reliances = append(l.reliances, reliance{at, digest, c.chain, c.number})
	case known != digest:
		return "it relied on a row that was altered before"
	}
	return ""
}

// endChain looks whether a chain ends where it should, with its terminal's signature.
func (l *ledger) finishChain() error {
	if l.chain == "" {
		return nil
	}
	if !ed25519.Verify(l.keys[l.chain], signedMessage(l.head.Hash), l.signature) {
		return &AuditError{Chain: l.chain, Number: l.head.Number, Reason: "not signed by the terminal"}
	}
	end := newImage(chainHeadEntry, uint64(l.head.Number), []byte(l.chain))
	for _, p := range l.purges[end.row] {
		if p.version > end.version {
			return &AuditError{Chain: l.chain, Number: l.head.Number + 1, Reason: "removed from the end"}
		}
	}
	delete(l.purges, end.row)
	for _, h := range l.earlierHeads[l.chain] {
		if h.Number > l.head.Number || h.Number < 1 {
			return &AuditError{Chain: l.chain, Number: l.head.Number + 1, Reason: "removed from the end"}
		}
	}
	delete(l.earlierHeads, l.chain)
	l.report.Heads = append(l.report.Heads, l.head)
	return nil
}

// compareRow tells whether the records tell of a row's version, and whether the row is
// as they tell and the version their last.
func (l *ledger) compareRow(i image) (recorded, matches bool) {
	at := rowVersion{i.table, i.row, i.version}
	digest, recorded := l.states[at]
	at.version++
	_, later := l.states[at]
	return recorded, recorded && digest == i.after && !later
}

// compare reads every row, and looks for it in the ledger.
func (l *ledger) compareTables(ctx context.Context, tx queryer, namespace string) error {
	found, wrong, twice := map[table]int64{}, map[table]int64{}, map[table]int64{}
	check := func(v versioned, err error) (ok bool) {
		i := v.image()
		found[i.table]++
		if _, ok = l.compareRow(i); !ok || err != nil {
			wrong[i.table]++
			return false
		}
		return true
	}
	reservations := func(rows *sql.Rows) error {
		r := reservationRow{Reservation: Reservation{Namespace: namespace}}
		var expiry string
		err := scanExactly(rows, (*string)(&r.ID), &r.KeyNumber, &r.Attempt, &r.lineage, (*string)(&r.State), &expiry, &r.recoveryHash, &r.operation, &r.version)
		var month error
		if r.Expiry, month = mykey.ParseMonth(expiry); month != nil || r.Expiry.String() != expiry {
			err = cmp.Or(err, errUnexpectedType)
		}
		check(&r, err)
		return unreadable(err)
	}
	type turn struct {
		id   mykey.ID
		turn uint64
	}
	turns, accounts := map[turn]bool{}, map[string]mykey.ID{}
	unnamed := int64(0)
	holders := func(rows *sql.Rows) error {
		h := holding{namespace: namespace}
		err := scanExactly(rows, &h.handle, &h.place, &h.generation, (*string)(&h.id), &h.turn)
		if check(h, err) && turns[turn{h.id, h.turn}] {
			twice[holderTable]++
		}
		turns[turn{h.id, h.turn}] = true
		return unreadable(err)
	}
	applications := func(rows *sql.Rows) error {
		a, err := scanApplication(rows, namespace)
		ok := check(a, err)
		if first, used := accounts[string(a.account)]; ok && used {
			twice[applicationTable]++
			l.mismatched[first], ok = true, false
		}
		if !ok {
			l.mismatched[a.ID] = true
		}
		if a.ID == "" {
			unnamed++
		}
		accounts[string(a.account)] = a.ID
		i := a.image()
		l.exportDigest = digest("registry/export/v2", l.exportDigest, i.row[:], i.after[:])
		return unreadable(err)
	}
	for _, t := range []struct {
		table table
		name  string
		scan  func(*sql.Rows) error
		query string
	}{
		{reservationTable, "reservations", reservations, `SELECT identifier, generation, attempt, lineage, state, expiry, recovery, operation, version
			FROM reservations WHERE namespace = $1`},
		{holderTable, "holders", holders, `SELECT handle, place, generation, identifier, turn FROM holders WHERE namespace = $1`},
		{applicationTable, "applications", applications, selectApplications + ` ORDER BY identifier`},
	} {
		if err := queryRows(ctx, tx, t.scan, t.query, namespace); err != nil {
			return err
		}
		for _, p := range []struct {
			what   string
			number int64
		}{
			{"are not as recorded", wrong[t.table]},
			{"have the account or the turn of another", twice[t.table]},
			{"were removed", l.rowCounts[t.table] - found[t.table]},
		} {
			if p.number > 0 {
				l.problems = append(l.problems, fmt.Sprintf("%s that %s: %d", t.name, p.what, p.number))
			}
		}
	}
	if n := l.rowCounts[applicationTable] - found[applicationTable] + unnamed; n > 0 {
		l.missingApplications = fmt.Sprintf("applications that were removed or can't be read: %d", n)
	}
	l.report.Reservations, l.report.Applications = found[reservationTable], found[applicationTable]
	return nil
}

// unreadable passes on what is not the row's fault.
func unreadable(err error) error {
	if errors.Is(err, errUnexpectedType) {
		return nil
	}
	return err
}

// broken is the first problem with rows.
func (l *ledger) firstProblem() error {
	if len(l.problems) == 0 {
		return nil
	}
	return &AuditError{Reason: l.problems[0]}
}
