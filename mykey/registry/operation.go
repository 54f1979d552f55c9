package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrOperation: an operation that is zero or malformed, or that was something
// else before.
var ErrOperation = errors.New("not an operation of its own")

// Operation names one change, so that repeating it, after a lost answer or a
// double tap, does it once: 128 random bits that whoever wants the change makes
// beforehand. It is no secret.
type Operation [16]byte

// NewOperation makes one.
func NewOperation() Operation {
	var o Operation
	_, _ = rand.Read(o[:]) // it never fails
	return o
}

// ParseOperation reads what [Operation.String] wrote, or fails with
// [ErrOperation].
func ParseOperation(text string) (Operation, error) {
	var o Operation
	if len(text) != hex.EncodedLen(len(o)) {
		return Operation{}, ErrOperation
	}
	if _, err := hex.Decode(o[:], []byte(text)); err != nil || o == (Operation{}) {
		return Operation{}, ErrOperation
	}
	return o, nil
}

// String returns 32 hexadecimal digits.
func (o Operation) String() string { return hex.EncodeToString(o[:]) }

// kind is what a change did.
type kind string

const (
	kindReserve  kind = "reserve"
	kindRekey    kind = "rekey" // a holder's handle moved to the current generation
	kindOldCard  kind = "renew-old-card"
	kindRecovery kind = "renew-recovery-code"
	kindClerk    kind = "renew-clerk"
	kindMerge    kind = "merge-clerk"
	kindNewCode  kind = "new-recovery-code"
	kindWithdraw kind = "withdraw"
	kindApply    kind = "apply"
	kindExport   kind = "export"
	kindErase    kind = "erase"
	kindPurge    kind = "purge"
)

// change is one change: its operation, its kind, and everything that makes it
// another request, for each generation of keys.
type change struct {
	operation Operation
	kind      kind
	parts     func(Generation) [][]byte
}

// made is what a change did, for its record: the lineage that it changed, the
// clerk who is answerable, and the rows.
type outcome struct {
	kind    kind
	lineage []byte
	clerk   string
	images  []image
}

// once does a change and writes its record, in one transaction, unless it was
// done before. do returns nil if there was nothing to change.
func (r *Registry) applyOnce(ctx context.Context, c change, do func(queryer) (*outcome, error)) (done bool, err error) {
	if c.operation == (Operation{}) {
		return false, fmt.Errorf("%w: zero", ErrOperation)
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	err = r.retry(ctx, func(ctx context.Context) error {
		head, err := r.chainHead(ctx)
		if err != nil {
			return err
		}
		next := head
		err = r.serializable(ctx, false, func(tx queryer) (err error) {
			if err := r.renewLease(ctx, tx); err != nil {
				return err
			}
			if done, err = r.alreadyDone(ctx, tx, c); err != nil || done {
				return err
			}
			out, err := do(tx)
			if err != nil || out == nil {
				return err
			}
			images := []byte{} // a change may be of no row
			for _, i := range out.images {
				images = i.appendTo(images)
			}
			next, err = r.appendRecord(ctx, tx, head, record{
				operation: c.operation, kind: out.kind, lineage: out.lineage, clerk: out.clerk,
				unixTime: r.now().Unix(), request: r.current.request(c.kind, c.parts(r.current)...), images: images,
			})
			return err
		})
		r.head = nil // unless it is known, it has to be looked for
		if err == nil {
			r.head = &next
		}
		return err
	})
	return done, err
}

// wasDone tells whether a change's operation was done, and refuses one that was
// another request.
func (r *Registry) alreadyDone(ctx context.Context, tx queryer, c change) (bool, error) {
	var generation uint32
	var request []byte
	found, err := queryRow(ctx, tx, []any{&generation, &request},
		`SELECT generation, request FROM audit WHERE operation = $1`, c.operation[:])
	if err != nil || !found {
		return false, err
	}
	g, found := r.generation(generation)
	if !found || !hmac.Equal(request, g.request(c.kind, c.parts(g)...)) {
		return false, fmt.Errorf("%w: it was another request", ErrOperation)
	}
	return true, nil
}
