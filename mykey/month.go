package mykey

import (
	"encoding"
	"errors"
	"fmt"
	"time"
)

// ErrMonth reports text that is not a month.
var ErrMonth = errors.New("invalid month: want YYYY-MM")

// Month is a month in Japan's time zone, as in "2030-02". It is the only
// information about a certificate's expiry to store with an identifier. The zero
// Month means no month.
//
// Do not store the exact time. A certificate normally expires on its holder's fifth
// birthday after the date of issue. Whoever knows the day in two namespaces can link every
// holder whose day is unique, without a key. If cards are issued evenly over 5 years, this
// many holders have a unique day or month:
//
//	holders               unique day            unique month
//	100                         95%                   22.2%
//	1,000                       60%                    0.1%
//	10,000                       2%                    0.0%
//
// In a small group even the month can identify a holder.
type Month struct {
	year  int
	month time.Month
}

var (
	_ encoding.TextMarshaler   = Month{}
	_ encoding.TextUnmarshaler = (*Month)(nil)
)

// japan is Japan's time zone. Months begin and end in it.
var japan = time.FixedZone("JST", 9*60*60)

// lastYear is the last year that a certificate can express.
const lastYear = 9999

// MonthOf returns the month of t in Japan's time zone.
func MonthOf(t time.Time) Month {
	t = t.In(japan)
	if t.Year() > lastYear { // it is already the next year in Japan
		return Month{lastYear, time.December}
	}
	return Month{t.Year(), t.Month()}
}

// ParseMonth reads the format of [Month.String]. It returns [ErrMonth] otherwise.
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return Month{}, ErrMonth
	}
	return Month{t.Year(), t.Month()}, nil
}

// Year returns the year.
func (m Month) Year() int { return m.year }

// Month returns the month of the year.
func (m Month) Month() time.Month { return m.month }

// IsZero reports whether m is the zero Month.
func (m Month) IsZero() bool { return m == Month{} }

// Passed reports whether the month has ended in Japan at the time now. A
// certificate that expires in this month has then expired. During the month only
// the certificate itself shows whether it has expired.
func (m Month) Passed(now time.Time) bool {
	return !now.Before(time.Date(m.year, m.month+1, 1, 0, 0, 0, 0, japan))
}

// String returns the month as in "2030-02", or "" for the zero Month.
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", m.year, m.month)
}

// MarshalText returns [Month.String].
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText calls [ParseMonth]. Empty text is the zero Month.
func (m *Month) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = Month{}
		return nil
	}
	parsed, err := ParseMonth(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}
