package registry

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/mykeykit/mykeykit/mykey"
)

// ledger is the state of the rows according to the audit log. Verification fills it
// from the records and then compares the rows with it.
type ledger struct {
	keys         map[string]ed25519.PublicKey
	earlierHeads map[string][]Head    // by chain; finishChain deletes what it has checked
	purges       map[[16]byte][]image // chain heads in purge records, by the key of newImage

	head           Head                  // of the chain that is being read
	signature      []byte                // of the head
	latestVersions map[rowVersion]uint64 // the last version above 1 in the chain, by a key with version 0

	states    map[rowVersion][32]byte // digests of all versions of all rows
	reliances []reliance              // on versions that are not in states yet
	rowCounts map[table]int64         // number of rows that must exist

	problems            []string          // rows that do not match
	mismatched          map[mykey.ID]bool // applications that do not match
	missingApplications string            // describes applications that are missing or unnamed
	exportDigest        []byte            // digest of all applications
	report              Report
}

func newLedger(keys map[string]ed25519.PublicKey, earlier []Head) *ledger {
	l := &ledger{
		keys: keys, earlierHeads: map[string][]Head{}, purges: map[[16]byte][]image{}, latestVersions: map[rowVersion]uint64{},
		states: map[rowVersion][32]byte{}, rowCounts: map[table]int64{}, mismatched: map[mykey.ID]bool{},
	}
	for _, h := range earlier {
		l.earlierHeads[h.Chain] = append(l.earlierHeads[h.Chain], h)
	}
	return l
}

// rowVersion identifies a version of a row.
type rowVersion struct {
	table   table
	row     [16]byte
	version uint64
}

// reliance is a version of a row that a record relied on.
type reliance struct {
	rowVersion
	digest [32]byte
	chain  string // of the record
	number int64  // of the record
}

// read replays the records, chain by chain, and compares the rows with the result.
func (l *ledger) read(ctx context.Context, tx queryer, namespace string) error {
	if err := l.readPurges(ctx, tx, namespace); err != nil {
		return err
	}
	err := queryRows(ctx, tx, func(rows *sql.Rows) error {
		c := record{namespace: namespace}
		var hash, signature []byte
		err := scanExactly(rows, &c.chain, &c.number, &c.operation, (*string)(&c.kind), &c.generation, &c.lineage, &c.clerk, &c.unixTime, &c.request, &c.images,
			&c.terminal, &c.body, &c.requested, &hash, &signature)
		if errors.Is(err, errUnexpectedType) {
			return &AuditError{Reason: "a record that no terminal wrote"}
		}
		if err != nil {
			return err
		}
		return l.addRecord(c, hash, signature)
	}, `SELECT chain, number, operation, kind, generation, lineage, clerk, made, request, images,
		terminal, body, requested, hash, signature FROM audit
		WHERE namespace = $1 ORDER BY chain, number`, namespace)
	if err != nil {
		return err
	}
	if err := l.finishChain(); err != nil {
		return err
	}
	if err := l.checkRemainder(); err != nil {
		return err
	}
	return l.compareTables(ctx, tx, namespace)
}

// readPurges reads the chain heads in purge records: the rows of earlier records were
// deleted. The records' signatures are verified later, with their chains.
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

// addRecord verifies the next record of a chain and adds its images.
func (l *ledger) addRecord(c record, hash, signature []byte) error {
	if c.chain != l.head.Chain {
		if err := l.finishChain(); err != nil {
			return err
		}
		l.head = Head{Chain: c.chain, Hash: initialHash(c.namespace, c.chain)}
		clear(l.latestVersions)
	}
	breakAt := func(reason string) error {
		return &AuditError{Chain: c.chain, Number: l.head.Number + 1, Reason: reason}
	}
	images, ok := parseImages(c.images)
	switch {
	case chainKey(l.keys, c.chain) == nil:
		return breakAt("no key was given for this terminal")
	case c.number != l.head.Number+1:
		return breakAt("the record was removed")
	case !ok || !hmac.Equal(hash, c.hash(l.head.Hash)):
		return breakAt("the record was altered, or the one before it was removed")
	}
	if reason := c.checkRequest(l.keys); reason != "" {
		return breakAt(reason)
	}
	purged, reason := l.checkPurges(c, hash)
	if reason != "" {
		return breakAt(reason)
	}
	for _, i := range images {
		if purged && i.table != enrolledTable {
			continue
		}
		if reason := l.addImage(i, c); reason != "" {
			return breakAt(reason)
		}
	}
	for _, h := range l.earlierHeads[c.chain] {
		if h.Number == c.number && !hmac.Equal(h.Hash, hash) {
			return breakAt("the record does not match the earlier head")
		}
	}
	l.head, l.signature = Head{c.chain, c.number, hash}, signature
	l.report.Records++
	if c.kind == kindPurge {
		l.report.Purges++
	}
	return nil
}

