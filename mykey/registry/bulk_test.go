package registry

import (
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"strings"

	"github.com/mykeykit/mykeykit/mykey"
)

// BulkStatements insert the columns of [BulkWriter.Reserve].
var BulkStatements = [3]string{
	`INSERT INTO reservations (namespace, identifier, generation, attempt, lineage, state, expiry, recovery, operation, version)`,
	`INSERT INTO holders (namespace, handle, place, generation, identifier, turn, subject)`,
	`INSERT INTO audit (namespace, chain, number, operation, kind, generation, lineage, clerk, made, request, images,
		terminal, body, requested, hash, signature)`,
}

// BulkWriter makes genuinely signed records of reservations, for benchmarks of large
// registries.
type BulkWriter struct {
	terminal  Terminal
	head      Head
	namespace string
}

// NewBulkWriter continues the chain of a terminal.
func NewBulkWriter(tx *sql.Tx, namespace string, terminal Terminal) (*BulkWriter, error) {
	w := &BulkWriter{terminal, Head{Chain: terminal.name, Hash: initialHash(namespace, terminal.name)}, namespace}
	err := tx.QueryRow(`SELECT number, hash FROM audit WHERE namespace = $1 AND chain = $2 ORDER BY number DESC LIMIT 1`, namespace, terminal.name).
		Scan(&w.head.Number, &w.head.Hash)
	if err == sql.ErrNoRows {
		err = nil
	}
	return w, err
}

// Reserve returns the columns of the nth reservation, its holder and its record.
func (w *BulkWriter) Reserve(n int) [3][]any {
	random := make([]byte, 64)
	_, _ = rand.Read(random)
	operation, lineage, handle := Operation(random[:16]), random[16:32], random[32:]
	month, err := mykey.ParseMonth("2030-02")
	if err != nil {
		panic(err)
	}
	r := &reservationRow{Reservation: Reservation{
		Namespace: w.namespace, ID: mykey.ID("9" + strings.ToUpper(hex.EncodeToString(encodeNumber(int64(n))))[9:]), KeyNumber: 1, State: Reserved, Expiry: month,
	}, lineage: lineage, operation: operation[:], version: 1}
	h := holding{namespace: w.namespace, handle: handle, place: 1, generation: 1, id: r.ID, turn: 1}
	c := record{
		namespace: w.namespace, chain: w.head.Chain, number: w.head.Number + 1, operation: operation, kind: "reserve", generation: 1, lineage: lineage,
		unixTime: 1770000000, request: handle, images: addedImage(h).appendTo(addedImage(r).appendTo(nil)),
	}
	w.head = Head{Chain: c.chain, Number: c.number, Hash: c.hash(w.head.Hash)}
	return [3][]any{
		{w.namespace, string(r.ID), 1, 0, lineage, "reserved", "2030-02", "", operation[:], 1},
		{w.namespace, handle, 1, 1, string(r.ID), 1, []byte{}},
		{w.namespace, c.chain, c.number, operation[:], "reserve", 1, lineage, "", c.unixTime, c.request, c.images, "", []byte{}, []byte{},
			w.head.Hash, ed25519.Sign(w.terminal.key.Reveal(), signedMessage(w.head.Hash))},
	}
}
