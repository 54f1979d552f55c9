package simulator

import (
	_ "embed" // for the persona's pictures
	"fmt"
	"time"
)

// NumberB is verification number B (照合番号B) of the default persona's card, and Birth is the date of
// birth as printed on it.
const (
	NumberB = "60040120355678"
	Birth   = "600401"
)

// Persona is the synthetic person whose data the text and visual applications of a simulated card
// contain. Use invented people only.
type Persona struct {
	Name, Address string // U+3000 is between family and given name
	Birth         string // YYYYMMDD
	Sex           byte   // '1' male, '2' female, '9' not applicable
	// BirthAsPrinted is the date of birth with the year of the era, YYMMDD, as verification number
	// B has it.
	BirthAsPrinted string
	Expiry         string // of the card, YYYYMMDD
	SecurityCode   string // 4 digits
	// MyNumber is the individual number, 12 digits. That of the default persona has a wrong check
	// digit, so that it belongs to nobody.
	MyNumber string

	// The pictures. The photograph is in JPEG 2000; the others are PNG.
	Photo, NamePicture, AddressPicture, SecurityCodePicture, MyNumberPicture []byte
}

// NumberA returns verification number A (照合番号A) of the persona's card.
func (p Persona) NumberA() string { return p.MyNumber }

// NumberB returns verification number B (照合番号B) of the persona's card.
func (p Persona) NumberB() string { return p.BirthAsPrinted + p.Expiry[:4] + p.SecurityCode }

// Pictures of the default persona, drawn for this package.
var (
	//go:embed persona/photo.jp2
	photo []byte
	//go:embed persona/name.png
	namePicture []byte
	//go:embed persona/address.png
	addressPicture []byte
	//go:embed persona/code.png
	codePicture []byte
	//go:embed persona/number.png
	numberPicture []byte
)

// DefaultPersona returns the persona of cards without [WithPersona].
func DefaultPersona() Persona {
	return Persona{
		Name: "見本\u3000花子", Address: "架空県見本市例示町１－２－３", Birth: "19850401", Sex: '2', BirthAsPrinted: "600401",
		Expiry: "20350401", SecurityCode: "5678", MyNumber: "012345678901",
		Photo: photo, NamePicture: namePicture, AddressPicture: addressPicture, SecurityCodePicture: codePicture, MyNumberPicture: numberPicture,
	}
}

// WithPersona sets whose data the text and visual applications contain. NewCard returns an error if a
// date or a number has the wrong length or contains anything but digits.
func WithPersona(p Persona) Option { return func(s *settings) { s.persona = p } }

func (p Persona) check() error {
	for _, part := range []struct {
		name, text string
		length     int
	}{
		{"date of birth", p.Birth, 8}, {"date of birth as printed", p.BirthAsPrinted, 6}, {"expiry", p.Expiry, 8},
		{"security code", p.SecurityCode, 4}, {"individual number", p.MyNumber, 12},
	} {
		if len(part.text) != part.length {
			return fmt.Errorf("persona: the %s must have %d digits", part.name, part.length)
		}
		for _, c := range part.text {
			if c < '0' || c > '9' {
				return fmt.Errorf("persona: the %s must have digits only", part.name)
			}
		}
	}
	if _, err := time.Parse("20060102", p.Expiry); err != nil {
		return fmt.Errorf("persona: the expiry is not a date")
	}
	return nil
}
