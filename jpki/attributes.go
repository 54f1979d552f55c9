package jpki

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"log/slog"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mykeykit/mykeykit/internal/hidden"
)

var (
	// ErrNoAttributes reports that the certificate contains no attributes.
	ErrNoAttributes = errors.New("no attributes of the holder in this certificate")
	// ErrMalformedAttributes reports attributes in an unexpected format.
	ErrMalformedAttributes = errors.New("malformed attributes of the holder")
)

// Attributes are the four attributes of a signature certificate's holder (基本4情報): personal
// data, to be kept no longer than needed. Printing or encoding them, even in a field of
// another struct, shows nothing. The zero value is empty.
type Attributes struct{ held hidden.Value[attributes] }

type attributes struct {
	name, nameSubstitutes       string
	address, addressSubstitutes string
	birth                       Birth
	sex                         Sex
}

// Name returns the name, with U+3000 between family and given name.
func (a Attributes) Name() string { return a.held.Reveal().name }

// NameSubstitutes returns one digit for each character of the name: 1 if the character
// replaces one that the certificate can't represent.
func (a Attributes) NameSubstitutes() string { return a.held.Reveal().nameSubstitutes }

// Address returns the address.
func (a Attributes) Address() string { return a.held.Reveal().address }

// AddressSubstitutes is like [Attributes.NameSubstitutes], for the address.
func (a Attributes) AddressSubstitutes() string { return a.held.Reveal().addressSubstitutes }

// Birth returns the date of birth.
func (a Attributes) Birth() Birth { return a.held.Reveal().birth }

// Sex returns the sex, 0 for the zero value.
func (a Attributes) Sex() Sex { return a.held.Reveal().sex }

// Sex is the holder's sex, as in the certificate.
type Sex byte

// The known values. Others are possible.
const (
	Male   Sex = '1'
	Female Sex = '2'
)

// Era is the era (元号) of a date of birth.
type Era byte

// The eras, as in the certificate.
const (
	EraUnknown Era = '0'
	Meiji      Era = '1'
	Taisho     Era = '2'
	Showa      Era = '3'
	Heisei     Era = '4'
	Reiwa      Era = '5'
)

// Birth is a date of birth. It is personal data: printing a Birth does not show the date. A year,
// month or day of 0 is taken to be unknown (assumed: the format is not public).
type Birth struct{ held hidden.Value[birth] }

type birth struct {
	era              Era
	year, month, day int
}

// Era returns the era. For the zero Birth it returns 0, which is not [EraUnknown].
func (b Birth) Era() Era { return b.held.Reveal().era }

// Date returns the date of birth in the Gregorian calendar.
func (b Birth) Date() (year, month, day int) {
	date := b.held.Reveal()
	return date.year, date.month, date.day
}

// Each attribute is an otherName in the subject alternative name, RFC 5280 §4.2.1.6. Read
// from a test card; not in a public specification.
const (
	attributeName               = "1.2.392.200149.8.5.5.1"
	attributeNameSubstitutes    = "1.2.392.200149.8.5.5.2"
	attributeSex                = "1.2.392.200149.8.5.5.3"
	attributeBirth              = "1.2.392.200149.8.5.5.4"
	attributeAddress            = "1.2.392.200149.8.5.5.5"
	attributeAddressSubstitutes = "1.2.392.200149.8.5.5.6"
)

// maxAttribute bounds one attribute, in bytes. The longest addresses have about 400.
const maxAttribute = 4 << 10

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// ParseAttributes reads the holder's attributes from a signature certificate. It returns
// [ErrNoAttributes] if there are none, as in an authentication certificate, and
// [ErrMalformedAttributes] if one of the four is missing, repeated or malformed. No error
// quotes an attribute.
func ParseAttributes(certificate *x509.Certificate) (Attributes, error) {
	var names []byte
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(oidSubjectAltName) {
			names = extension.Value
		}
	}
	values, err := otherNames(names)
	switch {
	case err != nil:
		return Attributes{}, err
	case len(values) == 0:
		return Attributes{}, ErrNoAttributes
	}
	for _, needed := range []string{attributeName, attributeSex, attributeBirth, attributeAddress} {
		if values[needed] == "" {
			return Attributes{}, fmt.Errorf("%w: one is missing", ErrMalformedAttributes)
		}
	}
	birth, ok := parseBirth(values[attributeBirth])
	if !ok || len(values[attributeSex]) != 1 || !digits(values[attributeSex]) ||
		!digits(values[attributeNameSubstitutes]) || !digits(values[attributeAddressSubstitutes]) {
		return Attributes{}, ErrMalformedAttributes
	}
	return Attributes{hidden.New(attributes{
		name: values[attributeName], nameSubstitutes: values[attributeNameSubstitutes],
		address: values[attributeAddress], addressSubstitutes: values[attributeAddressSubstitutes],
		sex: Sex(values[attributeSex][0]), birth: birth,
	})}, nil
}

