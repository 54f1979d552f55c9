package counter

import (
	"bytes"

	"github.com/mykeykit/mykeykit/jpki/verification"
)

// Field names a field of the form for verification number B.
type Field string

// The fields, in the order of the number.
const (
	Year   Field = "year"   // of birth, as printed: of the Japanese era
	Month  Field = "month"  // of birth
	Day    Field = "day"    // of birth
	Expiry Field = "expiry" // year
	Code   Field = "code"   // security code
)

// fields are the fields with their digits and their largest value.
var fields = []struct {
	name           Field
	shortest, size int
	largest        int
}{
	{Year, 1, 2, 99}, {Month, 1, 2, 12}, {Day, 1, 2, 31}, {Expiry, 4, 4, 9999}, {Code, 4, 4, 9999},
}

// Fields returns the fields in the order of the number.
func Fields() (names []Field) {
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// Entry is what a clerk typed: a number, or the fields that can't be right.
type Entry struct {
	Number verification.NumberB
	Wrong  []Field
}

// ParseEntry parses the typed fields. It normalizes full-width digits, and adds leading zeros to the date
// of birth. A month above 12 or a day above 31 is wrong; 0 is not, since a card may have an incomplete date
// of birth. The caller wipes the fields.
func ParseEntry(typed [][]byte) (e Entry) {
	number := make([]byte, 0, 14)
	defer func() { clear(number) }()
	for i, field := range fields {
		var text []byte
		if i < len(typed) {
			text = typed[i]
		}
		var digits [4]byte
		n, value := digitsOf(text, &digits)
		if n < field.shortest || n > field.size || value > field.largest {
			e.Wrong = append(e.Wrong, field.name)
			continue
		}
		number = append(number, "00"[:field.size-n]...)
		number = append(number, digits[:n]...)
		clear(digits[:])
	}
	if len(e.Wrong) == 0 {
		e.Number, _ = verification.ParseNumberB(number) // of 14 digits
	}
	return e
}

// digitsOf writes the digits of a text, also of a full-width one, and returns their number and value. It
// ignores spaces around them. The number is 0 if there is anything else, or more than fits.
func digitsOf(text []byte, digits *[4]byte) (n, value int) {
	for _, r := range string(bytes.Trim(text, " \u3000")) {
		if r >= '０' && r <= '９' {
			r += '0' - '０'
		}
		if r < '0' || r > '9' || n == len(digits) {
			return 0, 0
		}
		digits[n] = byte(r)
		value = 10*value + int(r-'0')
		n++
	}
	return n, value
}
