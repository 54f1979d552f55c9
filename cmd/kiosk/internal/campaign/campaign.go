// Package campaign reads a campaign file: who runs it, for how long, what people get,
// and which cashless services they can choose.
//
// The file is TOML; cmd/kiosk/campaigns has examples. What it says is shown to
// residents, so everything is there in Japanese and in English.
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

// ErrCampaign: a file that is no campaign. The error says where and why.
var ErrCampaign = errors.New("not a campaign file")

// Text is said in both languages.
type Text struct {
	JA string `toml:"ja"`
	EN string `toml:"en"`
}

// In returns the text in a language.
func (t Text) In(l message.Language) string { return message.Text{JA: t.JA, EN: t.EN}.In(l) }

func (t Text) missing() bool {
	return strings.TrimSpace(t.JA) == "" || strings.TrimSpace(t.EN) == ""
}

// Campaign is what a terminal is for.
type Campaign struct {
	Name      Text   `toml:"name"`
	Operator  Text   `toml:"operator"`  // who runs it and answers questions
	Contact   Text   `toml:"contact"`   // how to reach them
	Kept      Text   `toml:"kept"`      // for how long, of what residents leave; may be left out
	Namespace string `toml:"namespace"` // of the identifiers
	// AskRenewed: who is not known yet is asked whether there is an identifier of an
	// earlier card, before another is made.
	AskRenewed bool `toml:"ask_renewed"`
	// Begins and Ends are days in Japan, both of the campaign.
	Begins   Day       `toml:"begins"`
	Ends     Day       `toml:"ends"`
	Benefits []Benefit `toml:"benefits"`
	Services []Service `toml:"services"`
}

// Benefit is what a person gets.
type Benefit struct {
	Name Text `toml:"name"`
	Rate int  `toml:"rate"` // percent; 0 for a fixed sum
	Cap  int  `toml:"cap"`  // yen
}

// Service is a cashless service that can be chosen.
type Service struct {
	ID    string `toml:"id"` // names it to the operator
	Name  Text   `toml:"name"`
	Where Text   `toml:"where"` // where a person finds ID and code
	// AccountID and Code are the forms that they have; a Code without a pattern is
	// not asked for.
	AccountID Form `toml:"account_id"`
	Code      Form `toml:"code"`
}

// Form is the form of something that is typed.
type Form struct {
	Label   Text   `toml:"label"`
	Pattern string `toml:"pattern"` // a regular expression of the whole
	Rule    Text   `toml:"rule"`    // the form in words; may be left out
	Example string `toml:"example"`

	expression *regexp.Regexp
}

// Asked tells whether there is something to type.
func (f Form) Asked() bool { return f.Pattern != "" }

var onlyDigits = regexp.MustCompile(`^\[0-9\]\{([0-9]+)\}$`)

// Says tells the form in words: the campaign's, or those for a number of digits. It is
// zero where neither is known.
func (f Form) Says() Text {
	if digits := onlyDigits.FindStringSubmatch(f.Pattern); digits != nil && f.Rule.missing() {
		return Text{JA: digits[1] + "けたの数字", EN: digits[1] + " digits"}
	}
	return f.Rule
}

// Day is a day in Japan. It is zero where a file has no day.
type Day struct{ time.Time }

// localDate is the location of TOML's own dates, written without quotes.
const localDate = "date-local"

// UnmarshalTOML reads "YYYY-MM-DD", with quotes or without. It never fails: anything
// else, a moment of a day too, leaves the Day zero, which Parse refuses with what to
// write.
func (d *Day) UnmarshalTOML(value any) error {
	text, _ := value.(string)
	if date, ok := value.(time.Time); ok && date.Location().String() == localDate {
		text = date.Format(time.DateOnly)
	}
	d.Time, _ = time.ParseInLocation(time.DateOnly, text, trust.Japan)
	return nil
}

// Open tells whether the campaign runs at a time.
func (c *Campaign) Open(now time.Time) bool {
	return !now.Before(c.Begins.Time) && !c.Ended(now)
}

// Ended tells whether the campaign is over at a time.
func (c *Campaign) Ended(now time.Time) bool { return !now.Before(c.Ends.AddDate(0, 0, 1)) }

// Service finds one by its ID.
func (c *Campaign) Service(id string) (Service, bool) {
	for _, s := range c.Services {
		if s.ID == id {
			return s, true
		}
	}
	return Service{}, false
}

// Parse reads a campaign. It fails with all [Problems] of the file, an [ErrCampaign].
func Parse(r io.Reader) (*Campaign, error) {
	var c Campaign
	meta, err := toml.NewDecoder(r).Decode(&c)
	if err != nil {
		return nil, Problems{unreadable(err)}
	}
	var problems Problems
	problems.unknown(meta.Undecoded())
	if problems = append(problems, c.check()...); problems != nil {
		return nil, problems
	}
	return &c, nil
}
