package registry

import (
	"crypto/hpke"
	"errors"
	"fmt"
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
	// Sealed is the account, for the operator's private key. It is empty if the
	// account was erased.
	Sealed []byte
}

// application is one as the database has it.
type application struct {
	Application
	lineage   []byte
	account   []byte // digest
	operation []byte
	version   uint64
}

func (a application) image() image {
	return newImage(applicationTable, a.version, a.lineage, []byte(a.Namespace), []byte(a.ID), []byte(a.Service), a.account, a.Sealed,
		encodeNumber(a.Applied.Unix()), a.operation)
}

// sealInfo binds a seal to its application: moved to another it does not open.
func sealInfo(namespace string, id mykey.ID, service string) []byte {
	return digest("registry/application/v2", []byte(namespace), []byte(id), []byte(service))
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
	account, ok := parseAccount(a.Service, plain)
	if !ok {
		return Account{}, ErrSealed
	}
	return account, nil
}

// parsePlain reads an account with a service that was sealed. Anybody can seal for
// a public key.
func parseAccount(service string, plain []byte) (a Account, ok bool) {
	if len(plain) != plainLength {
		return Account{}, false
	}
	var id, code string
	for _, part := range []struct {
		dest      *string
		maxLength int
	}{{&id, maxAccount}, {&code, maxCode}} {
		length := int(plain[0])
		if length > part.maxLength || length >= len(plain) {
			return Account{}, false
		}
		*part.dest, plain = string(plain[1:1+length]), plain[1+length:]
	}
	a = NewAccount(service, id, code)
	return a, a.check() == nil
}
