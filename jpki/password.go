package jpki

import (
	"errors"
	"fmt"
	"log/slog"
)

// ErrPasswordFormat: what was typed can't be a signature password. Nothing was
// sent.
var ErrPasswordFormat = errors.New("the signature password is 6 to 16 letters and digits")

const (
	minPassword = 6
	maxPassword = 16
)

// Password is the password of the signature certificate
// (署名用電子証明書の暗証番号): 6 to 16 of A to Z and 0 to 9, of which a card allows
// 5 wrong entries. What is said of [PIN] holds for it.
type Password struct{ secret }

// ParsePassword takes what a person typed. Full-width characters are normalised
// (NFKC) and small letters made capital, as cards have them; anything else then
// fails with [ErrPasswordFormat]. The input is the caller's to wipe.
func ParsePassword(input []byte) (Password, error) {
	const longest = 16 * maxPassword // in any form that NFKC knows
	if len(input) > longest {
		return Password{}, ErrPasswordFormat
	}
	characters, ok := normalize(input, minPassword, maxPassword, letterOrDigit)
	if !ok {
		return Password{}, ErrPasswordFormat
	}
	return Password{newSecret(characters)}, nil
}

func letterOrDigit(c byte) (byte, bool) {
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A', true
	case 'A' <= c && c <= 'Z':
		return c, true
	default:
		return digit(c)
	}
}

const redactedPassword = "[password]"

// String is "[password]", for every password.
func (p Password) String() string { return redactedPassword }

// Format prints "[password]" for every verb and flag.
func (p Password) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedPassword) }

// MarshalText writes "[password]", to JSON too.
func (p Password) MarshalText() ([]byte, error) { return []byte(redactedPassword), nil }

// LogValue implements slog.LogValuer.
func (p Password) LogValue() slog.Value { return slog.StringValue(redactedPassword) }
