package mykey

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// KeyLength is the length of a generated key in bytes, and the minimum length of
// every key.
const KeyLength = 32

// ErrKey reports a key that is too short, all zero, or not hexadecimal text. Package
// registry also returns it for keys that do not match its database.
var ErrKey = errors.New("invalid key")

// Key is the secret key of a namespace or of a registry: at least 32 bytes. Printing or
// encoding a Key shows its [Key.ID], not the secret. The zero Key is not valid.
type Key struct {
	// Packages that print by reflection can't read a closure's variables.
	bytes func() []byte
}

// NewKey returns a key with a copy of b. It returns [ErrKey] if b is shorter than
// 32 bytes or all zero.
func NewKey(b []byte) (Key, error) {
	if len(b) < KeyLength {
		return Key{}, fmt.Errorf("%w: shorter than %d bytes", ErrKey, KeyLength)
	}
	own := slices.Clone(b)
	if len(bytes.Trim(own, "\x00")) == 0 {
		return Key{}, fmt.Errorf("%w: all zero", ErrKey)
	}
	return Key{bytes: func() []byte { return own }}, nil
}

// GenerateKey generates a key of 32 bytes. It reads from random; pass
// crypto/rand.Reader outside of tests.
func GenerateKey(random io.Reader) (Key, error) {
	b := make([]byte, KeyLength)
	if _, err := io.ReadFull(random, b); err != nil {
		return Key{}, fmt.Errorf("namespace key: %w", err)
	}
	return NewKey(b)
}

// ParseKey reads the content of a key file: hexadecimal digits, which may be
// surrounded by white space. It returns [ErrKey] otherwise. The error does not
// contain the text.
func ParseKey(text []byte) (Key, error) {
	digits := bytes.TrimSpace(text)
	b := make([]byte, hex.DecodedLen(len(digits)))
	defer clear(b)
	if _, err := hex.Decode(b, digits); err != nil {
		return Key{}, fmt.Errorf("%w: not hexadecimal digits", ErrKey)
	}
	return NewKey(b)
}

// RevealText returns the secret in the format that [ParseKey] reads, for writing
// a key file. It returns nil for the zero Key.
func (k Key) RevealText() []byte {
	if k.bytes == nil {
		return nil
	}
	return append(hex.AppendEncode(nil, k.bytes()), '\n')
}

// ID identifies the key without revealing it: 8 hexadecimal digits, for logs and for noting
// which key derived an identifier. It is empty for the zero Key.
func (k Key) ID() string {
	if k.bytes == nil {
		return ""
	}
	return hex.EncodeToString(k.mac([]byte(version + "key id"))[:4])
}

// mac returns the HMAC-SHA-256 of a message under the key.
func (k Key) mac(message []byte) []byte {
	h := hmac.New(sha256.New, k.bytes())
	h.Write(message)
	return h.Sum(nil)
}

// String returns "[key ID]" with the key's [Key.ID].
func (k Key) String() string { return "[key " + k.ID() + "]" }

// Format prints [Key.String] for every verb and flag.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// MarshalText returns [Key.String]. JSON uses it too. Use [Key.RevealText] for the secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue implements slog.LogValuer with [Key.String].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
