package text

import (
	"bytes"
	"fmt"
	"log/slog"
	"unicode"
	"unicode/utf8"

	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/record"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Attributes are the holder's attributes (基本4情報), whose signature was verified: personal data, to
// be kept no longer than needed. Printing or encoding them shows nothing. The zero value is empty.
type Attributes struct{ held hidden.Value[*attributes] }

type attributes struct {
	name, address, birth string
	sex                  jpki.Sex
	issuer               trust.Issuer
}

func newAttributes(a attributes) *Attributes { return &Attributes{hidden.New(&a)} }

func (a *Attributes) reveal() attributes {
	if a == nil || a.held.Reveal() == nil {
		return attributes{issuer: trust.IssuerUnknown}
	}
	return *a.held.Reveal()
}

// Name returns the name, with U+3000 between family and given name.
func (a *Attributes) Name() string { return a.reveal().name }

// Address returns the address as of the last time that the card was updated.
func (a *Attributes) Address() string { return a.reveal().address }

// Birth returns the date of birth as 8 digits, YYYYMMDD. Cards presumably write zeros for unknown
// parts.
func (a *Attributes) Birth() string { return a.reveal().birth }

// Sex returns the sex, 0 for the zero value.
func (a *Attributes) Sex() jpki.Sex { return a.reveal().sex }

// Issuer reports who issued the CV certificate of the key that signed the attributes:
// [trust.IssuerCaller] for an authority that the caller listed, or [trust.IssuerSimulator]. It is
// [trust.IssuerUnknown] if the policy has no key of that authority: then nothing shows that J-LIS
// issued the data.
func (a *Attributes) Issuer() trust.Issuer { return a.reveal().issuer }

// Tags of the attributes.
const (
	tagAttributes = 0xFF20
	tagOffsets    = 0xDF21
	tagName       = 0xDF22
	tagAddress    = 0xDF23
	tagBirth      = 0xDF24
	tagSex        = 0xDF25
)

// maxText bounds the name and the address, in bytes.
const maxText = 4 << 10

// parseAttributes reads the file with the attributes. It also returns the bytes that are signed:
// those after the table of offsets, which this package does not need.
func parseAttributes(file []byte) (a attributes, signed []byte, err error) {
	r, err := record.Parse(file, tagAttributes)
	if err != nil {
		return attributes{}, nil, err
	}
	values, err := r.Values(tagName, tagAddress, tagBirth, tagSex)
	if err != nil {
		return attributes{}, nil, err
	}
	name, address, birth, sex := values[0], values[1], values[2], values[3]
	if !isText(name) || !isText(address) || len(birth) != 8 || !isDigits(birth) || len(sex) != 1 || !isDigits(sex) {
		return attributes{}, nil, ErrMalformed
	}
	signed, err = r.AfterFirst(tagOffsets)
	return attributes{name: string(name), address: string(address), birth: string(birth), sex: jpki.Sex(sex[0])}, signed, err
}

// isText reports whether a text has only characters that are safe to print.
func isText(text []byte) bool {
	if len(text) > maxText || !utf8.Valid(text) {
		return false
	}
	for _, r := range string(text) {
		if !unicode.IsPrint(r) && r != '\u3000' {
			return false
		}
	}
	return true
}

func isDigits(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// MyNumber is the individual number (個人番号), whose signature was verified. The Number Act limits its
// use: see the package comment. Printing or encoding it shows nothing. The zero value is empty.
type MyNumber struct{ held hidden.Value[*myNumber] }

type myNumber struct {
	digits string
	issuer trust.Issuer
}

func newMyNumber(digits string, issuer trust.Issuer) *MyNumber {
	return &MyNumber{hidden.New(&myNumber{digits, issuer})}
}

// Reveal returns the 12 digits.
func (n *MyNumber) Reveal() string {
	if n == nil || n.held.Reveal() == nil {
		return ""
	}
	return n.held.Reveal().digits
}

// Issuer is like [Attributes.Issuer].
func (n *MyNumber) Issuer() trust.Issuer {
	if n == nil || n.held.Reveal() == nil {
		return trust.IssuerUnknown
	}
	return n.held.Reveal().issuer
}

// tagNumber is the tag of the individual number.
const tagNumber = 0xFF10

// numberDigits is the length of an individual number.
const numberDigits = 12

// parseNumber reads the file with the individual number.
func parseNumber(file []byte) (string, error) {
	header := []byte{tagNumber >> 8, tagNumber & 0xFF, numberDigits}
	if len(file) != numberLength || !bytes.HasPrefix(file, header) {
		return "", ErrMalformed
	}
	digits := file[len(header):][:numberDigits]
	if !isDigits(digits) {
		return "", ErrMalformed
	}
	return string(digits), nil
}

// pinRules are the rules of the application's PIN.
var pinRules = applet.Rules{Min: 4, Max: 4}

// ErrPINFormat reports an entry that is not 4 digits. Nothing was sent. It wraps
// [credential.ErrFormat].
var ErrPINFormat = fmt.Errorf("%w: the text application's PIN is 4 digits", credential.ErrFormat)

// PIN is the PIN of the text application (券面事項入力補助用の暗証番号): 4 digits, often the same as the
// authentication PIN. Three wrong entries in a row lock it. A PIN can be sent once; after that, its
// copies can't be sent either. It can't be printed, compared or read back. The zero PIN counts as
// used.
type PIN struct{ secret applet.Secret }

// ParsePIN parses typed input. It normalizes full-width digits (NFKC) and returns [ErrPINFormat]
// for anything but 4 digits. The caller has to wipe the input.
func ParsePIN(input []byte) (PIN, error) {
	secret, err := pinRules.Parse(input)
	if err != nil {
		return PIN{}, ErrPINFormat
	}
	return PIN{secret}, nil
}

// Wipe wipes a PIN that will not be used. Wipe is idempotent.
func (p PIN) Wipe() { p.secret.Wipe() }

const (
	redactedPIN        = "[text PIN]"
	redactedAttributes = "[attributes of the holder]"
	redactedNumber     = "[individual number]"
	redactedSecret     = "[secret of the text application]"
)

// String returns a fixed text without any of the content.
func (p PIN) String() string { return redactedPIN }

// Format prints [PIN.String] for every verb and flag.
func (p PIN) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedPIN) }

