package registry

import (
	"context"
	"crypto/ed25519"
	"fmt"
)

// record is an audit record. It holds nothing personal: the operation and the
// lineage are random, the request is a keyed digest, the clerk is a code, and the
// images are digests of rows that hold random numbers.
type record struct {
	namespace  string
	chain      string
	number     int64
	operation  Operation
	kind       kind
	generation uint32 // of the key under which the request is made
	lineage    []byte
	clerk      string
	unixTime   int64
	request    []byte
	images     []byte
}

// hash chains a record to the one before it.
func (c record) hash(previous []byte) []byte {
	return digest("registry/audit/v2", previous, []byte(c.namespace), []byte(c.chain), encodeNumber(c.number), c.operation[:], []byte(c.kind),
		encodeNumber(c.generation), c.lineage, []byte(c.clerk), encodeNumber(c.unixTime), c.request, c.images)
}

// signed is what a terminal signs of a record.
func signedMessage(hash []byte) []byte { return digest("registry/signature/v2", hash) }

// beginning is what a chain's first record follows.
func initialHash(namespace, chain string) []byte {
	return digest("registry/beginning/v2", []byte(namespace), []byte(chain))
}

// chainEnd is the last record of the terminal's chain. It is read outside of
// transactions, and once while all goes well: a read inside would have each
// transaction conflict with every other terminal's. If it is out of date the
// record's number is taken, and the change is tried again.
//
// It is the terminal's own signature that makes a record the end: so the signature
// of a chain's last record vouches for all before it.
func (r *Registry) chainHead(ctx context.Context) (Head, error) {
	if r.head != nil {
		return *r.head, nil
	}
	head := Head{Chain: r.terminal.name, Hash: initialHash(r.namespace, r.terminal.name)}
	var signature []byte
	found, err := queryRow(ctx, r.storage.db, []any{&head.Number, &head.Hash, &signature},
		`SELECT number, hash, signature FROM audit WHERE namespace = $1 AND chain = $2 ORDER BY number DESC LIMIT 1`, r.namespace, r.terminal.name)
	if err == nil && found && !ed25519.Verify(r.terminal.Public().Key, signedMessage(head.Hash), signature) {
		err = fmt.Errorf("%w: the last record of %s was signed with another key", ErrTerminal, r.terminal.name)
	}
	return head, err
}

// record appends a record to the terminal's chain, and returns its new end.
// Chains belong to terminals because one for all would be a row that every
// transaction changes.
func (r *Registry) appendRecord(ctx context.Context, tx queryer, head Head, c record) (Head, error) {
	c.namespace, c.chain, c.number, c.generation = r.namespace, head.Chain, head.Number+1, r.current.Number
	head = Head{Chain: c.chain, Number: c.number, Hash: c.hash(head.Hash)}
	_, err := exec(ctx, tx, `INSERT INTO audit (namespace, chain, number, operation, kind, generation, lineage, clerk, made, request, images, hash, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		c.namespace, c.chain, c.number, c.operation[:], string(c.kind), c.generation, c.lineage, c.clerk, c.unixTime, c.request, c.images,
		head.Hash, ed25519.Sign(r.terminal.key.Reveal(), signedMessage(head.Hash)))
	return head, err
}
