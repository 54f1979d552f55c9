// Package campaign reads campaign files. A campaign file describes the operator, the
// period, the benefits and the cashless services of a campaign.
//
// The format is TOML; cmd/kiosk/campaigns has examples. Residents see the texts, so each
// is given in Japanese and English.
package campaign

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// ErrCampaign reports an invalid campaign file. The error says where and why.
var ErrCampaign = errors.New("not a campaign file")

// Text is a text in both languages.
type Text struct {
	JA string `toml:"ja"`
	EN string `toml:"en"`
}

// In returns the text in a language.
func (t Text) In(l message.Language) string { return message.Text{JA: t.JA, EN: t.EN}.In(l) }

func (t Text) missing() bool {
	return strings.TrimSpace(t.JA) == "" || strings.TrimSpace(t.EN) == ""
}

// Campaign is the content of a campaign file.
type Campaign struct {
	Name      Text   `toml:"name"`
	Operator  Text   `toml:"operator"`  // who runs the campaign and answers questions
	Contact   Text   `toml:"contact"`   // how to contact the operator
	Kept      Text   `toml:"kept"`      // how long data is stored; optional
	Namespace string `toml:"namespace"` // of the identifiers
	// AskRenewed makes the terminal ask unknown holders for an identifier of an earlier
	// card before it makes a new one.
	AskRenewed bool `toml:"ask_renewed"`
	// Begins and Ends are the first and the last day of the campaign, in Japan.
	Begins   Day       `toml:"begins"`
	Ends     Day       `toml:"ends"`
	Benefits []Benefit `toml:"benefits"`
	Services []Service `toml:"services"`
}

// Benefit is a benefit for applicants.
type Benefit struct {
	Name Text `toml:"name"`
	Rate int  `toml:"rate"` // percent; 0 for a fixed amount
	Cap  int  `toml:"cap"`  // maximum, in yen
}

// Service is a cashless service that residents can choose.
type Service struct {
	ID    string `toml:"id"` // identifies the service to the operator
	Name  Text   `toml:"name"`
	Where Text   `toml:"where"` // where residents find the ID and the code
	// AccountID and Code describe the two fields. A Code without a pattern is not asked
	// for.
	AccountID Form `toml:"account_id"`
	Code      Form `toml:"code"`
}

// Form describes an input field.
type Form struct {
	Label   Text   `toml:"label"`
	Pattern string `toml:"pattern"` // a regular expression for the whole input
	Rule    Text   `toml:"rule"`    // the pattern in words; optional
	Example string `toml:"example"`

	expression *regexp.Regexp
}

// Asked reports whether the field is asked for.
func (f Form) Asked() bool { return f.Pattern != "" }

var onlyDigits = regexp.MustCompile(`^\[0-9\]\{([0-9]+)\}$`)

// Description returns the pattern in words: the campaign's rule, or a text for a fixed
// number of digits. It returns the zero Text if there is neither.
func (f Form) Description() Text {
	if digits := onlyDigits.FindStringSubmatch(f.Pattern); digits != nil && f.Rule.missing() {
		return Text{JA: digits[1] + "けたの数字", EN: digits[1] + " digits"}
	}
	return f.Rule
}

// Day is a day in Japan. The zero value means that the file has no valid day.
type Day struct{ time.Time }

// localDate is the location of TOML dates, which have no quotes.
const localDate = "date-local"

// UnmarshalTOML reads "YYYY-MM-DD", with or without quotes. It never returns an error:
// any other value, including a time of day, gives a zero Day, which Parse rejects.
func (d *Day) UnmarshalTOML(value any) error {
	text, _ := value.(string)
	if date, ok := value.(time.Time); ok && date.Location().String() == localDate {
		text = date.Format(time.DateOnly)
	}
	d.Time, _ = time.ParseInLocation(time.DateOnly, text, trust.Japan)
	return nil
}

// Open reports whether the campaign accepts applications at a time.
func (c *Campaign) Open(now time.Time) bool {
	return !now.Before(c.Begins.Time) && !c.Ended(now)
}

// Ended reports whether the campaign has ended at a time.
func (c *Campaign) Ended(now time.Time) bool { return !now.Before(c.Ends.AddDate(0, 0, 1)) }

// Service returns the service with an ID.
func (c *Campaign) Service(id string) (Service, bool) {
	for _, s := range c.Services {
		if s.ID == id {
			return s, true
		}
	}
	return Service{}, false
}

// Parse reads a campaign file. If the file is invalid, it returns all its [Problems].
func Parse(r io.Reader) (*Campaign, error) {
	var c Campaign
	meta, err := toml.NewDecoder(r).Decode(&c)
	if err != nil {
		return nil, Problems{parseProblem(err)}
	}
	var problems Problems
	problems.unknown(meta.Undecoded())
	if problems = append(problems, c.check()...); problems != nil {
		return nil, problems
	}
	return &c, nil
}
