package registry

import (
	"context"
	"crypto/ed25519"
	"fmt"
)

// record is an audit record. It contains no personal data: the operation and the
// lineage are random, the request is a keyed digest, the clerk is a code, and the
// images are digests of rows that contain random numbers.
type record struct {
	namespace  string
	chain      string
	number     int64
	operation  Operation
	kind       kind
	generation uint32 // of the key of the request digest
	lineage    []byte
	clerk      string
	unixTime   int64
	request    []byte
	images     []byte
	terminal   string // that requested the change, "" if it was made at this program
	body       []byte // digest of the terminal's request, or empty
	requested  []byte // the terminal's signature of the request, or empty
}

// hash returns the hash of a record, which includes the hash of the previous one.
func (c record) hash(previous []byte) []byte {
	return digest("registry/audit/v3", previous, []byte(c.namespace), []byte(c.chain), encodeNumber(c.number), c.operation[:], []byte(c.kind),
		encodeNumber(c.generation), c.lineage, []byte(c.clerk), encodeNumber(c.unixTime), c.request, c.images,
		[]byte(c.terminal), c.body, c.requested)
}

// signedMessage returns the message that a terminal signs for a record.
func signedMessage(hash []byte) []byte { return digest("registry/signature/v2", hash) }

// initialHash returns the previous hash of a chain's first record.
func initialHash(namespace, chain string) []byte {
	return digest("registry/beginning/v2", []byte(namespace), []byte(chain))
}

// chainHead returns the head of a chain of the terminal. It reads the head outside of
// transactions, and only if it is not known from the last change: a read in a
// transaction would conflict with the transactions of all other terminals. If the head
// is outdated, the number of the next record is taken, and the change is retried.
//
// It verifies the terminal's signature, because the signature of the head covers all
// records before it.
func (r *Registry) chainHead(ctx context.Context, c *chain) (Head, error) {
	if c.head != nil {
		return *c.head, nil
	}
	head := Head{Chain: c.name, Hash: initialHash(r.namespace, c.name)}
	var signature []byte
	found, err := queryRow(ctx, r.storage.db, []any{&head.Number, &head.Hash, &signature},
		`SELECT number, hash, signature FROM audit WHERE namespace = $1 AND chain = $2 ORDER BY number DESC LIMIT 1`, r.namespace, c.name)
	if err == nil && found && !ed25519.Verify(r.terminal.Public().Key, signedMessage(head.Hash), signature) {
		err = fmt.Errorf("%w: the last record of %s was signed with another key", ErrOtherKey, c.name)
	}
	return head, err
}

// appendRecord appends a record to a chain and returns the new head. Each
// terminal has chains of its own, because every transaction would change the head of a
// common one.
func (r *Registry) appendRecord(ctx context.Context, tx queryer, head Head, c record) (Head, error) {
	c.namespace, c.chain, c.number, c.generation = r.namespace, head.Chain, head.Number+1, r.current.Number
	head = Head{Chain: c.chain, Number: c.number, Hash: c.hash(head.Hash)}
	_, err := exec(ctx, tx, `INSERT INTO audit (namespace, chain, number, operation, kind, generation, lineage, clerk, made, request, images,
			terminal, body, requested, hash, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		c.namespace, c.chain, c.number, c.operation[:], string(c.kind), c.generation, c.lineage, c.clerk, c.unixTime, c.request, notNil(c.images),
		c.terminal, notNil(c.body), notNil(c.requested), head.Hash, ed25519.Sign(r.terminal.key.Reveal(), signedMessage(head.Hash)))
	return head, err
}

// notNil returns b, or an empty slice instead of nil, which would be stored as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
