package mykey

import (
	"encoding"
	"errors"
	"fmt"
	"time"
)

// ErrMonth: a text that is no month.
var ErrMonth = errors.New("a month is a year and a month, as in 2030-02")

// Month is a month of Japan's calendar, as in "2030-02". It is the only information
// about a certificate's expiry that goes with an identifier. The zero Month is no month.
//
// The exact time is not for keeping. A certificate expires at its holder's fifth
// birthday after it was issued, so the day is a birthday, and who knows it in two
// namespaces can join them without a key, for every holder who is alone with it.
// Of holders whose cards were issued evenly over 5 years so many are:
//
//	holders       alone with the day    alone with the month
//	100                         95 %                  22.2 %
//	1,000                       60 %                   0.1 %
//	10,000                       2 %                   0.0 %
//
// Among few, a month tells holders apart, too.
type Month struct {
	year  int
	month time.Month
}

var (
	_ encoding.TextMarshaler   = Month{}
	_ encoding.TextUnmarshaler = (*Month)(nil)
)

// japan is Japan's time zone, in which months are counted.
var japan = time.FixedZone("JST", 9*60*60)

// lastYear is the last that a certificate can name.
const lastYear = 9999

// MonthOf returns the month of a time, in Japan.
func MonthOf(t time.Time) Month {
	t = t.In(japan)
	if t.Year() > lastYear { // in Japan it is the next already
		return Month{lastYear, time.December}
	}
	return Month{t.Year(), t.Month()}
}

// ParseMonth reads what [Month.String] wrote, or fails with [ErrMonth].
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

// Passed reports whether the month is over in Japan, so that whatever expires in it
// has expired. In the month itself only the certificate tells.
func (m Month) Passed(now time.Time) bool {
	return !now.Before(time.Date(m.year, m.month+1, 1, 0, 0, 0, 0, japan))
}

// String returns the form "2030-02", or nothing for the zero Month.
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", m.year, m.month)
}

// MarshalText writes [Month.String].
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is [ParseMonth]. An empty text is the zero Month.
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
