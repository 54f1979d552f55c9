package registry

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ledger is the state of the rows of some buckets according to the audit log. It collects
// what does not match it.
type ledger struct {
	added      map[table]int64 // rows that records added
	wrong      map[table]int64 // rows that do not match the records
	duplicates map[table]int64 // rows with another row's account or turn
	base       rowSum          // of rows of the checkpoint that new records relied on or changed
	broken     *AuditError     // the first record that contradicts other records
	atEnd      bool            // broken relies on something that no record made
	kept       map[rowVersion][32]byte
}

func newLedger() *ledger {
	return &ledger{added: map[table]int64{}, wrong: map[table]int64{}, duplicates: map[table]int64{}, kept: map[rowVersion][32]byte{}}
}

// rowVersion identifies a version of a row.
type rowVersion struct {
	table   table
	row     [16]byte
	version uint64
}

// checkBuckets compares what the records state about the rows with each other and with the
// rows, several buckets at the same time.
func (v *verification) checkBuckets(ctx context.Context) error {
	total := newLedger()
	total.base = v.rows.baseSum
	var wait sync.WaitGroup
	var mu sync.Mutex
	var next atomic.Int64
	var failed error
	ranks := v.ranks()
	for range chainReaders {
		wait.Go(func() {
			l := newLedger()
			l.base = v.baseSum()
			var err error
			for n := int(next.Add(1)) - 1; n < bucketCount && err == nil; n = int(next.Add(1)) - 1 {
				if err = ctx.Err(); err == nil {
					err = v.checkBucket(l, n, ranks)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			failed = cmp.Or(failed, err)
			total.merge(l)
		})
	}
	wait.Wait()
	if failed != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
		return failed
	}
	if total.broken != nil {
		return total.broken
	}
	v.kept = total.kept
	v.compare(total)
	return nil
}

// merge adds the results of another ledger.
func (l *ledger) merge(other *ledger) {
	for _, counts := range [][2]map[table]int64{{l.added, other.added}, {l.wrong, other.wrong}, {l.duplicates, other.duplicates}} {
		for t, n := range counts[1] {
			counts[0][t] += n
		}
	}
	for _, t := range tables {
		l.base.addValue(t.table, other.base.value(t.table))
	}
	if other.broken != nil {
		l.breakAt(other.broken, other.atEnd)
	}
	maps.Copy(l.kept, other.kept)
}

// breakAt keeps the first contradiction: those between records come before missing
// versions, then by chain and number.
func (l *ledger) breakAt(e *AuditError, atEnd bool) {
	before := func() bool {
		if atEnd != l.atEnd {
			return l.atEnd
		}
		return cmp.Or(strings.Compare(e.Chain, l.broken.Chain), cmp.Compare(e.Number, l.broken.Number)) < 0
	}
	if l.broken == nil || before() {
		l.broken, l.atEnd = e, atEnd
	}
}

// ranks returns the position of each chain in the order of names.
func (v *verification) ranks() []int {
	order := make([]int, len(v.progress.Chains))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(v.progress.Chains[a].Chain, v.progress.Chains[b].Chain) })
	ranks := make([]int, len(order))
	for rank, i := range order {
		ranks[i] = rank
	}
	return ranks
}

// checkBucket checks the rows of a bucket.
func (v *verification) checkBucket(l *ledger, n int, ranks []int) error {
	b, err := v.spill.load(n)
	if err != nil {
		return err
	}
	entries := slices.DeleteFunc(parseEntries(b), func(e entry) bool { // a purge deleted the row
		return e.number > 0 && uint64(e.number) <= v.purged[e.chain] && e.table != enrolledTable
	})
	slices.SortStableFunc(entries, func(a, b entry) int {
		if c := cmp.Or(slices.Compare(a.row[:], b.row[:]), cmp.Compare(a.table, b.table)); c != 0 || a.number == 0 || b.number == 0 {
			return cmp.Or(c, cmp.Compare(min(b.number, 1), min(a.number, 1))) // records before rows
		}
		return cmp.Or(cmp.Compare(ranks[a.chain], ranks[b.chain]), cmp.Compare(a.number, b.number))
	})
	h := history{states: map[uint64][32]byte{}}
	for len(entries) > 0 {
		size := 1
		for size < len(entries) && entries[size].row == entries[0].row && entries[size].table == entries[0].table {
			size++
		}
		if entries[0].action == actionUnique {
			l.duplicates[entries[0].table] += int64(size - 1)
		} else {
			v.checkRow(l, &h, entries[:size])
		}
		entries = entries[size:]
	}
	return nil
}

