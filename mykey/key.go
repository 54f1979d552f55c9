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

// KeyLength is the length of a generated key, and the least length of any, in
// bytes.
const KeyLength = 32

// ErrKey: what should be a namespace key is too short, all zero, or no
// hexadecimal text.
var ErrKey = errors.New("not a namespace key")

// Key is the secret of a namespace: at least 32 bytes. It does not print
// itself. The zero Key is no key.
type Key struct {
	// A function hides its variables from everything that prints by
	// reflection.
	bytes func() []byte
}

// NewKey makes a key of at least 32 bytes that are not all zero; otherwise it
// fails with [ErrKey]. The bytes are copied.
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

// GenerateKey makes a key of 32 bytes from random, which is crypto/rand.Reader
// outside of tests.
func GenerateKey(random io.Reader) (Key, error) {
	b := make([]byte, KeyLength)
	if _, err := io.ReadFull(random, b); err != nil {
		return Key{}, fmt.Errorf("namespace key: %w", err)
	}
	return NewKey(b)
}

// ParseKey reads a key as a key file holds it: hexadecimal digits and perhaps a
// line end. It fails with [ErrKey] and quotes nothing.
func ParseKey(text []byte) (Key, error) {
	digits := bytes.TrimSpace(text)
	b := make([]byte, hex.DecodedLen(len(digits)))
	defer clear(b)
	if _, err := hex.Decode(b, digits); err != nil {
		return Key{}, fmt.Errorf("%w: not hexadecimal digits", ErrKey)
	}
	return NewKey(b)
}

// RevealText returns the secret itself, as [ParseKey] reads it, for writing a
// key file.
func (k Key) RevealText() []byte {
	if k.bytes == nil {
		return nil
	}
	return append(hex.AppendEncode(nil, k.bytes()), '\n')
}

// ID names the key without telling it: 8 hexadecimal digits, for logs and for
// knowing which key a list was made with. It is empty for the zero Key.
func (k Key) ID() string {
	if k.bytes == nil {
		return ""
	}
	return hex.EncodeToString(k.mac([]byte(version + "key id"))[:4])
}

// mac is HMAC-SHA-256 under the key.
func (k Key) mac(message []byte) []byte {
	h := hmac.New(sha256.New, k.bytes())
	h.Write(message)
	return h.Sum(nil)
}

// String names the key by its [Key.ID].
func (k Key) String() string { return "[key " + k.ID() + "]" }

// Format prints [Key.String] for every verb and flag.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// MarshalText writes [Key.String], to JSON too; for the secret there is
// [Key.RevealText].
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue implements slog.LogValuer with [Key.String].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
