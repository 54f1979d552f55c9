package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrOperation reports an operation that is zero, malformed, or was used for a
// different request.
var ErrOperation = errors.New("invalid or reused operation")

// Operation identifies a change: 128 random bits that the caller generates
// beforehand. A change that is repeated with the same operation, after a lost answer
// or a double tap, is applied once. An Operation is not secret.
type Operation [16]byte

// NewOperation generates an operation.
func NewOperation() Operation {
	var o Operation
	_, _ = rand.Read(o[:]) // it never returns an error
	return o
}

// ParseOperation reads the format of [Operation.String]. It returns [ErrOperation]
// otherwise.
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

// Retry makes a change with a new operation. If change returns [ErrUnavailable] and ctx has not
// ended, the change may have been made although its answer was lost. Retry then calls change once
// more with the same operation, so that the change is made once. Generate a recovery code first, so
// that both calls pass the same one. It returns what the last call returned.
func Retry[T any](ctx context.Context, change func(Operation) (T, error)) (T, error) {
	operation := NewOperation()
	value, err := change(operation)
	if errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		return change(operation)
	}
	return value, err
}

// kind is the kind of a change or record.
type kind string

const (
	kindReserve  kind = "reserve"
	kindRekey    kind = "rekey"        // moves a holder to the current generation
	kindLink     kind = "link-subject" // stores the subject of a known holder
	kindSubject  kind = "renew-subject"
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
	kindEnroll   kind = "enroll"
	kindRevoke   kind = "revoke"
)

// foundByReserve are the kinds of records of a [Registry.Reserve] that finds a reservation.
var foundByReserve = []kind{kindRekey, kindLink, kindSubject}

// change is a requested change. parts returns, for a generation of keys, everything
// that distinguishes the request from others.
type change struct {
	operation Operation
	kind      kind
	parts     func(Generation) [][]byte
}

// outcome is the effect of a change, for its record. clerk is the code of the clerk
// who confirmed it.
type outcome struct {
	kind    kind
	lineage []byte
	clerk   string
	images  []image
}

// applyOnce applies a change and appends its record in one transaction. It returns
// true if the operation was done before. do returns nil if there is nothing to change.
func (r *Registry) applyOnce(ctx context.Context, c change, do func(queryer) (*outcome, error)) (done bool, err error) {
	if c.operation == (Operation{}) {
		return false, fmt.Errorf("%w: it is zero", ErrOperation)
	}
	if err := r.checkOrigin(c); err != nil {
		return false, err
	}
	chain, release, err := r.takeChain(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	err = r.retry(ctx, func(ctx context.Context) error {
		head, err := r.chainHead(ctx, chain)
		if err != nil {
			return err
		}
		next := head
		err = r.serializable(ctx, false, func(tx queryer) (err error) {
			if err := r.renewLease(ctx, tx, chain); err != nil {
				return err
			}
			if done, err = r.alreadyDone(ctx, tx, c); err != nil || done {
				return err
			}
			out, err := do(tx)
			if err != nil || out == nil {
				return err
			}
			var images []byte
			for _, i := range out.images {
				images = i.appendTo(images)
			}
			made := record{
				operation: c.operation, kind: out.kind, lineage: out.lineage, clerk: out.clerk,
				unixTime: r.now().Unix(), request: r.current.request(c.kind, c.parts(r.current)...), images: images,
			}
			r.addOrigin(&made)
			next, err = r.appendRecord(ctx, tx, head, made)
			return err
		})
		chain.head = nil // unknown if the commit's outcome is unknown
		if err == nil {
			chain.setHead(next)
		}
		return err
	})
	return done, err
}

// alreadyDone reports whether the operation of a change was done before. It returns
// [ErrOperation] if that was a different request, or one of another terminal.
func (r *Registry) alreadyDone(ctx context.Context, tx queryer, c change) (bool, error) {
	var generation uint32
	var request []byte
	var terminal string
	found, err := queryRow(ctx, tx, []any{&generation, &request, &terminal},
		`SELECT generation, request, terminal FROM audit WHERE operation = $1`, c.operation[:])
	if err != nil || !found {
		return false, err
	}
	g, found := r.generation(generation)
	if !found || terminal != r.originName() || !hmac.Equal(request, g.request(c.kind, c.parts(g)...)) {
		return false, fmt.Errorf("%w: it was used for a different request", ErrOperation)
	}
	return true, nil
}