// history is what the records state about one row.
type history struct {
	states    map[uint64][32]byte // digests of all versions
	chain     uint32              // whose records are being added
	latest    uint64              // the last version above 1 in the chain
	reliances []entry             // on versions that are not in states yet
}

// checkRow compares the entries about one row: those of records, by chain and number, and
// then the row itself.
func (v *verification) checkRow(l *ledger, h *history, entries []entry) {
	breakAt := func(e entry, reason string, atEnd bool) {
		l.breakAt(&AuditError{Chain: v.progress.Chains[e.chain].Chain, Number: e.number, Reason: reason}, atEnd)
	}
	clear(h.states)
	*h = history{states: h.states, reliances: h.reliances[:0]}
	found := entries
	for len(found) > 0 && found[0].action != actionFound {
		e := found[0]
		if reason := h.add(e); reason != "" {
			breakAt(e, reason, false)
			return
		}
		if e.action == actionAdded {
			l.added[e.table]++
		}
		found = found[1:]
	}
	var base *entry // the row in the checkpoint
	for _, e := range h.reliances {
		if d, recorded := h.states[e.version]; recorded && d == e.after {
			continue
		}
		if _, recorded := h.states[e.version]; recorded || !v.hasBase(e.table) || !h.fitsBase(e, base) {
			breakAt(e, "it relied on a row that had been altered", true)
			return
		}
		base = &e
	}
	if base != nil {
		l.base.add(base.image)
		if len(h.states) == 0 {
			if len(found) > 0 && (found[0].version != base.version || found[0].after != base.after) {
				breakAt(*base, "it relied on a row that had been altered, or that was altered afterwards", true)
				return
			}
			h.states[base.version] = base.after
		}
	}
	for i, e := range found {
		if !h.matches(e.image) || i > 0 {
			l.wrong[e.table]++
		}
	}
	if v.keep && entries[0].table == applicationTable {
		for version, d := range h.states {
			l.kept[rowVersion{applicationTable, entries[0].row, version}] = d
		}
	}
}

// hasBase reports whether rows of a table can be older than the records that were read: there
// is a checkpoint, and no purge deleted its rows.
func (v *verification) hasBase(t table) bool {
	return v.checkpoint && (v.progress.Purges == 0 || t == enrolledTable)
}

// fitsBase reports whether the row in the checkpoint can be the version that e relied on:
// it is the one before all that the records made, and the same as another entry's.
func (h *history) fitsBase(e entry, base *entry) bool {
	if base != nil && (base.version != e.version || base.after != e.after) {
		return false
	}
	for version := range h.states {
		if version <= e.version {
			return false
		}
	}
	_, next := h.states[e.version+1]
	return next || len(h.states) == 0
}

// matches reports whether a row is the last version.
func (h *history) matches(i image) bool {
	d, recorded := h.states[i.version]
	_, later := h.states[i.version+1]
	return recorded && d == i.after && !later
}

// add adds what a record states about the row. It returns a reason if that contradicts an
// earlier entry.
func (h *history) add(e entry) (reason string) {
	if e.chain != h.chain {
		h.chain, h.latest = e.chain, 0
	}
	switch {
	case e.action == actionRelied && e.version < h.latest, e.action == actionChanged && e.version <= h.latest:
		return "it relied on a row that had been set back"
	case e.version > 1:
		h.latest = e.version
	}
	switch {
	case e.action == actionRelied:
		return h.rely(e)
	case e.version == 0 || (e.action == actionAdded) != (e.version == 1):
		return "the version of a row is wrong"
	}
	if _, duplicate := h.states[e.version]; duplicate {
		return "another record made the same version of a row"
	}
	h.states[e.version] = e.after
	if e.action == actionAdded {
		return ""
	}
	e.version, e.after = e.version-1, e.before
	return h.rely(e)
}

// rely checks a version that a record relied on. If no entry so far made that version, a
// record of another chain may.
func (h *history) rely(e entry) (reason string) {
	known, recorded := h.states[e.version]
	switch {
	case !recorded:
		h.reliances = append(h.reliances, e)
	case known != e.after:
		return "it relied on a row that had been altered"
	}
	return ""
}
