package registry

import (
	"context"
	"crypto/hpke"
	"database/sql"
	"errors"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
)

var ParseHash = parseHash

const PlainLength = plainLength

// DB lets a test do what an intruder in the database could.
func (r *Registry) DB() *sql.DB { return r.storage.db }

// WithFewIdentifiers has identifiers collide: there are only so many.
func WithFewIdentifiers(n uint64) Option {
	return func(r *Registry) {
		r.derive = func(g Generation, attempt uint32, holder *jpki.Authentication) (mykey.ID, error) {
			id, err := g.Namespace.DeriveAttempt(holder.Certificate, attempt)
			if err != nil {
				return "", err
			}
			b := []byte("00000000")
			var sum uint64
			for _, c := range []byte(id) {
				sum = sum*31 + uint64(c)
			}
			for i, rest := 7, sum%n; rest > 0; i, rest = i-1, rest/10 {
				b[i] = '0' + byte(rest%10)
			}
			return mykey.Parse(string(b))
		}
	}
}

// WithDerivation derives identifiers in another way.
func WithDerivation(derive func(attempt uint32) (mykey.ID, error)) Option {
	return func(r *Registry) {
		r.derive = func(_ Generation, attempt uint32, _ *jpki.Authentication) (mykey.ID, error) { return derive(attempt) }
	}
}

// ErrInTheWay is what a database says while another transaction is in the way.
var ErrInTheWay error = &storageError{cause: errors.New("another transaction is in the way"), race: true}

func WithSleep(sleep func(context.Context, time.Duration) error) Option {
	return func(r *Registry) { r.sleep = sleep }
}

func WithPatience(d time.Duration) Option { return func(r *Registry) { r.patience = d } }

func WithTryLimit(d time.Duration) Option { return func(r *Registry) { r.tryLimit = d } }

func WithPage(rows int) Option { return func(r *Registry) { r.page = rows } }

// HoldHashing lets nobody hash a recovery code any more.
func (r *Registry) HoldHashing() { r.hashing <- struct{}{} }

// OnRepeat hears of every error that is tried again.
func OnRepeat(hear func(error)) Option { return func(r *Registry) { r.repeated = hear } }

// Transact runs statements as changes run theirs.
func (r *Registry) Transact(ctx context.Context, fn func(exec func(query string, args ...any) error) error) error {
	return r.transact(ctx, func(tx queryer) error {
		return fn(func(query string, args ...any) error {
			_, err := exec(ctx, tx, query, args...)
			return err
		})
	})
}

// SealBytes seals what is no account.
func SealBytes(operator hpke.PublicKey, namespace string, id mykey.ID, service string, plain []byte) ([]byte, error) {
	return hpke.Seal(operator, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(namespace, id, service), plain)
}
