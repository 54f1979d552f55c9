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

// Problem is a mistake in a campaign file.
type Problem struct {
	Where string       // the entry or the line
	What  message.Text // how to correct it
	Why   string       // the parser's error, or ""
}

// Problems are all mistakes in a campaign file.
type Problems []Problem

// Error names each entry and says in English how to correct it.
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

// wrongType matches the parser's error for a value of the wrong type. The parser has no
// error type for that.
var wrongType = regexp.MustCompile(`(?s)^line (\d+) \(last key "(.*?)"\): (.*)$`)

// parseProblem returns the problem for a file that is not valid TOML or has a value of the
// wrong type.
func parseProblem(err error) Problem {
	where, reason := "TOML", strings.TrimPrefix(err.Error(), "toml: ")
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		where, reason = fmt.Sprintf("line %d", syntax.Position.Line), syntax.Message
		if syntax.LastKey != "" {
			where += " (" + syntax.LastKey + ")"
		}
	} else if found := wrongType.FindStringSubmatch(reason); found != nil {
		where, reason = fmt.Sprintf("line %s (%s)", found[1], found[2]), found[3]
	}
	return Problem{where, message.Text{JA: "TOMLの書式か、値の種類に誤りがあります", EN: "invalid TOML, or a value of the wrong type"}, termtext.Printable(reason)}
}

// unknown adds the entries that campaign files don't have.
func (p *Problems) unknown(keys []toml.Key) {
	reported := "\x00"
	for _, key := range keys {
		if strings.HasPrefix(key.String(), reported) {
			continue // a part of an entry that was reported
		}
		reported = key.String() + "."
		p.add(termtext.Printable(key.String()), "この名前の項目はありません。つづりを確かめてください", "unknown entry; check the spelling")
	}
}

// inBoth adds texts that are missing in a language.
func (p *Problems) inBoth(where string, texts ...Text) {
	for _, t := range texts {
		if t.missing() {
			p.add(where, "日本語（ja）と英語（en）の両方を書いてください", "write it in both languages (ja and en)")
		}
	}
}

var serviceID = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// check finds the problems of a parsed file and compiles the patterns of its forms.
func (c *Campaign) check() (p Problems) {
	p.inBoth("name", c.Name)
	p.inBoth("operator", c.Operator)
	p.inBoth("contact", c.Contact)
	if c.Kept != (Text{}) {
		p.inBoth("kept", c.Kept)
	}
	if !isNamespace(c.Namespace) {
		p.add("namespace", "IDを使う範囲の名前を1〜255バイトで書いてください。例: points.example", "write the namespace of the identifiers in 1 to 255 bytes, for example points.example")
	}
	p.day("begins", c.Begins)
	p.day("ends", c.Ends)
	if !c.Begins.IsZero() && !c.Ends.IsZero() && c.Ends.Before(c.Begins.Time) {
		p.add("ends", "begins と同じ日か、その後の日にしてください", "must not be before begins")
	}
	for i, b := range c.Benefits {
		where := fmt.Sprintf("benefits[%d]", i+1)
		p.inBoth(where+".name", b.Name)
		if b.Rate < 0 || b.Rate > 100 {
			p.add(where+".rate", "0〜100（パーセント）で書いてください", "write 0 to 100 (percent)")
		}
		if b.Cap <= 0 {
			p.add(where+".cap", "上限の金額（円）を1以上で書いてください", "write the maximum amount in yen, 1 or more")
		}
	}
	if len(c.Services) == 0 {
		p.add("services", "選べるサービスを1つ以上書いてください", "write at least one service")
	}
	ids := map[string]bool{}
	for i := range c.Services {
		p.service(fmt.Sprintf("services[%d]", i+1), &c.Services[i], ids)
	}
	return p
}

func (p *Problems) day(where string, d Day) {
	if d.IsZero() {
		p.add(where, `日付を "2026-04-01" の形式で書いてください`, `write a date such as "2026-04-01"`)
	}
}

func (p *Problems) service(where string, s *Service, ids map[string]bool) {
	switch {
	case !serviceID.MatchString(s.ID):
		p.add(where+".id", "英小文字、数字、ハイフンの1〜64文字で書いてください", "use 1 to 64 characters of a-z, 0-9 and hyphen")
	case ids[s.ID]:
		p.add(where+".id", "ほかのサービスと同じIDです。別のIDにしてください", "another service has this id; use a different one")
	}
	ids[s.ID] = true
	p.inBoth(where+".name", s.Name)
	p.inBoth(where+".where", s.Where)
	if !s.AccountID.Asked() {
		p.add(where+".account_id.pattern", `番号の形式を正規表現で書いてください。例: "[0-9]{10}"`, `write a regular expression for the number, for example "[0-9]{10}"`)
	}
	p.form(where+".account_id", &s.AccountID)
	p.form(where+".code", &s.Code)
}

// form finds the problems of a form and compiles its pattern.
func (p *Problems) form(where string, f *Form) {
	if !f.Asked() {
		return
	}
	p.inBoth(where+".label", f.Label)
	var err error
	if f.expression, err = regexp.Compile(`^(?:` + f.Pattern + `)$`); err != nil {
		p.add(where+".pattern", "正規表現として正しくありません", "not a valid regular expression")
		(*p)[len(*p)-1].Why = termtext.Printable(err.Error())
		return
	}
	if _, ok := f.Parse([]byte(f.Example)); !ok {
		p.add(where+".example", "pattern に一致する例を書いてください", "write an example that matches the pattern")
	}
}

func isNamespace(name string) bool {
	key, err := mykey.GenerateKey(rand.Reader) // any key: only the name is checked
	if err != nil {
		return false
	}
	_, err = mykey.NewNamespace(name, key)
	return err == nil
}
