package registry

import (
	"context"
	"crypto/hpke"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mykeykit/mykeykit/mykey"
)

// ErrSealed: a sealed account that was not sealed for this key and this
// application, or was altered.
var ErrSealed = errors.New("sealed account does not open")

// Application is one that was made, as the operator takes it over.
type Application struct {
	ID        mykey.ID
	Namespace string
	Service   string
	Applied   time.Time
	// Sealed is the account, for the operator's private key.
	Sealed []byte
}

// sealInfo binds a seal to its application: moved to another it does not open.
func sealInfo(namespace string, id mykey.ID, service string) []byte {
	return fmt.Appendf(nil, "mykeykit/registry/application/v1\x00%d:%s%s%s", len(namespace), namespace, id, service)
}

// plainLength is the length of every account that is sealed, so that a seal
// tells no lengths.
const plainLength = 2 + maxAccount + maxCode

// seal encrypts an account with HPKE (RFC 9180), HKDF-SHA256 and AES-256-GCM.
func seal(operator hpke.PublicKey, namespace string, id mykey.ID, account Account) ([]byte, error) {
	plain := make([]byte, 0, plainLength)
	for _, part := range []string{account.ID(), account.Code()} {
		plain = append(plain, byte(len(part)))
		plain = append(plain, part...)
	}
	plain = plain[:plainLength]
	defer clear(plain)
	sealed, err := hpke.Seal(operator, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(namespace, id, account.Service()), plain)
	if err != nil {
		return nil, fmt.Errorf("sealing the account: %w", err)
	}
	return sealed, nil
}

// Open opens the account with the operator's private key. It fails with
// [ErrSealed].
func (a Application) Open(key hpke.PrivateKey) (Account, error) {
	plain, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(a.Namespace, a.ID, a.Service), a.Sealed)
	if err != nil {
		return Account{}, ErrSealed
	}
	defer clear(plain)
	account, ok := parsePlain(a.Service, plain)
	if !ok {
		return Account{}, ErrSealed
	}
	return account, nil
}

// parsePlain reads an account with a service that was sealed. Anybody can seal for
// a public key.
func parsePlain(service string, plain []byte) (a Account, ok bool) {
	if len(plain) != plainLength {
		return Account{}, false
	}
	var id, code string
	for _, part := range []struct {
		into *string
		most int
	}{{&id, maxAccount}, {&code, maxCode}} {
		length := int(plain[0])
		if length > part.most || length >= len(plain) {
			return Account{}, false
		}
		*part.into, plain = string(plain[1:1+length]), plain[1+length:]
	}
	a = NewAccount(service, id, code)
	return a, a.valid() == nil
}

// Applications returns all applications of the namespace, by identifier, for the
// operator. An error, [ErrUnavailable], is the last.
func (r *Registry) Applications(ctx context.Context) iter.Seq2[Application, error] {
	return func(yield func(Application, error) bool) {
		last := mykey.ID("")
		for {
			var found []Application
			err := r.again(ctx, func(ctx context.Context) error {
				found = nil
				return all(ctx, r.storage.db, func(rows *sql.Rows) error {
					a := Application{Namespace: r.namespace()}
					var applied int64
					if err := rows.Scan(&a.ID, &a.Service, &applied, &a.Sealed); err != nil {
						return err
					}
					a.Applied = time.Unix(applied, 0).UTC()
					found = append(found, a)
					return nil
				}, `SELECT identifier, service, applied, sealed FROM applications
					WHERE namespace = $1 AND identifier > $2 ORDER BY identifier LIMIT $3`, r.namespace(), last.String(), r.page)
			})
			if err != nil {
				yield(Application{}, err)
				return
			}
			for _, a := range found {
				if !yield(a, nil) {
					return
				}
				last = a.ID
			}
			if len(found) < r.page {
				return
			}
		}
	}
}
