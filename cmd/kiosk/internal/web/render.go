package web

import (
	"bytes"
	_ "embed"
	"fmt"
	gohtml "html"
	"html/template"
	"strings"
	"time"

	"rsc.io/qr"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
)

//go:embed screens.html
var screens string

//go:embed counter.html
var counterScreens string

//go:embed parts.html
var parts string

//go:embed shell.html
var shellHTML string

var shell = template.Must(template.New("shell").Parse(shellHTML))

// shellData is what the shell of a page says.
type shellData struct{ Page, Title string }

// pages and checkPages are the screens of a terminal and of a counter in each language.
var (
	pages      = parse(screens)
	checkPages = parse(counterScreens)
)

type inLanguages map[message.Language]*template.Template

func parse(screens string) inLanguages {
	return inLanguages{message.Japanese: parseFor(message.Japanese, screens), message.English: parseFor(message.English, screens)}
}

func parseFor(l message.Language, screens string) *template.Template {
	return template.Must(template.New("screens").Funcs(template.FuncMap{
		// say returns one of the template's own texts, which may contain markup.
		"say": func(ja, en string) template.HTML { return template.HTML(message.Text{JA: ja, EN: en}.In(l)) },
		// in returns a text of a campaign or a message, without markup.
		"in":       func(t interface{ In(message.Language) string }) string { return t.In(l) },
		"lines":    func(t message.Text) []string { return paragraphs(t, l) },
		"read":     func(text string) template.HTML { return read(text, l) },
		"date":     func(t time.Time) string { return message.Date(t).In(l) },
		"month":    func(m mykey.Month) string { return message.Month(m).In(l) },
		"yen":      yen,
		"recovery": func() string { return recoveryMark },
		"account":  func() string { return accountMark },
		"spoken":   func(id mykey.ID) string { return spoken(id, l) },
		"qr":       qrCode,
		"digits":   func() []string { return strings.Split("123456789", "") },
		"steps":    steps,
		"keyboard": keyboardOf,
		"symbols":  symbols,
		"day":      func(d campaign.Day) string { return message.Date(d.In(trust.Japan)).In(l) },
		"printed":  counter.Fields,
		"field":    fieldOf, "digitsFor": digitsFor,
		"birth": birthText, "expiry": dayText, "sex": sexText,
		"issuer": func(i trust.Issuer) message.Text { return issuers[i] },
	}).Parse(parts + screens))
}

// render returns a view's HTML and its heading.
func render(v terminal.View) (html, title string, err error) {
	return execute(pages, v.Language, string(v.Screen), v)
}

// execute returns a screen's HTML and its heading.
func execute(pages inLanguages, l message.Language, screen string, view any) (html, title string, err error) {
	page := pages[l]
	if page == nil {
		page = pages[message.Japanese]
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, screen, view); err != nil {
		return "", "", err
	}
	html = b.String()
	if page == pages[message.Japanese] {
		html = keepWords(html)
	}
	if _, after, ok := strings.Cut(html, `tabindex="-1">`); ok {
		title, _, _ = strings.Cut(after, "</h1>")
	}
	return html, gohtml.UnescapeString(withoutMarkup(title)), nil
}

// paragraphs returns the sentences of a text. It joins lines that break in the middle of
// a sentence, since messages are wrapped for terminals.
func paragraphs(t message.Text, l message.Language) (list []string) {
	complete := true
	for line := range strings.SplitSeq(t.In(l), "\n") {
		switch {
		case complete:
			list = append(list, line)
		case l == message.Japanese:
			list[len(list)-1] += line
		default:
			list[len(list)-1] += " " + line
		}
		complete = strings.HasSuffix(line, "。") || strings.HasSuffix(line, ".") || strings.HasSuffix(line, "?")
	}
	return list
}

// withoutMarkup returns the text of a heading, without readings.
func withoutMarkup(html string) string {
	var b strings.Builder
	for skip, rest := false, html; rest != ""; {
		text, after, tag := strings.Cut(rest, "<")
		if !skip {
			b.WriteString(text)
		}
		if !tag {
			break
		}
		name, next, _ := strings.Cut(after, ">")
		skip = name == "rt"
		rest = next
	}
	return strings.TrimSpace(b.String())
}

// yen formats an amount with commas.
func yen(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// letters are the spoken forms of an identifier's symbols in Japanese.
var letters = map[rune]string{
	'0': "ゼロ", '1': "いち", '2': "に", '3': "さん", '4': "よん", '5': "ご", '6': "ろく", '7': "なな", '8': "はち", '9': "きゅう",
	'A': "エー", 'B': "ビー", 'C': "シー", 'D': "ディー", 'E': "イー", 'F': "エフ", 'G': "ジー", 'H': "エイチ", 'J': "ジェイ", 'K': "ケー",
	'M': "エム", 'N': "エヌ", 'P': "ピー", 'Q': "キュー", 'R': "アール", 'S': "エス", 'T': "ティー", 'V': "ブイ", 'W': "ダブリュー",
	'X': "エックス", 'Y': "ワイ", 'Z': "ゼット",
}

var digitWords = map[rune]string{
	'0': "zero", '1': "one", '2': "two", '3': "three", '4': "four", '5': "five", '6': "six", '7': "seven", '8': "eight", '9': "nine",
}

// spoken returns the spoken form of an identifier: symbol by symbol, with a pause in the
// middle.
func spoken(id mykey.ID, l message.Language) string {
	var parts []string
	for _, c := range id.String() {
		word := letters[c]
		if l != message.Japanese {
			if word = digitWords[c]; word == "" {
				word = string(c)
			}
		}
		parts = append(parts, word)
	}
	if len(parts) != 8 {
		return ""
	}
	separator, pause := "・", "、"
	if l != message.Japanese {
		separator, pause = " ", ", "
	}
	return strings.Join(parts[:4], separator) + pause + strings.Join(parts[4:], separator)
}

// qrCode returns a QR code of a text as SVG.
func qrCode(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	const quiet = 4 // modules of the quiet zone
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	size := code.Size + 2*quiet
	return template.HTML(fmt.Sprintf(`<svg class="qr" viewBox="0 0 %d %d" aria-hidden="true"><path d="%s"/></svg>`, size, size, path.String())), nil
}
