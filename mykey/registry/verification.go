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
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
)

// verification is a verification in progress. It has three steps:
//
//  1. It reads the records of all chains, several chains at a time. Records never change,
//     so it needs no snapshot. It puts what they state about rows into buckets.
//  2. It reads the heads and all rows in one snapshot, and the records up to these heads.
//  3. It checks the rows, one bucket at a time.
type verification struct {
	registry   *Registry
	keys       map[string]ed25519.PublicKey
	auditor    Terminal
	earlier    map[string][]Head // by chain
	base       *checkpointContent
	checkpoint bool // base is a checkpoint, and not empty
	folder     *workFolder

	gate     sync.RWMutex // locked while progress is saved
	mu       sync.Mutex   // guards progress and the fields below it
	progress progress
	broken   map[string]*AuditError // by chain
	start    map[string]int64       // number of the last record that this run does not read
	spill    *spill
	touched  map[[16]byte]bool // with a checkpoint: rows in new records

	rows     comparison
	purged   map[uint32]uint64 // last purged record by chain
	keep     bool              // states of applications, for an export
	kept     map[rowVersion][32]byte
	problems []string // rows that do not match

	missingApplications string // describes applications that are missing or unnamed
	report              Report
	savedProgress       time.Time
}

// progress is how far the chains were read. It is saved if there is a folder.
type progress struct {
	Namespace string      `json:"namespace"`
	Base      []byte      `json:"base"`   // digest of the checkpoint
	Chains    []chainRead `json:"chains"` // the index is in entries
	Purges    int64       `json:"purges"`
	Images    []byte      `json:"images"` // of purges
	Salt      []byte      `json:"salt"`   // of the key of the file
	Length    int64       `json:"length"` // of the file
}

// chainRead is the last record of a chain that was read.
type chainRead struct {
	Head
	Signature []byte `json:"signature"`
}

func (p progress) clone() progress {
	p.Chains, p.Images = slices.Clone(p.Chains), slices.Clone(p.Images)
	return p
}

// newVerification prepares a verification, and reads the progress of an interrupted one.
func (o *Operator) newVerification(options Verification) (*verification, error) {
	v := &verification{
		registry: o.registry, keys: o.keys, auditor: options.Auditor, base: &checkpointContent{}, earlier: map[string][]Head{},
		broken: map[string]*AuditError{}, start: map[string]int64{}, spill: new(spill), kept: map[rowVersion][32]byte{},
	}
	v.progress.Namespace = o.registry.namespace
	for _, h := range options.Earlier {
		v.earlier[h.Chain] = append(v.earlier[h.Chain], h)
	}
	if (options.Checkpoint != nil || options.Folder != "") && v.auditor.key.Reveal() == nil {
		return nil, ErrTerminal
	}
	if options.Checkpoint != nil {
		var err error
		if v.base, err = parseCheckpoint(v.auditor, v.progress.Namespace, options.Checkpoint); err != nil {
			return nil, err
		}
		v.checkpoint, v.touched = true, map[[16]byte]bool{}
		v.progress.Base = digest(checkpointPurpose, options.Checkpoint)
	}
	for _, h := range v.base.Heads {
		v.progress.Chains = append(v.progress.Chains, chainRead{Head: h})
		v.earlier[h.Chain] = append(v.earlier[h.Chain], h)
	}
	if options.Folder != "" {
		if err := v.openFolder(options.Folder); err != nil {
			return nil, err
		}
	}
	for _, c := range v.progress.Chains {
		v.start[c.Chain] = c.Number
	}
	v.savedProgress = time.Now()
	return v, nil
}

// close deletes the files of a verification that has a result, and keeps those of one that
// was interrupted with err. It returns err or an error of the files.
func (v *verification) close(err error) error {
	if v.folder == nil {
		return err
	}
	var result *AuditError
	return cmp.Or(err, v.folder.close(err == nil || errors.As(err, &result)))
}

// run verifies the records and the rows, and makes the report.
func (v *verification) run(ctx context.Context) error {
	switch err := v.check(ctx); {
	case err != nil:
		v.report = Report{}
		return err
	case len(v.problems) > 0:
		return &AuditError{Reason: v.problems[0]}
	case v.auditor.key.Reveal() == nil:
		return nil
	}
	var err error
	v.report.Checkpoint, err = signJSON(v.auditor, checkpointPurpose, v.rows.next)
	return err
}

