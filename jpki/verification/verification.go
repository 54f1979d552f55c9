// Package verification defines the secrets that are composed of what is printed on a My Number
// Card, and that give access to its text and visual applications: the verification numbers (照合番号) A
// and B, and the date of birth. Packages jpki/text and jpki/face send them to the card.
//
//	b, err := verification.ParseNumberB([]byte("55021720352285"))
//
// An entry can be sent once; after that, its copies can't be sent either. It can't be printed,
// compared or read back. A wrong one uses up an attempt, as a wrong PIN does. Everything in this
// package is safe for concurrent use.
package verification

import (
	"fmt"
	"log/slog"

	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/jpki/credential"
)

// The rules of the entries, in digits.
var (
	numberARules = applet.Rules{Min: 12, Max: 12}
	numberBRules = applet.Rules{Min: 14, Max: 14}
	birthRules   = applet.Rules{Min: 6, Max: 6}
)

// Errors of entries with the wrong number of digits, or with other characters. Nothing was sent.
// They wrap [credential.ErrFormat].
var (
	ErrNumberAFormat = fmt.Errorf("%w: verification number A is 12 digits", credential.ErrFormat)
	ErrNumberBFormat = fmt.Errorf("%w: verification number B is 14 digits", credential.ErrFormat)
	ErrBirthFormat   = fmt.Errorf("%w: the date of birth is 6 digits", credential.ErrFormat)
)

// NumberA is verification number A (照合番号A): the individual number (個人番号), 12 digits. The law
// limits who may ask for it: see package text.
type NumberA struct{ secret applet.Secret }

// NumberB is verification number B (照合番号B), 14 digits: the date of birth as printed on the card
// (YYMMDD, with the year of the Japanese era), the year in which the card expires (4 digits), and the
// security code (4 digits). For foreign residents, it is not documented whether the year of birth is
// that of the era: ask for the digits as printed. Ten wrong entries in a row lock it.
type NumberB struct{ secret applet.Secret }

// Birth is the date of birth as in [NumberB], 6 digits. It gives access only to the age record of
// the visual application (see face.AgeRecord).
type Birth struct{ secret applet.Secret }

// ParseNumberA parses typed input. It normalizes full-width digits (NFKC) and returns
// [ErrNumberAFormat] for anything but 12 digits. The caller has to wipe the input.
func ParseNumberA(input []byte) (NumberA, error) {
	secret, err := numberARules.Parse(input)
	if err != nil {
		return NumberA{}, ErrNumberAFormat
	}
	return NumberA{secret}, nil
}

// ParseNumberB is like [ParseNumberA] for 14 digits. It returns [ErrNumberBFormat].
func ParseNumberB(input []byte) (NumberB, error) {
	secret, err := numberBRules.Parse(input)
	if err != nil {
		return NumberB{}, ErrNumberBFormat
	}
	return NumberB{secret}, nil
}

// ParseBirth is like [ParseNumberA] for 6 digits. It returns [ErrBirthFormat].
func ParseBirth(input []byte) (Birth, error) {
	secret, err := birthRules.Parse(input)
	if err != nil {
		return Birth{}, ErrBirthFormat
	}
	return Birth{secret}, nil
}

// Credential describes the number as a secret of one application: file is the short identifier of its
// elementary file, and attempts is how many wrong entries in a row lock it. Only packages of this
// module can use the result.
func (NumberA) Credential(file byte, attempts int) applet.Credential {
	return applet.Credential{Kind: credential.VerificationNumberA, File: file, Attempts: attempts, Rules: numberARules}
}

// Credential is like [NumberA.Credential].
func (NumberB) Credential(file byte, attempts int) applet.Credential {
	return applet.Credential{Kind: credential.VerificationNumberB, File: file, Attempts: attempts, Rules: numberBRules}
}

// Credential is like [NumberA.Credential].
func (Birth) Credential(file byte, attempts int) applet.Credential {
	return applet.Credential{Kind: credential.BirthDate, File: file, Attempts: attempts, Rules: birthRules}
}

// Secret returns the entry for this module's packages. Other modules can't read it.
func (n NumberA) Secret() applet.Secret { return n.secret }

// Secret is like [NumberA.Secret].
func (n NumberB) Secret() applet.Secret { return n.secret }

// Secret is like [NumberA.Secret].
func (b Birth) Secret() applet.Secret { return b.secret }

// Wipe wipes a number that will not be used. Wipe is idempotent.
func (n NumberA) Wipe() { n.secret.Wipe() }

// Wipe is like [NumberA.Wipe].
func (n NumberB) Wipe() { n.secret.Wipe() }

// Wipe is like [NumberA.Wipe].
func (b Birth) Wipe() { b.secret.Wipe() }

const (
	redactedNumberA = "[verification number A]"
	redactedNumberB = "[verification number B]"
	redactedBirth   = "[date of birth]"
)

// String returns a fixed text, and no digits.
func (n NumberA) String() string { return redactedNumberA }

// Format prints [NumberA.String] for every verb and flag.
func (n NumberA) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedNumberA) }

// MarshalText returns [NumberA.String]. JSON uses it too.
func (n NumberA) MarshalText() ([]byte, error) { return []byte(redactedNumberA), nil }

// LogValue implements slog.LogValuer.
func (n NumberA) LogValue() slog.Value { return slog.StringValue(redactedNumberA) }

// String returns a fixed text, and no digits.
func (n NumberB) String() string { return redactedNumberB }

// Format prints [NumberB.String] for every verb and flag.
func (n NumberB) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedNumberB) }

// MarshalText returns [NumberB.String]. JSON uses it too.
func (n NumberB) MarshalText() ([]byte, error) { return []byte(redactedNumberB), nil }

// LogValue implements slog.LogValuer.
func (n NumberB) LogValue() slog.Value { return slog.StringValue(redactedNumberB) }

// String returns a fixed text, and no digits.
func (b Birth) String() string { return redactedBirth }

// Format prints [Birth.String] for every verb and flag.
func (b Birth) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedBirth) }

// MarshalText returns [Birth.String]. JSON uses it too.
func (b Birth) MarshalText() ([]byte, error) { return []byte(redactedBirth), nil }

// LogValue implements slog.LogValuer.
func (b Birth) LogValue() slog.Value { return slog.StringValue(redactedBirth) }