// checkPurges reports whether a purge deleted the rows of a record. It returns a
// reason if a purge names another record under this number.
func (l *ledger) checkPurges(c record, hash []byte) (purged bool, reason string) {
	head := newImage(chainHeadEntry, uint64(c.number), []byte(c.chain), hash)
	for _, p := range l.purges[head.row] {
		purged = purged || p.version >= head.version
		if p.version == head.version && p.after != head.after {
			return purged, "the record is not the one that a purge names"
		}
	}
	return purged, ""
}

// addImage adds what a record states about a row. It returns a reason if that
// contradicts an earlier record.
func (l *ledger) addImage(i image, c record) (reason string) {
	at, row := rowVersion{i.table, i.row, i.version}, rowVersion{table: i.table, row: i.row}
	latest := l.latestVersions[row]
	switch {
	case i.table == chainHeadEntry || i.table == exportEntry:
		return ""
	case i.action == actionRelied && i.version < latest, i.action == actionChanged && i.version <= latest:
		return "it relied on a row that had been set back"
	case i.version > 1:
		l.latestVersions[row] = i.version
	}
	switch {
	case i.action == actionRelied:
		return l.checkReliance(at, i.after, c)
	case i.version == 0 || (i.action == actionAdded) != (i.version == 1):
		return "the version of a row is wrong"
	}
	if _, duplicate := l.states[at]; duplicate {
		return "another record made the same version of a row"
	}
	l.states[at] = i.after
	if i.action == actionAdded {
		l.rowCounts[i.table]++
		return ""
	}
	at.version--
	return l.checkReliance(at, i.before, c)
}

// checkReliance checks a version of a row that a record relied on. If no record so far
// made that version, another chain may: checkRemainder checks it at the end.
func (l *ledger) checkReliance(at rowVersion, digest [32]byte, c record) (reason string) {
	known, recorded := l.states[at]
	switch {
	case !recorded:
		l.reliances = append(l.reliances, reliance{at, digest, c.chain, c.number})
	case known != digest:
		return "it relied on a row that had been altered"
	}
	return ""
}

// finishChain verifies the signature of a chain's head, and that the chain contains
// all records that purges and earlier heads name.
func (l *ledger) finishChain() error {
	if l.head.Chain == "" {
		return nil
	}
	if !ed25519.Verify(chainKey(l.keys, l.head.Chain), signedMessage(l.head.Hash), l.signature) {
		return &AuditError{Chain: l.head.Chain, Number: l.head.Number, Reason: "the record is not signed by the terminal"}
	}
	removed := &AuditError{Chain: l.head.Chain, Number: l.head.Number + 1, Reason: "the record was removed from the end"}
	head := newImage(chainHeadEntry, uint64(l.head.Number), []byte(l.head.Chain))
	for _, p := range l.purges[head.row] {
		if p.version > head.version {
			return removed
		}
	}
	delete(l.purges, head.row)
	for _, h := range l.earlierHeads[l.head.Chain] {
		if h.Number > l.head.Number || h.Number < 1 {
			return removed
		}
	}
	delete(l.earlierHeads, l.head.Chain)
	l.report.Heads = append(l.report.Heads, l.head)
	return nil
}

// checkRemainder checks, after all chains, what is left: earlier heads and purges of
// chains without records, and reliances.
func (l *ledger) checkRemainder() error {
	for _, chain := range slices.Sorted(maps.Keys(l.earlierHeads)) {
		return &AuditError{Chain: chain, Number: 1, Reason: "the record was removed from the end"}
	}
	if len(l.purges) > 0 {
		return &AuditError{Reason: "a purge names a chain that does not exist"}
	}
	for _, r := range l.reliances {
		if d, recorded := l.states[r.rowVersion]; !recorded || d != r.digest {
			return &AuditError{Chain: r.chain, Number: r.number, Reason: "it relied on a row that had been altered"}
		}
	}
	return nil
}

// firstProblem returns the first mismatch of rows as an [*AuditError], or nil.
func (l *ledger) firstProblem() error {
	if len(l.problems) == 0 {
		return nil
	}
	return &AuditError{Reason: l.problems[0]}
}
