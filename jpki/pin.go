package jpki

import (
	"errors"
	"fmt"
	"log/slog"
)

var (
	// ErrPINFormat: what was typed can't be a PIN. Nothing was sent.
	ErrPINFormat = errors.New("the authentication PIN is 4 digits")
	// ErrPINUsed: this PIN was sent or wiped before, or is no PIN at all.
	// Nothing was sent.
	ErrPINUsed = errors.New("PIN already used")
)

const pinLength = 4

// PIN is the PIN of the user-authentication certificate
// (利用者証明用電子証明書の暗証番号): 4 digits, of which a card allows 3 wrong
// entries.
//
// One PIN entered is one VERIFY sent: using a PIN consumes it, for all its
// copies. It can't be printed, compared or read back. The zero PIN is used up.
type PIN struct{ secret }

// ParsePIN takes what a person typed. Full-width digits are normalised (NFKC);
// anything but 4 digits then fails with [ErrPINFormat]. The input is the
// caller's to wipe.
func ParsePIN(input []byte) (PIN, error) {
	const longest = 64 // of 4 characters, in any form that NFKC knows
	if len(input) > longest {
		return PIN{}, ErrPINFormat
	}
	digits, ok := normalize(input, pinLength, pinLength, digit)
	if !ok {
		return PIN{}, ErrPINFormat
	}
	return PIN{newSecret(digits)}, nil
}

func digit(c byte) (byte, bool) { return c, !notDigit(c) }

func notDigit(c byte) bool { return c < '0' || c > '9' }

const redacted = "[PIN]"

// String is "[PIN]", for every PIN.
func (p PIN) String() string { return redacted }

// Format prints "[PIN]" for every verb and flag.
func (p PIN) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText writes "[PIN]", to JSON too.
func (p PIN) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (p PIN) LogValue() slog.Value { return slog.StringValue(redacted) }