// MarshalText returns [PIN.String]. JSON uses it too.
func (p PIN) MarshalText() ([]byte, error) { return []byte(redactedPIN), nil }

// LogValue implements slog.LogValuer.
func (p PIN) LogValue() slog.Value { return slog.StringValue(redactedPIN) }

// String returns a fixed text without any of the content.
func (s Secret) String() string { return redactedSecret }

// Format prints [Secret.String] for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedSecret) }

// MarshalText returns [Secret.String]. JSON uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redactedSecret), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redactedSecret) }

// String returns a fixed text without any of the content.
func (a Attributes) String() string { return redactedAttributes }

// Format prints [Attributes.String] for every verb and flag.
func (a Attributes) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedAttributes) }

// MarshalText returns [Attributes.String]. JSON uses it too.
func (a Attributes) MarshalText() ([]byte, error) { return []byte(redactedAttributes), nil }

// LogValue implements slog.LogValuer.
func (a Attributes) LogValue() slog.Value { return slog.StringValue(redactedAttributes) }

// String returns a fixed text without any of the content.
func (n MyNumber) String() string { return redactedNumber }

// Format prints [MyNumber.String] for every verb and flag.
func (n MyNumber) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedNumber) }

// MarshalText returns [MyNumber.String]. JSON uses it too.
func (n MyNumber) MarshalText() ([]byte, error) { return []byte(redactedNumber), nil }

// LogValue implements slog.LogValuer.
func (n MyNumber) LogValue() slog.Value { return slog.StringValue(redactedNumber) }
