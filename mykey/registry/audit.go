package registry

import (
	"context"
)

// record is an audit record. It holds nothing personal: the operation and the
// lineage are random, the request is a keyed digest, the clerk is a code.
type record struct {
	namespace  string
	chain      string
	number     int64
	operation  Operation
	kind       kind
	generation uint32 // of the key under which request and hash are made
	lineage    []byte
	clerk      string
	made       int64
	request    []byte
}

// hash chains a record to the one before it.
func (c record) hash(g Generation, previous []byte) []byte {
	return g.Key.MAC(forAudit, previous, []byte(c.namespace), []byte(c.chain), number(c.number), c.operation[:], []byte(c.kind),
		number(c.generation), c.lineage, []byte(c.clerk), number(c.made), c.request)
}

// beginning is what a chain's first record follows.
func beginning(chain string) []byte { return []byte("beginning of " + chain) }

// chainEnd is the last record of the terminal's chain. It is read outside of
// transactions, and once while all goes well: a read inside would have each
// transaction conflict with every other terminal's. If it is out of date the
// record's number is taken, and the change is tried again.
func (r *Registry) chainEnd(ctx context.Context) (Head, error) {
	if r.end != nil {
		return *r.end, nil
	}
	end := Head{Chain: r.terminal, Hash: beginning(r.terminal)}
	_, err := one(ctx, r.storage.db, []any{&end.Number, &end.Hash},
		`SELECT number, hash FROM audit WHERE namespace = $1 AND chain = $2 ORDER BY number DESC LIMIT 1`, r.namespace(), r.terminal)
	return end, err
}

// record appends a record to the terminal's chain, and returns its new end.
// Chains belong to terminals because one for all would be a row that every
// transaction changes.
func (r *Registry) record(ctx context.Context, tx queryer, end Head, c record) (Head, error) {
	c.namespace, c.chain, c.number, c.generation = r.namespace(), end.Chain, end.Number+1, r.current.Number
	end = Head{Chain: c.chain, Number: c.number, Hash: c.hash(r.current, end.Hash)}
	if _, err := exec(ctx, tx, `INSERT INTO audit (namespace, chain, number, operation, kind, generation, lineage, clerk, made, request, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		c.namespace, c.chain, c.number, c.operation[:], string(c.kind), c.generation, c.lineage, c.clerk, c.made, c.request, end.Hash); err != nil {
		return Head{}, err
	}
	_, err := exec(ctx, tx, `INSERT INTO chains (namespace, chain, number, hash) VALUES ($1, $2, $3, $4)
		ON CONFLICT (namespace, chain) DO UPDATE SET number = excluded.number, hash = excluded.hash`, c.namespace, end.Chain, end.Number, end.Hash)
	return end, err
}