// check verifies the records and the rows. It returns an error for a broken chain;
// problems lists the rows that do not match the records.
func (v *verification) check(ctx context.Context) error {
	v.registry.storage.db.SetMaxIdleConns(maxConnections)
	defer v.registry.storage.db.SetMaxIdleConns(v.registry.chainCount)
	var heads []chainRead
	err := v.registry.retryLong(ctx, func(ctx context.Context) (err error) {
		heads, err = v.chains(ctx, v.registry.storage.db)
		return err
	})
	if err == nil {
		err = v.readChains(ctx, heads, false)
	}
	if err == nil {
		err = v.saveProgress()
	}
	if err == nil {
		err = v.readSnapshot(ctx)
	}
	if err == nil {
		err = v.checkBuckets(ctx)
	}
	return err
}

// readSnapshot reads the heads and all rows in one snapshot, and the records up to the
// heads.
func (v *verification) readSnapshot(ctx context.Context) error {
	level := sql.LevelSerializable
	if v.registry.storage.dialect != goose.DialectSQLite3 {
		level = sql.LevelRepeatableRead // a snapshot that never makes another transaction fail
	}
	mark, err := v.spill.mark()
	if err != nil {
		return err
	}
	before := v.progress.clone()
	return v.registry.retryLong(ctx, func(ctx context.Context) error {
		v.spill.reset(mark)
		v.progress = before.clone()
		tx, err := v.registry.storage.db.BeginTx(ctx, &sql.TxOptions{Isolation: level, ReadOnly: true})
		if err != nil {
			return wrapStorageError(err)
		}
		defer tx.Rollback() // nothing was written
		heads, err := v.chains(ctx, tx)
		if err != nil {
			return err
		}
		if err := v.readChains(ctx, heads, true); err != nil {
			return err
		}
		if err := v.checkHeads(ctx, tx, heads); err != nil {
			return err
		}
		return v.readTables(ctx, tx)
	})
}