// otherNames returns the attributes among the otherNames, by object identifier. It ignores
// all other names.
func otherNames(extension []byte) (map[string]string, error) {
	if extension == nil {
		return nil, nil
	}
	der := cryptobyte.String(extension)
	var list cryptobyte.String
	if !der.ReadASN1(&list, tag.SEQUENCE) || !der.Empty() {
		return nil, ErrMalformedAttributes
	}
	explicit := tag.Tag(0).ContextSpecific().Constructed()
	values := map[string]string{}
	for !list.Empty() {
		var name, value cryptobyte.String
		var kind tag.Tag
		if !list.ReadAnyASN1(&name, &kind) {
			return nil, ErrMalformedAttributes
		}
		var id asn1.ObjectIdentifier
		switch {
		case kind != explicit:
			continue
		case !name.ReadASN1ObjectIdentifier(&id):
			return nil, ErrMalformedAttributes
		case !isAttribute(id.String()):
			continue
		case !name.ReadASN1(&value, explicit) || !name.Empty():
			return nil, ErrMalformedAttributes
		}
		var text cryptobyte.String
		_, double := values[id.String()]
		if double || !value.ReadASN1(&text, tag.UTF8String) || !value.Empty() || !plain(text) {
			return nil, ErrMalformedAttributes
		}
		values[id.String()] = string(text)
	}
	return values, nil
}

func isAttribute(id string) bool {
	switch id {
	case attributeName, attributeNameSubstitutes, attributeSex, attributeBirth, attributeAddress, attributeAddressSubstitutes:
		return true
	}
	return false
}

// plain reports whether a text has only characters that are safe to print.
func plain(text []byte) bool {
	if len(text) > maxAttribute || !utf8.Valid(text) {
		return false
	}
	for _, r := range string(text) {
		if !unicode.IsPrint(r) && r != '\u3000' {
			return false
		}
	}
	return true
}

func digits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// parseBirth parses an era's digit followed by YYYYMMDD.
func parseBirth(text string) (Birth, bool) {
	if len(text) != 9 || !digits(text) {
		return Birth{}, false
	}
	number := func(s string) (n int) {
		for _, c := range s {
			n = 10*n + int(c-'0')
		}
		return n
	}
	b := birth{era: Era(text[0]), year: number(text[1:5]), month: number(text[5:7]), day: number(text[7:9])}
	return Birth{hidden.New(b)}, b.era <= Reiwa && b.month <= 12 && b.day <= 31
}

const (
	redactedAttributes = "[attributes of the holder]"
	redactedBirth      = "[date of birth]"
)

// String returns "[attributes of the holder]".
func (a Attributes) String() string { return redactedAttributes }

// Format prints [Attributes.String] for every verb and flag.
func (a Attributes) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedAttributes) }

// MarshalText returns [Attributes.String]. JSON uses it too.
func (a Attributes) MarshalText() ([]byte, error) { return []byte(redactedAttributes), nil }

// LogValue implements slog.LogValuer.
func (a Attributes) LogValue() slog.Value { return slog.StringValue(redactedAttributes) }

// String returns "[date of birth]".
func (b Birth) String() string { return redactedBirth }

// Format prints [Birth.String] for every verb and flag.
func (b Birth) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedBirth) }

// MarshalText returns [Birth.String]. JSON uses it too.
func (b Birth) MarshalText() ([]byte, error) { return []byte(redactedBirth), nil }

// LogValue implements slog.LogValuer.
func (b Birth) LogValue() slog.Value { return slog.StringValue(redactedBirth) }
