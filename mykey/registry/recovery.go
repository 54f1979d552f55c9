package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/internal/crockford"
)

// ErrRecovery: a recovery code that is malformed, or not the reservation's.
var ErrRecovery = errors.New("not the reservation's recovery code")

// codeLength is 16 symbols of 5 bits: nobody guesses 80 bits.
const codeLength = 16

// RecoveryCode moves a reservation to a new card when the old one is gone: 80
// random bits that the holder is given, as 16 symbols, and that the registry
// knows only hashed. It does not print itself. The zero RecoveryCode is none.
type RecoveryCode struct{ symbols hidden.Value[string] }

// text is the code's symbols, "" for none.
func (c RecoveryCode) text() string { return c.symbols.Reveal() }

func newRecoveryCode(symbols [codeLength]byte) RecoveryCode {
	return RecoveryCode{hidden.New(string(symbols[:]))}
}

// NewRecoveryCode makes one.
func NewRecoveryCode() RecoveryCode {
	var b [codeLength]byte
	_, _ = rand.Read(b[:]) // it never fails
	for i := range b {
		b[i] = crockford.Alphabet[b[i]%32]
	}
	return newRecoveryCode(b)
}

// ParseRecoveryCode takes a code as people type it, as mykey.Parse does an
// identifier. It fails with [ErrRecovery].
func ParseRecoveryCode(text string) (RecoveryCode, error) {
	positions, ok := crockford.Symbols(text, codeLength)
	if !ok || len(positions) != codeLength {
		return RecoveryCode{}, fmt.Errorf("%w: it has %d letters and digits", ErrRecovery, codeLength)
	}
	var b [codeLength]byte
	for i, position := range positions {
		if int(position) >= len(crockford.Alphabet) {
			return RecoveryCode{}, fmt.Errorf("%w: it has %d letters and digits", ErrRecovery, codeLength)
		}
		b[i] = crockford.Alphabet[position]
	}
	return newRecoveryCode(b), nil
}

// Reveal returns the code for its holder's eyes, as in "7K2M-9QXR-0ABC-DEFG".
func (c RecoveryCode) Reveal() string {
	var parts []string
	for remaining := c.text(); len(remaining) >= 4; remaining = remaining[4:] {
		parts = append(parts, remaining[:4])
	}
	return strings.Join(parts, "-")
}

// String tells nothing.
func (c RecoveryCode) String() string { return "[recovery code]" }

// Format prints [RecoveryCode.String] for every verb and flag.
func (c RecoveryCode) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// MarshalText writes [RecoveryCode.String].
func (c RecoveryCode) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue implements slog.LogValuer with [RecoveryCode.String].
func (c RecoveryCode) LogValue() slog.Value { return slog.StringValue(c.String()) }

// recovery is how the database knows the code of an identifier's reservation: its
// HMAC under the generation's key. 80 random bits need no slow hash; without the key
// nobody can test a guess.
func (g Generation) recoveryHash(id mykey.ID, code RecoveryCode) string {
	if code.text() == "" {
		return ""
	}
	symbols := []byte(code.text())
	defer clear(symbols)
	sum := mac(g.Key, purposeRecovery, []byte(g.Namespace.Name()), []byte(id), symbols)
	return fmt.Sprintf("hmac$%d$%x", g.Number, sum)
}

// matches tells whether a code is an identifier's, by what is stored.
func (r *Registry) matchesCode(id mykey.ID, code RecoveryCode, stored string) bool {
	if code.text() == "" {
		return false
	}
	for _, g := range r.generations() {
		if hmac.Equal([]byte(stored), []byte(g.recoveryHash(id, code))) {
			return true
		}
	}
	salt, want, ok := parseArgon2Hash(stored)
	return ok && hmac.Equal(want, argon2.IDKey([]byte(code.text()), salt, argonTime, argonMemory, 1, hashLength))
}

// Codes were stored under argon2id once, at this cost and no other: whoever writes
// in the database can't ask for more.
const (
	argonPrefix = "$argon2id$v=19$m=19456,t=2,p=1$"
	argonTime   = 2
	argonMemory = 19456 // KiB
	saltLength  = 16
	hashLength  = 32
)

// parseHash reads a stored argon2id hash.
func parseArgon2Hash(stored string) (salt, hash []byte, ok bool) {
	encoded, ok := strings.CutPrefix(stored, argonPrefix)
	saltText, hashText, hasHash := strings.Cut(encoded, "$")
	if !ok || !hasHash {
		return nil, nil, false
	}
	salt, err := base64.RawStdEncoding.DecodeString(saltText)
	if err != nil || len(salt) != saltLength {
		return nil, nil, false
	}
	hash, err = base64.RawStdEncoding.DecodeString(hashText)
	if err != nil || len(hash) != hashLength {
		return nil, nil, false
	}
	return salt, hash, true
}
