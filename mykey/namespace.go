package mykey

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/jpki/proof"
)

var (
	// ErrNamespace reports an invalid namespace name.
	ErrNamespace = errors.New("invalid namespace name")
	// ErrHolder reports a nil or zero proof.Holder.
	ErrHolder = errors.New("no verified holder")
)

// version begins every input of the HMAC. It changes with the derivation.
const version = "mykeykit/mykey/v1\x00"

const maxName = 255

// Namespace is the scope of identifiers: one operator and one purpose, as in
// "library.example.jp". The same card has unrelated identifiers in different
// namespaces and under different keys.
type Namespace struct {
	name string
	key  Key
}

// NewNamespace returns a namespace with a name and a key. It returns
// [ErrNamespace] unless the name is 1 to 255 bytes of UTF-8 in normal form C
// without control characters, and [ErrKey] if the key is the zero Key.
func NewNamespace(name string, key Key) (*Namespace, error) {
	switch {
	case key.bytes == nil:
		return nil, ErrKey
	case name == "" || len(name) > maxName:
		return nil, fmt.Errorf("%w: it must have 1 to %d bytes", ErrNamespace, maxName)
	case !utf8.ValidString(name) || !norm.NFC.IsNormalString(name):
		return nil, fmt.Errorf("%w: it must be UTF-8 in normal form C", ErrNamespace)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return nil, fmt.Errorf("%w: it must not contain control characters", ErrNamespace)
		}
	}
	return &Namespace{name: name, key: key}, nil
}

// Name returns the namespace's name.
func (n *Namespace) Name() string { return n.name }

// KeyID returns the [Key.ID] of the namespace's key.
func (n *Namespace) KeyID() string { return n.key.ID() }

// Derive returns the identifier of a card's holder in this namespace. It is always the same
// until the holder renews the certificate. It returns [ErrHolder] if holder is nil or zero.
//
// It does not look at [proof.Holder.Issuer]: if the verifier allowed an unknown issuer,
// anybody could have made the certificate.
func (n *Namespace) Derive(holder *proof.Holder) (ID, error) {
	return n.DeriveAttempt(holder, 0)
}

// DeriveAttempt is like [Namespace.Derive] with an attempt number, for registries:
// on a collision they use the next attempt number. Each number gives an unrelated
// identifier; Derive uses 0.
func (n *Namespace) DeriveAttempt(holder *proof.Holder, attempt uint32) (ID, error) {
	certificate := holder.Certificate()
	if certificate == nil {
		return "", ErrHolder
	}
	return n.derive(certificate.RawSubjectPublicKeyInfo, attempt), nil
}

// derive derives an identifier from a public key in DER. Package proof has rejected other
// encodings of the key, which would have other identifiers.
func (n *Namespace) derive(spki []byte, attempt uint32) ID {
	mac := n.key.mac(n.input(attempt, sha256.Sum256(spki)))
	return fromNumber(uint64(mac[0])<<32 | uint64(binary.BigEndian.Uint32(mac[1:5])))
}

// input returns the input of the HMAC. The name's length precedes the name, so that
// different names and attempts never give the same input.
func (n *Namespace) input(attempt uint32, fingerprint [sha256.Size]byte) []byte {
	b := make([]byte, 0, len(version)+4+len(n.name)+4+len(fingerprint))
	b = append(b, version...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(n.name)))
	b = append(b, n.name...)
	b = binary.BigEndian.AppendUint32(b, attempt)
	return append(b, fingerprint[:]...)
}
