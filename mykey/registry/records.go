package registry

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// chainReaders is the number of chains that are read at the same time. One connection is
// left for the snapshot.
const chainReaders = maxConnections - 1

// pagesPerQuery is the number of pages of records that one query reads.
const pagesPerQuery = 8

// storedRecord is a record as it is in the database.
type storedRecord struct {
	record
	hash, signature []byte
}

// readChains reads the records of several chains at the same time. With bounded it stops
// at the heads.
func (v *verification) readChains(ctx context.Context, heads []chainRead, bounded bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	indexes := make([]int, len(heads))
	for i, h := range heads {
		indexes[i] = v.indexOf(h.Chain)
	}
	var wait sync.WaitGroup
	var next atomic.Int64
	var failed error
	for range min(chainReaders, len(heads)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(heads); i = int(next.Add(1)) - 1 {
				limit := int64(-1)
				if bounded {
					limit = heads[i].Number
				}
				if err := v.readChain(ctx, indexes[i], limit); err != nil {
					v.mu.Lock()
					var broken *AuditError
					if errors.As(err, &broken) {
						v.broken[heads[i].Chain] = broken
					} else if failed == nil {
						failed = err
						cancel()
					}
					v.mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	if failed != nil {
		return failed
	}
	return v.firstBroken()
}

// readChain reads the records of a chain in pages, up to the limit if it is not negative.
func (v *verification) readChain(ctx context.Context, n int, limit int64) error {
	size := pagesPerQuery * v.registry.pageSize
	for {
		v.mu.Lock()
		c := v.progress.Chains[n]
		v.mu.Unlock()
		if limit >= 0 && c.Number >= limit {
			return nil
		}
		page, err := v.readPage(ctx, c.Head, limit, size)
		var foreign *AuditError
		if err != nil && !errors.As(err, &foreign) {
			return err
		}
		if err := v.addPage(n, c, page); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		if len(page) < size {
			return nil
		}
		if limit >= 0 { // the snapshot may be read again
			continue
		}
		if err := v.saveSometimes(); err != nil {
			return err
		}
	}
}

// readPage reads records after a head. It returns the records before one that no terminal
// wrote, with an [*AuditError].
func (v *verification) readPage(ctx context.Context, after Head, limit int64, size int) (page []storedRecord, err error) {
	query, args := `SELECT number, operation, kind, generation, lineage, clerk, made, request, images,
		terminal, body, requested, hash, signature FROM audit
		WHERE namespace = $1 AND chain = $2 AND number > $3 ORDER BY number LIMIT $4`, []any{v.progress.Namespace, after.Chain, after.Number, size}
	if limit >= 0 {
		args[3] = min(int64(size), limit-after.Number)
	}
	err = v.registry.retryLong(ctx, func(ctx context.Context) error {
		page = page[:0]
		return queryRows(ctx, v.registry.storage.db, func(rows *sql.Rows) error {
			c := storedRecord{record: record{namespace: v.progress.Namespace, chain: after.Chain}}
			err := scanRecord(rows, &c.number, &c.operation, (*string)(&c.kind), &c.generation, &c.lineage, &c.clerk, &c.unixTime, &c.request, &c.images,
				&c.terminal, &c.body, &c.requested, &c.hash, &c.signature)
			if err == nil {
				page = append(page, c)
			}
			return err
		}, query, args...)
	})
	return page, err
}

// addPage verifies the next records of a chain and adds what they state about rows.
func (v *verification) addPage(n int, c chainRead, page []storedRecord) error {
	v.gate.RLock()
	defer v.gate.RUnlock()
	var purges int64
	var purgeImages []byte
	var touched [][16]byte
	for _, r := range page {
		images, err := v.checkRecord(c.Head, r)
		if err != nil {
			return err
		}
		c.Head, c.Signature = Head{r.chain, r.number, r.hash}, r.signature
		if r.kind == kindPurge {
			purges++
		}
		for _, i := range images {
			switch {
			case i.table == chainHeadEntry && r.kind == kindPurge:
				purgeImages = i.appendTo(purgeImages)
			case i.table == chainHeadEntry || i.table == exportEntry:
			default:
				touched = append(touched, i.row)
				if err := v.spill.add(bucketOf(i.row), appendEntry(nil, i, uint32(n), r.number)); err != nil {
					return err
				}
			}
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.progress.Chains[n] = c
	v.progress.Purges += purges
	v.progress.Images = append(v.progress.Images, purgeImages...)
	if v.touched != nil {
		for _, row := range touched {
			v.touched[row] = true
		}
	}
	return nil
}

// checkRecord verifies the record after a head, and returns its images.
func (v *verification) checkRecord(head Head, r storedRecord) ([]image, error) {
	breakAt := func(reason string) error {
		return &AuditError{Chain: r.chain, Number: head.Number + 1, Reason: reason}
	}
	images, ok := parseImages(r.images)
	switch {
	case chainKey(v.keys, r.chain) == nil:
		return nil, breakAt("no key was given for this terminal")
	case r.number != head.Number+1:
		return nil, breakAt("the record was removed")
	case !ok || !hmac.Equal(r.hash, r.record.hash(head.Hash)):
		return nil, breakAt("the record was altered, or the one before it was removed")
	}
	if reason := r.checkRequest(v.keys); reason != "" {
		return nil, breakAt(reason)
	}
	for _, h := range v.earlier[r.chain] {
		if h.Number == r.number && !hmac.Equal(h.Hash, r.hash) {
			return nil, breakAt("the record does not match the earlier head")
		}
	}
	return images, nil
}

// The actions of entries that no record contains.
const (
	actionFound  action = '*' // a row in the tables
	actionUnique action = 'u' // a value that only one row may have
)

// entry is what a record states about a row, or a row that was found.
type entry struct {
	image
	chain  uint32 // index
	number int64  // of the record
}

// appendEntry appends the encoding of an entry.
func appendEntry(b []byte, i image, chain uint32, number int64) []byte {
	if i.action == actionUnique {
		return append(append(b, byte(i.action), byte(i.table)), i.row[:]...)
	}
	b = i.appendTo(b)
	b = binary.BigEndian.AppendUint32(b, chain)
	return binary.BigEndian.AppendUint64(b, uint64(number))
}

// parseEntries decodes the entries of a bucket.
func parseEntries(b []byte) (entries []entry) {
	read := func(size int) []byte {
		part := b[:size]
		b = b[size:]
		return part
	}
	for len(b) > 0 {
		var e entry
		header := read(2 + len(e.row))
		e.action, e.table = action(header[0]), table(header[1])
		copy(e.row[:], header[2:])
		if e.action != actionUnique {
			e.version = binary.BigEndian.Uint64(read(8))
			if e.action == actionChanged {
				copy(e.before[:], read(len(e.before)))
			}
			copy(e.after[:], read(len(e.after)))
			e.chain = binary.BigEndian.Uint32(read(4))
			e.number = int64(binary.BigEndian.Uint64(read(8)))
		}
		entries = append(entries, e)
	}
	return slices.Clip(entries)
}
