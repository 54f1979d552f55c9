package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/internal/crockford"
)

// ErrRecovery reports a recovery code that is malformed or does not match the
// reservation.
var ErrRecovery = errors.New("recovery code does not match")

// codeLength is the number of symbols of a recovery code, 5 bits each.
const codeLength = 16

// RecoveryCode is a secret with which a holder moves a reservation to a new card
// without the old one: 80 random bits as 16 symbols. The registry stores only an HMAC
// of it. Printing a RecoveryCode does not show it. The zero RecoveryCode means no code.
type RecoveryCode struct{ symbols hidden.Value[string] }

// text returns the code's symbols, "" for the zero RecoveryCode.
func (c RecoveryCode) text() string { return c.symbols.Reveal() }

func newRecoveryCode(symbols [codeLength]byte) RecoveryCode {
	return RecoveryCode{hidden.New(string(symbols[:]))}
}

// NewRecoveryCode generates a recovery code.
func NewRecoveryCode() RecoveryCode {
	var b [codeLength]byte
	_, _ = rand.Read(b[:]) // it never returns an error
	for i := range b {
		b[i] = crockford.Alphabet[b[i]%32]
	}
	return newRecoveryCode(b)
}

// ParseRecoveryCode reads a code that a person has typed, with the same tolerance as
// [mykey.Parse]. It returns [ErrRecovery] otherwise.
func ParseRecoveryCode(text string) (RecoveryCode, error) {
	positions, ok := crockford.Symbols(text, codeLength)
	if !ok || len(positions) != codeLength {
		return RecoveryCode{}, fmt.Errorf("%w: it must have %d letters and digits", ErrRecovery, codeLength)
	}
	var b [codeLength]byte
	for i, position := range positions {
		if int(position) >= len(crockford.Alphabet) {
			return RecoveryCode{}, fmt.Errorf("%w: it must have %d letters and digits", ErrRecovery, codeLength)
		}
		b[i] = crockford.Alphabet[position]
	}
	return newRecoveryCode(b), nil
}

// Reveal returns the code, as in "7K2M-9QXR-0ABC-DEFG", to show it to the holder.
func (c RecoveryCode) Reveal() string {
	var parts []string
	for remaining := c.text(); len(remaining) >= 4; remaining = remaining[4:] {
		parts = append(parts, remaining[:4])
	}
	return strings.Join(parts, "-")
}

// String returns a fixed text.
func (c RecoveryCode) String() string { return "[recovery code]" }

// Format prints [RecoveryCode.String] for every verb and flag.
func (c RecoveryCode) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// MarshalText returns [RecoveryCode.String].
func (c RecoveryCode) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue implements slog.LogValuer with [RecoveryCode.String].
func (c RecoveryCode) LogValue() slog.Value { return slog.StringValue(c.String()) }

// recoveryHash returns what the database stores for a recovery code: an HMAC under the
// generation's key. 80 random bits do not need a slow hash, and without the key nobody
// can test a guess.
func (g Generation) recoveryHash(id mykey.ID, code RecoveryCode) string {
	if code.text() == "" {
		return ""
	}
	symbols := []byte(code.text())
	defer clear(symbols)
	sum := mac(g.Key, purposeRecovery, []byte(g.Namespace.Name()), []byte(id), symbols)
	return fmt.Sprintf("hmac$%d$%x", g.Number, sum)
}

// matchesCode reports whether a code matches the stored hash of an identifier.
func (r *Registry) matchesCode(id mykey.ID, code RecoveryCode, stored string) bool {
	if code.text() == "" {
		return false
	}
	for _, g := range r.generations() {
		if hmac.Equal([]byte(stored), []byte(g.recoveryHash(id, code))) {
			return true
		}
	}
	return false
}
