package jpki

import (
	"fmt"
	"log/slog"

	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

var (
	// ErrPINFormat reports an entry that is not 4 digits. Nothing was sent. It wraps
	// [credential.ErrFormat].
	ErrPINFormat = fmt.Errorf("%w: the authentication PIN is 4 digits", credential.ErrFormat)
	// ErrPasswordFormat reports an entry that is not 6 to 16 letters and digits. Nothing
	// was sent. It wraps [credential.ErrFormat].
	ErrPasswordFormat = fmt.Errorf("%w: the signature password is 6 to 16 letters and digits", credential.ErrFormat)
)

// PIN is the PIN of the user-authentication certificate (利用者証明用電子証明書の暗証番号): 4 digits.
// Three wrong entries in a row lock it.
//
// A PIN can be sent once; after that, its copies can't be sent either. It can't be
// printed, compared or read back. It is safe for concurrent use. The zero PIN counts as
// used.
type PIN struct{ secret applet.Secret }

// ParsePIN parses typed input. It normalizes full-width digits (NFKC) and returns
// [ErrPINFormat] for anything but 4 digits. The caller wipes the input.
func ParsePIN(input []byte) (PIN, error) {
	secret, err := generation.PINRules.Parse(input)
	if err != nil {
		return PIN{}, ErrPINFormat
	}
	return PIN{secret}, nil
}

// Wipe wipes a PIN that will not be used. Wipe is idempotent.
func (p PIN) Wipe() { p.secret.Wipe() }

const redactedPIN = "[PIN]"

// String returns the word PIN in square brackets, for every PIN.
func (p PIN) String() string { return redactedPIN }

// Format prints [PIN.String] for every verb and flag.
func (p PIN) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedPIN) }

// MarshalText returns [PIN.String]. JSON uses it too.
func (p PIN) MarshalText() ([]byte, error) { return []byte(redactedPIN), nil }

// LogValue implements slog.LogValuer.
func (p PIN) LogValue() slog.Value { return slog.StringValue(redactedPIN) }

// Password is the password of the signature certificate (署名用電子証明書の暗証番号): 6 to 16
// characters, A to Z and 0 to 9. Five wrong entries in a row lock it. Otherwise it is
// like a [PIN].
type Password struct{ secret applet.Secret }

// ParsePassword parses typed input. It normalizes full-width characters (NFKC) and
// converts lower case to upper case. It returns [ErrPasswordFormat] unless the result is
// 6 to 16 letters A to Z and digits. The caller wipes the input.
func ParsePassword(input []byte) (Password, error) {
	secret, err := generation.PasswordRules.Parse(input)
	if err != nil {
		return Password{}, ErrPasswordFormat
	}
	return Password{secret}, nil
}

// Wipe wipes a password that will not be used. Wipe is idempotent.
func (p Password) Wipe() { p.secret.Wipe() }

const redactedPassword = "[password]"

// String returns the word password in square brackets, for every password.
func (p Password) String() string { return redactedPassword }

// Format prints [Password.String] for every verb and flag.
func (p Password) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedPassword) }

// MarshalText returns [Password.String]. JSON uses it too.
func (p Password) MarshalText() ([]byte, error) { return []byte(redactedPassword), nil }

// LogValue implements slog.LogValuer.
func (p Password) LogValue() slog.Value { return slog.StringValue(redactedPassword) }
