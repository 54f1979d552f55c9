package mykey

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/mykey/internal/publickey"
)

var (
	// ErrNamespace: what can't name a namespace.
	ErrNamespace = errors.New("not a namespace name")
	// ErrCertificate: there is no certificate, or its key is of an unknown kind or
	// in another encoding than DER's, and would have another identifier under it.
	ErrCertificate = errors.New("no certificate to derive from")
)

// version starts everything that is put under a namespace's key. A change to
// how identifiers are made changes it.
const version = "mykeykit/mykey/v1\x00"

const maxName = 255

// Namespace is where identifiers are unique and mean something: an operator
// and a purpose, as in "library.example.jp". The same card has unrelated
// identifiers in different namespaces, and under different keys.
type Namespace struct {
	name string
	key  Key
}

// NewNamespace makes a namespace. Its name is 1 to 255 bytes of UTF-8 in
// normal form C, without control characters, or it fails with [ErrNamespace]. A
// zero key fails with [ErrKey].
func NewNamespace(name string, key Key) (*Namespace, error) {
	switch {
	case key.bytes == nil:
		return nil, ErrKey
	case name == "" || len(name) > maxName:
		return nil, fmt.Errorf("%w: it has 1 to %d bytes", ErrNamespace, maxName)
	case !utf8.ValidString(name) || !norm.NFC.IsNormalString(name):
		return nil, fmt.Errorf("%w: it is UTF-8 in normal form C", ErrNamespace)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return nil, fmt.Errorf("%w: it has no control characters", ErrNamespace)
		}
	}
	return &Namespace{name: name, key: key}, nil
}

// Name is the namespace's name.
func (n *Namespace) Name() string { return n.name }

// Derive returns the identifier of a certificate's holder in this namespace: the
// same each time, until the certificate is renewed. It fails with
// [ErrCertificate].
//
// Nothing about the certificate is checked here: whether its holder is present
// is what jpki.Authenticate establishes.
func (n *Namespace) Derive(certificate *x509.Certificate) (ID, error) {
	return n.DeriveAttempt(certificate, 0)
}

// DeriveAttempt is [Namespace.Derive] with an attempt number, for registries
// that find the identifier of attempt 0 taken by another holder. Each number
// gives an unrelated identifier.
func (n *Namespace) DeriveAttempt(certificate *x509.Certificate, attempt uint32) (ID, error) {
	spki, ok := publickey.Of(certificate)
	if !ok {
		return "", ErrCertificate
	}
	fingerprint := sha256.Sum256(spki)
	mac := n.key.mac(n.input(attempt, fingerprint))
	return fromNumber(uint64(mac[0])<<32 | uint64(binary.BigEndian.Uint32(mac[1:5]))), nil
}

// input is what is put under the key. The name's length in front of it keeps
// any two inputs apart.
func (n *Namespace) input(attempt uint32, fingerprint [sha256.Size]byte) []byte {
	b := make([]byte, 0, len(version)+4+len(n.name)+4+len(fingerprint))
	b = append(b, version...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(n.name)))
	b = append(b, n.name...)
	b = binary.BigEndian.AppendUint32(b, attempt)
	return append(b, fingerprint[:]...)
}
