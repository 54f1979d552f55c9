package registry

import (
	"context"
)

// record is an audit record. It holds nothing personal: the operation and the
// lineage are random, the request is a keyed digest, the clerk is a code.
type record struct {
	chain      string
	number     int64
	operation  Operation
	kind       kind
	namespace  string
	generation uint32 // of the key under which request and hash are made
	lineage    []byte
	clerk      string
	made       int64
	request    []byte
}

// hash chains a record to the one before it.
func (c record) hash(g Generation, previous []byte) []byte {
	return g.Key.MAC(forAudit, previous, []byte(c.chain), number(c.number), c.operation[:], []byte(c.kind),
		[]byte(c.namespace), number(c.generation), c.lineage, []byte(c.clerk), number(c.made), c.request)
}

// beginning is what a chain's first record follows.
func beginning(chain string) []byte { return []byte("beginning of " + chain) }

// record appends a record to the terminal's chain. Chains belong to terminals
// because one for all would be a row that every transaction changes.
func (r *Registry) record(ctx context.Context, tx queryer, c record) error {
	c.chain = r.terminal
	previous := beginning(c.chain)
	if _, err := one(ctx, tx, []any{&c.number, &previous}, `SELECT number, hash FROM chains WHERE chain = $1`, c.chain); err != nil {
		return err
	}
	c.number++
	hash := c.hash(r.current, previous)
	if _, err := exec(ctx, tx, `INSERT INTO chains (chain, number, hash) VALUES ($1, $2, $3)
		ON CONFLICT (chain) DO UPDATE SET number = excluded.number, hash = excluded.hash`, c.chain, c.number, hash); err != nil {
		return err
	}
	_, err := exec(ctx, tx, `INSERT INTO audit (chain, number, operation, kind, namespace, generation, lineage, clerk, made, request, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		c.chain, c.number, c.operation[:], string(c.kind), c.namespace, c.generation, c.lineage, c.clerk, c.made, c.request, hash)
	return err
}
