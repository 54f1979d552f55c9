package registry

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/mykey"
)

// ErrSealed reports a sealed account that was altered, or was sealed for another key or
// another application.
var ErrSealed = errors.New("sealed account can't be opened")

// Application is an application that a holder has made, as [Desk.Export] returns it.
type Application struct {
	ID        mykey.ID
	Namespace string
	Service   string
	Applied   time.Time
	// Sealed is the account, encrypted with the operator's public key. It is empty if the
	// application comes with an [*AuditError].
	Sealed []byte
}

// application is a row of the table applications.
type application struct {
	Application
	lineage   []byte
	account   []byte // its digest
	operation []byte
	version   uint64
}

func (a application) image() image {
	return newImage(applicationTable, a.version, a.lineage, []byte(a.Namespace), []byte(a.ID), []byte(a.Service), a.account, a.Sealed,
		encodeNumber(a.Applied.Unix()), a.operation)
}

// sealInfo binds a sealed account to its application.
func sealInfo(namespace string, id mykey.ID, service string) []byte {
	return digest("registry/application/v2", []byte(namespace), []byte(id), []byte(service))
}

// plainLength is the padded length of accounts, so that a sealed account does not reveal
// its length.
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
		return nil, fmt.Errorf("seal the account: %w", err)
	}
	return sealed, nil
}

// Open decrypts the account with the operator's private key. It returns [ErrSealed] if
// that fails.
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

// parseAccount decodes a decrypted account. It does not trust its input, because anybody
// can encrypt with a public key.
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