// chains returns the heads of all chains.
func (v *verification) chains(ctx context.Context, tx queryer) (heads []chainRead, err error) {
	for {
		query, args := `SELECT chain FROM audit WHERE namespace = $1 ORDER BY chain LIMIT 1`, []any{v.progress.Namespace}
		if len(heads) > 0 {
			query, args = `SELECT chain FROM audit WHERE namespace = $1 AND chain > $2 ORDER BY chain LIMIT 1`, append(args, heads[len(heads)-1].Chain)
		}
		found := len(heads)
		err := queryRows(ctx, tx, func(rows *sql.Rows) error {
			var h chainRead
			err := scanRecord(rows, &h.Chain)
			heads = append(heads, h)
			return err
		}, query, args...)
		if err != nil {
			return nil, err
		}
		if len(heads) == found || chainKey(v.keys, heads[found].Chain) == nil { // one chain without a key is enough
			break
		}
	}
	for i := range heads {
		h := &heads[i]
		err := queryRows(ctx, tx, func(rows *sql.Rows) error { return scanRecord(rows, &h.Number, &h.Hash, &h.Signature) },
			`SELECT number, hash, signature FROM audit WHERE namespace = $1 AND chain = $2 ORDER BY number DESC LIMIT 1`, v.progress.Namespace, h.Chain)
		if err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// scanRecord is like scanExactly for records, which are signed.
func scanRecord(rows *sql.Rows, dest ...any) error {
	err := scanExactly(rows, dest...)
	if errors.Is(err, errUnexpectedType) {
		return &AuditError{Reason: "a record that no terminal wrote"}
	}
	return err
}

// checkHeads checks the heads of all chains, after all records were read, and what
// purges and earlier heads say about the chains.
func (v *verification) checkHeads(ctx context.Context, tx queryer, heads []chainRead) error {
	var records int64
	if _, err := queryRow(ctx, tx, []any{&records}, `SELECT count(*) FROM audit WHERE namespace = $1`, v.progress.Namespace); err != nil {
		return err
	}
	slices.SortFunc(heads, func(a, b chainRead) int { return cmp.Compare(a.Chain, b.Chain) })
	v.report = Report{Records: records, Purges: v.base.Purges + v.progress.Purges}
	sum := int64(0)
	for _, h := range heads {
		sum += h.Number
		c := v.progress.Chains[v.indexOf(h.Chain)]
		switch {
		case chainKey(v.keys, h.Chain) == nil:
			return &AuditError{Chain: h.Chain, Number: h.Number, Reason: "no key was given for this terminal"}
		case h.Number < c.Number:
			return removedFrom(h.Head)
		case h.Number != c.Number || !hmac.Equal(h.Hash, c.Hash):
			return &AuditError{Chain: h.Chain, Number: h.Number, Reason: "the record was altered, or the one before it was removed"}
		case !ed25519.Verify(chainKey(v.keys, h.Chain), signedMessage(h.Hash), h.Signature):
			return &AuditError{Chain: h.Chain, Number: h.Number, Reason: "the record is not signed by the terminal"}
		}
		v.report.Heads = append(v.report.Heads, h.Head)
	}
	for _, c := range v.progress.Chains {
		if c.Number > 0 && !slices.ContainsFunc(heads, func(h chainRead) bool { return h.Chain == c.Chain }) {
			return removedFrom(Head{Chain: c.Chain})
		}
	}
	if sum != records {
		return &AuditError{Reason: fmt.Sprintf("the audit log has %d records, its chains have %d", records, sum)}
	}
	for _, chain := range slices.Sorted(maps.Keys(v.earlier)) {
		if err := v.checkEarlier(ctx, tx, chain); err != nil {
			return err
		}
	}
	return v.checkPurges(ctx, tx)
}

// removedFrom returns the error for a chain that ends with a head.
func removedFrom(h Head) error {
	return &AuditError{Chain: h.Chain, Number: h.Number + 1, Reason: "the record was removed from the end"}
}

// checkEarlier checks the earlier heads of a chain. If this run did not read their records,
// it compares the stored hashes.
func (v *verification) checkEarlier(ctx context.Context, tx queryer, chain string) error {
	var head Head
	for _, h := range v.report.Heads {
		if h.Chain == chain {
			head = h
		}
	}
	head.Chain = chain
	for _, h := range v.earlier[chain] {
		if h.Number > head.Number || h.Number < 1 {
			return removedFrom(head)
		}
		if h.Number > v.start[chain] { // compared when it was read
			continue
		}
		hash, err := v.storedHash(ctx, tx, chain, h.Number)
		if err != nil {
			return err
		}
		if !hmac.Equal(h.Hash, hash) {
			return &AuditError{Chain: chain, Number: h.Number, Reason: "the record does not match the earlier head"}
		}
	}
	return nil
}

// storedHash returns the hash of a record, or nil.
func (v *verification) storedHash(ctx context.Context, tx queryer, chain string, number int64) (hash []byte, err error) {
	err = queryRows(ctx, tx, func(rows *sql.Rows) error { return scanRecord(rows, &hash) },
		`SELECT hash FROM audit WHERE namespace = $1 AND chain = $2 AND number = $3`, v.progress.Namespace, chain, number)
	return hash, err
}

// checkPurges finds the records whose rows were deleted by purges, and checks that these
// are the records that the purges name.
func (v *verification) checkPurges(ctx context.Context, tx queryer) error {
	v.purged = map[uint32]uint64{}
	images, _ := parseImages(v.progress.Images)
	chains := map[[16]byte]uint32{}
	for n, c := range v.progress.Chains {
		chains[newImage(chainHeadEntry, 0, []byte(c.Chain)).row] = uint32(n)
	}
	for _, p := range images {
		n, known := chains[p.row]
		if !known {
			return &AuditError{Reason: "a purge names a chain that does not exist"}
		}
		head := v.progress.Chains[n].Head
		if p.version > uint64(head.Number) {
			return removedFrom(head)
		}
		hash, err := v.storedHash(ctx, tx, head.Chain, int64(p.version))
		if err != nil {
			return err
		}
		if newImage(chainHeadEntry, p.version, []byte(head.Chain), hash).after != p.after {
			return &AuditError{Chain: head.Chain, Number: int64(p.version), Reason: "the record is not the one that a purge names"}
		}
		v.purged[n] = max(v.purged[n], p.version)
	}
	if v.progress.Purges == 0 {
		return nil
	}
	for _, h := range v.base.Heads { // the purge is later than the checkpoint, and deleted all of its rows
		if v.purged[uint32(v.indexOf(h.Chain))] < uint64(h.Number) {
			return &AuditError{Chain: h.Chain, Number: h.Number, Reason: "a later purge does not name the record"}
		}
	}
	for _, t := range tables {
		if t.table != enrolledTable {
			*v.base.table(t.table) = tableSum{}
		}
	}
	return nil
}

// indexOf returns the index of a chain. It adds an unknown chain.
func (v *verification) indexOf(chain string) int {
	n := slices.IndexFunc(v.progress.Chains, func(c chainRead) bool { return c.Chain == chain })
	if n < 0 {
		n = len(v.progress.Chains)
		v.progress.Chains = append(v.progress.Chains, chainRead{Head: Head{Chain: chain, Hash: initialHash(v.progress.Namespace, chain)}})
	}
	return n
}

// firstBroken returns the error of the first broken chain by name, or nil.
func (v *verification) firstBroken() error {
	for _, chain := range slices.SortedFunc(maps.Keys(v.broken), strings.Compare) {
		return v.broken[chain]
	}
	return nil
}
