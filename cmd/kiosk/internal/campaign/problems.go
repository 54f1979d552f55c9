package campaign

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Problem is what keeps a file from being a campaign's.
type Problem struct {
	Where string       // the entry, or the line
	What  message.Text // what it should be
	Why   string       // a parser's words, or ""
}

// Problems are all problems of a file.
type Problems []Problem

// Error names each entry, and says in English what it should be.
func (p Problems) Error() string {
	var list []string
	for _, problem := range p {
		text := problem.Where + ": " + problem.What.EN
		if problem.Why != "" {
			text += " (" + problem.Why + ")"
		}
		list = append(list, text)
	}
	return ErrCampaign.Error() + ": " + strings.Join(list, "; ")
}

// Unwrap returns [ErrCampaign].
func (p Problems) Unwrap() error { return ErrCampaign }

func (p *Problems) add(where, ja, en string) {
	*p = append(*p, Problem{Where: where, What: message.Text{JA: ja, EN: en}})
}

// ofKind is what the parser says of a value of another kind: it has no error for it that
// names the place.
var ofKind = regexp.MustCompile(`(?s)^line (\d+) \(last key "(.*?)"\): (.*)$`)

// unreadable is the problem of a file that is not TOML, or has a value of another
// kind than asked for.
func unreadable(err error) Problem {
	where, reason := "TOML", strings.TrimPrefix(err.Error(), "toml: ")
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		where, reason = fmt.Sprintf("line %d", syntax.Position.Line), syntax.Message
		if syntax.LastKey != "" {
			where += " (" + syntax.LastKey + ")"
		}
	} else if found := ofKind.FindStringSubmatch(reason); found != nil {
		where, reason = fmt.Sprintf("line %s (%s)", found[1], found[2]), found[3]
	}
	return Problem{where, message.Text{JA: "TOMLの書き方か、値の種類に誤りがあります", EN: "the TOML, or the kind of value, is wrong"}, termtext.Printable(reason)}
}

// unknown adds the entries that no campaign has.
func (p *Problems) unknown(keys []toml.Key) {
	told := "\x00"
	for _, key := range keys {
		if strings.HasPrefix(key.String(), told) {
			continue // is in one that was told
		}
		told = key.String() + "."
		p.add(termtext.Printable(key.String()), "この項目はありません。つづりを確かめてください", "there is no such entry; check its spelling")
	}
}

// inBoth adds a text that is not there in both languages.
func (p *Problems) inBoth(where string, texts ...Text) {
	for _, t := range texts {
		if t.missing() {
			p.add(where, "日本語（ja）と英語（en）の両方を書いてください", "write it in both languages, ja and en")
		}
	}
}

var serviceID = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// check finds what is wrong with a file that could be read, and makes its forms
// usable.
func (c *Campaign) check() (p Problems) {
	p.inBoth("name", c.Name)
	p.inBoth("operator", c.Operator)
	p.inBoth("contact", c.Contact)
	if c.Kept != (Text{}) {
		p.inBoth("kept", c.Kept)
	}
	if !isNamespace(c.Namespace) {
		p.add("namespace", "IDを使う範囲の名前を1〜255バイトで書いてください。例: points.example", "write the name of the identifiers' namespace, 1 to 255 bytes, as points.example")
	}
	p.day("begins", c.Begins)
	p.day("ends", c.Ends)
	if !c.Begins.IsZero() && !c.Ends.IsZero() && c.Ends.Before(c.Begins.Time) {
		p.add("ends", "begins と同じ日か、その後の日にしてください", "it is a day before begins")
	}
	for i, b := range c.Benefits {
		where := fmt.Sprintf("benefits[%d]", i+1)
		p.inBoth(where+".name", b.Name)
		if b.Rate < 0 || b.Rate > 100 {
			p.add(where+".rate", "0〜100（パーセント）で書いてください", "write 0 to 100, in percent")
		}
		if b.Cap <= 0 {
			p.add(where+".cap", "上限の金額（円）を1以上で書いてください", "write the most that is paid, in yen: 1 or more")
		}
	}
	if len(c.Services) == 0 {
		p.add("services", "選べるサービスを1つ以上書いてください", "write at least one service that can be chosen")
	}
	seen := map[string]bool{}
	for i := range c.Services {
		p.service(fmt.Sprintf("services[%d]", i+1), &c.Services[i], seen)
	}
	return p
}

func (p *Problems) day(where string, d Day) {
	if d.IsZero() {
		p.add(where, `日付を "2026-04-01" の形で書いてください`, `write a day, as "2026-04-01"`)
	}
}

func (p *Problems) service(where string, s *Service, seen map[string]bool) {
	switch {
	case !serviceID.MatchString(s.ID):
		p.add(where+".id", "英小文字、数字、ハイフンの1〜64文字で書いてください", "write 1 to 64 of a-z, 0-9 and hyphens")
	case seen[s.ID]:
		p.add(where+".id", "ほかのサービスと同じです。別のものにしてください", "another service has it; write a different one")
	}
	seen[s.ID] = true
	p.inBoth(where+".name", s.Name)
	p.inBoth(where+".where", s.Where)
	if !s.AccountID.Asked() {
		p.add(where+".account_id.pattern", `番号の形を正規表現で書いてください。例: "[0-9]{10}"`, `write the form of the number as a regular expression, as "[0-9]{10}"`)
	}
	p.form(where+".account_id", &s.AccountID)
	p.form(where+".code", &s.Code)
}

// form finds what is wrong with a form, and compiles its pattern.
func (p *Problems) form(where string, f *Form) {
	if !f.Asked() {
		return
	}
	p.inBoth(where+".label", f.Label)
	var err error
	if f.expression, err = regexp.Compile(`^(?:` + f.Pattern + `)$`); err != nil {
		p.add(where+".pattern", "正規表現になっていません", "it is no regular expression")
		(*p)[len(*p)-1].Why = termtext.Printable(err.Error())
		return
	}
	if _, ok := f.Parse([]byte(f.Example)); !ok {
		p.add(where+".example", "pattern に合う例を書いてください", "write an example that matches the pattern")
	}
}

func isNamespace(name string) bool {
	key, err := mykey.GenerateKey(rand.Reader) // any: only the name is asked for
	if err != nil {
		return false
	}
	_, err = mykey.NewNamespace(name, key)
	return err == nil
}
