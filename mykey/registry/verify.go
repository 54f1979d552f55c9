package registry

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
)

// ErrAudit: the audit records are not what was written. It is the reason of an
// [*AuditError].
var ErrAudit = errors.New("audit records were tampered with")

// AuditError says where a chain is broken first.
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

// Heads returns the end of every chain of the namespace, by the terminals' names.
func (r *Registry) Heads(ctx context.Context) ([]Head, error) {
	var heads []Head
	err := r.again(ctx, func(ctx context.Context) error {
		heads = nil
		return all(ctx, r.storage.db, func(rows *sql.Rows) error {
			var h Head
			err := rows.Scan(&h.Chain, &h.Number, &h.Hash)
			heads = append(heads, h)
			return err
		}, `SELECT chain, number, hash FROM chains WHERE namespace = $1 ORDER BY chain`, r.namespace())
	})
	return heads, err
}

// VerifyAudit reads all audit records of the namespace and finds what was removed, altered,
// reordered or added by others; and reservations, applications and withdrawals
// that are there without a record, or are not there any more. Its error is the first break, an [*AuditError], or [ErrUnavailable].
// It returns the heads, to be kept elsewhere: only with an earlier head, given
// here as kept, does it find records that were removed from a chain's end
// together with what they tell of.
//
// It may run beside terminals at work. Records of a generation whose keys this
// registry was not given are a break.
func (r *Registry) VerifyAudit(ctx context.Context, kept ...Head) ([]Head, error) {
	heads, err := r.Heads(ctx)
	if err != nil {
		return nil, err
	}
	expected := map[string][]Head{}
	for _, h := range append(heads, kept...) {
		expected[h.Chain] = append(expected[h.Chain], h)
	}
	if err := r.strays(ctx, expected); err != nil {
		return nil, err
	}
	for chain, list := range expected {
		if err := r.verifyChain(ctx, chain, list); err != nil {
			return nil, err
		}
	}
	if err := r.compare(ctx); err != nil {
		return nil, err
	}
	return heads, nil
}

// verifyChain walks a chain from its beginning, and past every head of it that
// is known.
func (r *Registry) verifyChain(ctx context.Context, chain string, heads []Head) error {
	previous, last := beginning(chain), int64(0)
	broken := func(reason string) error { return &AuditError{Chain: chain, Number: last + 1, Reason: reason} }
	hashes := map[int64][]byte{} // at the numbers of heads
	for _, h := range heads {
		hashes[h.Number] = nil
	}
	for {
		records, stored, err := r.records(ctx, chain, last)
		if err != nil {
			return err
		}
		for i, c := range records {
			g, known := r.generation(c.generation)
			switch {
			case c.number != last+1:
				return broken("removed")
			case !known:
				return broken("of an unknown generation")
			}
			if hash := c.hash(g, previous); !hmac.Equal(hash, stored[i]) {
				return broken("altered, or one before it removed")
			}
			previous, last = stored[i], c.number
			if _, wanted := hashes[last]; wanted {
				hashes[last] = previous
			}
		}
		if len(records) < r.page {
			break
		}
	}
	for _, h := range heads {
		switch {
		case h.Number > last || h.Number < 1:
			return broken("removed from the end")
		case !hmac.Equal(h.Hash, hashes[h.Number]):
			return &AuditError{Chain: chain, Number: h.Number, Reason: "not the record that was the head"}
		}
	}
	return nil
}

// records reads the next records of a chain, and their hashes as stored.
func (r *Registry) records(ctx context.Context, chain string, after int64) (records []record, hashes [][]byte, err error) {
	err = r.again(ctx, func(ctx context.Context) error {
		records, hashes = nil, nil
		return all(ctx, r.storage.db, func(rows *sql.Rows) error {
			c := record{namespace: r.namespace(), chain: chain}
			var operation, hash []byte
			if err := rows.Scan(&c.number, &operation, &c.kind, &c.generation, &c.lineage, &c.clerk, &c.made, &c.request, &hash); err != nil {
				return err
			}
			copy(c.operation[:], operation)
			records, hashes = append(records, c), append(hashes, hash)
			return nil
		}, `SELECT number, operation, kind, generation, lineage, clerk, made, request, hash FROM audit
			WHERE namespace = $1 AND chain = $2 AND number > $3 ORDER BY number LIMIT $4`, r.namespace(), chain, after, r.page)
	})
	return records, hashes, err
}

// strays finds records of chains that have no head.
func (r *Registry) strays(ctx context.Context, expected map[string][]Head) error {
	return r.atLeisure(ctx, func(ctx context.Context) error {
		var chains []string
		err := all(ctx, r.storage.db, func(rows *sql.Rows) error {
			var chain string
			err := rows.Scan(&chain)
			chains = append(chains, chain)
			return err
		}, `SELECT DISTINCT chain FROM audit WHERE namespace = $1`, r.namespace())
		if err != nil {
			return err
		}
		for _, chain := range chains {
			if expected[chain] != nil {
				continue
			}
			// A terminal that began its work after the heads were read has one now.
			var n int64
			if found, err := one(ctx, r.storage.db, []any{&n}, `SELECT number FROM chains WHERE namespace = $1 AND chain = $2`, r.namespace(), chain); err != nil {
				return err
			} else if !found {
				return &AuditError{Chain: chain, Number: 1, Reason: "a chain without a head"}
			}
		}
		return nil
	})
}

// accounts are statements that count what the records and the tables tell
// differently. EXCEPT needs no index and no statistics to be quick.
var accounts = []struct{ reason, query string }{
	{"reservations have no record", `SELECT count(*) FROM (SELECT operation FROM reservations WHERE namespace = $1
		EXCEPT SELECT operation FROM audit WHERE namespace = $1) x`},
	{"applications have no record", `SELECT count(*) FROM (SELECT operation FROM applications WHERE namespace = $1
		EXCEPT SELECT operation FROM audit WHERE namespace = $1) x`},
	{"reservations were removed", `SELECT count(*) FROM (SELECT operation FROM audit WHERE namespace = $1 AND kind = 'reserve'
		EXCEPT SELECT operation FROM reservations WHERE namespace = $1) x`},
	{"applications were removed", `SELECT count(*) FROM (SELECT operation FROM audit WHERE namespace = $1 AND kind = 'apply'
		EXCEPT SELECT operation FROM applications WHERE namespace = $1) x`},
	{"withdrawals and their records differ", `SELECT (SELECT count(*) FROM audit WHERE namespace = $1 AND kind = 'withdraw')
		- (SELECT count(*) FROM reservations WHERE namespace = $1 AND state = 'withdrawn')`},
}

// compare finds where the tables are not what the records tell.
func (r *Registry) compare(ctx context.Context) error {
	for _, account := range accounts {
		var n int64
		err := r.atLeisure(ctx, func(ctx context.Context) error {
			_, err := one(ctx, r.storage.db, []any{&n}, account.query, r.namespace())
			return err
		})
		if err != nil {
			return err
		}
		if n != 0 {
			return &AuditError{Reason: fmt.Sprintf("%s: %d", account.reason, n)}
		}
	}
	return nil
}
