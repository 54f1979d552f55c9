package web

import (
	"encoding/json"
	gohtml "html"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

// Identifiers are spelled out in both languages.
func TestSpoken(t *testing.T) {
	assert.Equal(t, "ジェイ・ケー・ディー・ゼロ、に・きゅう・イー・よん", spoken("JKD029E4", message.Japanese))
	assert.Equal(t, "J K D zero, two nine E four", spoken("JKD029E4", message.English))
	assert.Empty(t, spoken("", message.Japanese))
	for _, c := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" { // every symbol of an identifier
		id := mykey.ID(strings.Repeat(string(c), 8))
		assert.NotContains(t, spoken(id, message.Japanese), "・・")
		assert.Len(t, strings.FieldsFunc(spoken(id, message.Japanese), func(r rune) bool { return r == '・' || r == '、' }), 8)
	}
}

// Readings are added in Japanese only, and the text is escaped.
func TestReadings(t *testing.T) {
	assert.EqualValues(t, "<ruby>暗証<rt>あんしょう</rt></ruby><ruby>番号<rt>ばんごう</rt></ruby>です", read("暗証番号です", message.Japanese))
	assert.EqualValues(t, "&lt;b&gt;<ruby>窓<rt>まど</rt></ruby><ruby>口<rt>ぐち</rt></ruby>", read("<b>窓口", message.Japanese))
	assert.EqualValues(t, "暗証番号", read("暗証番号", message.English))
	assert.EqualValues(t, "<ruby>手<rt>て</rt></ruby><ruby>続<rt>つづ</rt></ruby>き", read("手続き", message.Japanese))
}

// Readings, also those in the templates, are given for kanji only.
//
// Faults: F121.
func TestNoReadingOverKana(t *testing.T) {
	bases := regexp.MustCompile(`(?:<ruby>|</rt>)([^<]+)<rt>([^<]*)</rt>`)
	found := bases.FindAllStringSubmatch(screens, -1)
	for _, word := range readings {
		found = append(found, bases.FindAllStringSubmatch(string(read(reading.ReplaceAllString(word, "$1"), message.Japanese)), -1)...)
	}
	assert.Greater(t, len(found), 100)
	kana := func(r rune) bool { return unicode.In(r, unicode.Hiragana, unicode.Katakana) }
	for _, m := range found {
		assert.False(t, strings.ContainsFunc(m[1], kana), m[0])
		assert.False(t, strings.ContainsFunc(m[2], func(r rune) bool { return !unicode.In(r, unicode.Hiragana) }), m[0])
	}
}

// A word with a reading stays on one line with the kana that follow it.
//
// Faults: F121.
func TestWordsWithReadingsStayTogether(t *testing.T) {
	for in, want := range map[string]string{
		"入っていません。": `<span class="word"><ruby>入<rt>はい</rt></ruby>っていません。</span>`,
		"暗証番号が違います": `<span class="word"><ruby>暗証<rt>あんしょう</rt></ruby><ruby>番号<rt>ばんごう</rt></ruby>が</span>` +
			`<span class="word"><ruby>違<rt>ちが</rt></ruby>います</span>`,
		"カードです": "カードです",
	} {
		assert.Equal(t, want, keepWords(string(read(in, message.Japanese))))
	}
	two := `<ruby>入<rt>にゅう</rt>力<rt>りょく</rt></ruby>してください`
	assert.Equal(t, `<span class="word">`+two+`</span>`, keepWords(two))
	html, _, err := render(terminal.View{Screen: terminal.Place, Language: message.Japanese, Campaign: &campaign.Campaign{}})
	require.NoError(t, err)
	assert.Contains(t, html, `</ruby>いてください</span>`)
}

// A sentence becomes one paragraph, even if its lines were wrapped for a terminal.
//
// Faults: F121.
func TestParagraphs(t *testing.T) {
	for in, want := range map[message.Text][]string{
		{JA: "有効期限（2026年10月）が\n切れています。\n窓口で更新してください。"}: {"有効期限（2026年10月）が切れています。", "窓口で更新してください。"},
		{JA: "a。\n「b\nc」です。"}: {"a。", "「bc」です。"},
	} {
		assert.Equal(t, want, paragraphs(in, message.Japanese))
	}
	assert.Equal(t, []string{"It has expired.", "Renew it at your office."}, paragraphs(message.Text{EN: "It has\nexpired.\nRenew it\nat your office."}, message.English))
}

// The text of a message is escaped.
func TestNoticesAreEscaped(t *testing.T) {
	html, title, err := render(terminal.View{
		Screen: terminal.Problem, Language: message.Japanese, Campaign: &campaign.Campaign{},
		Notice: &message.Message{Code: "X", What: message.Text{JA: "<script>alert(1)</script>"}, Next: message.Text{JA: "a\nb"}},
	})
	require.NoError(t, err)
	assert.NotContains(t, html, "<script")
	assert.Contains(t, html, "&lt;script&gt;")
	assert.Equal(t, "<script>alert(1)</script>", title)
}

// The recovery code and the account are shown as escaped text.
func TestSecretsAreRendered(t *testing.T) {
	typed := func(s string) hidden.Bytes { return hidden.NewBytes([]byte(s)) }
	for _, language := range []message.Language{message.Japanese, message.English} {
		for want, view := range map[string]terminal.View{
			"7K2M-9QXR-0ABC-DEFG": {Screen: terminal.Result, Recovery: typed("7K2M-9QXR-0ABC-DEFG"), Campaign: &campaign.Campaign{}},
			"0123456789":          {Screen: terminal.Confirm, Account: typed("0123456789"), Campaign: &campaign.Campaign{}, Service: &campaign.Service{}},
			"&lt;b&gt;&amp;&#34;&#39;&#92;u0001ポイント&lt;/b&gt;": {Screen: terminal.Confirm, Account: typed("<b>&\"'\\u0001ポイント</b>"), Campaign: &campaign.Campaign{}, Service: &campaign.Service{}},
		} {
			view.Language = language
			assert.Contains(t, renderEvent(t, view).HTML, ">"+want+"<")
		}
		html := renderEvent(t, terminal.View{Screen: terminal.Result, Language: language, Campaign: &campaign.Campaign{}}).HTML
		assert.NotContains(t, html, `class="recovery"`, "there is no recovery code")
	}
}

// renderEvent returns a view as the page receives it.
func renderEvent(t *testing.T, view terminal.View) (got viewEvent) {
	t.Helper()
	var event strings.Builder
	require.NoError(t, writeView(&event, view))
	first, rest, _ := strings.Cut(event.String(), "\n\n")
	data, ok := strings.CutPrefix(first, "event: view\ndata: ")
	require.True(t, ok)
	require.NoError(t, json.Unmarshal([]byte(data), &got))
	assert.NotContains(t, got.HTML, "hidden]")
	for line := range strings.Lines(rest) {
		assert.True(t, strings.HasPrefix(line, ":"), "%q is not a comment", line)
	}
	return got
}

// Without a printer, no screen offers to print, and the result asks to write the
// recovery code down.
func TestWithoutPrinter(t *testing.T) {
	for _, language := range []message.Language{message.Japanese, message.English} {
		for _, printer := range []bool{true, false} {
			for _, screen := range []terminal.Screen{terminal.Result, terminal.Done} {
				html := renderEvent(t, terminal.View{
					Screen: screen, Language: language, Printer: printer, Campaign: &campaign.Campaign{}, Service: &campaign.Service{},
					Recovery: hidden.NewBytes([]byte("7K2M-9QXR-0ABC-DEFG")),
				}).HTML
				assert.Equal(t, printer, strings.Contains(html, "data-print"), screen)
				if screen == terminal.Result {
					want := map[message.Language]string{message.Japanese: "めてください", message.English: "write it down"}[language]
					assert.Equal(t, !printer, strings.Contains(html, want))
				}
			}
		}
	}
}

// Amounts have commas.
func TestYen(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 5000: "5,000", 1234567: "1,234,567"} {
		assert.Equal(t, want, yen(n))
	}
}

// An unknown language falls back to Japanese.
func TestUnknownLanguage(t *testing.T) {
	_, title, err := render(terminal.View{Screen: terminal.Problem, Language: "fr", Notice: &message.Message{What: message.Text{JA: "お知らせ"}}, Campaign: &campaign.Campaign{}})
	require.NoError(t, err)
	assert.Equal(t, "お知らせ", title)
}

// The result, which is also the printed slip, shows the month (in Japan) in which the
// certificate expires and whether it can be renewed. It does not show the day, which is
// the holder's birthday.
//
// Faults: F92.
func TestResultShowsTheMonth(t *testing.T) {
	expires := time.Date(2030, 1, 31, 15, 0, 0, 0, time.UTC) // 1 February in Japan
	for language, want := range map[message.Language][2]string{
		message.Japanese: {"2030年2月", "<ruby>更<rt>こう</rt>新<rt>しん</rt></ruby>できます"},
		message.English:  {"February 2030", "can be renewed"},
	} {
		for _, expiring := range []bool{false, true} {
			html, _, err := render(terminal.View{
				Screen: terminal.Result, Language: language, Campaign: &campaign.Campaign{},
				ID: "7K2M9QXR", Expiry: mykey.MonthOf(expires), Expiring: expiring,
			})
			require.NoError(t, err)
			assert.Contains(t, html, want[0])
			assert.Equal(t, expiring, strings.Contains(html, want[1]))
			for _, day := range []string{"2月1日", "1月31日", "1 February", "31 January", "02-01", "01-31"} {
				assert.NotContains(t, html, day)
			}
		}
	}
}

// A problem with a card asks once to take the card, before anything else.
//
// Faults: F134.
func TestProblemAsksToTakeTheCardFirst(t *testing.T) {
	for _, err := range []error{jpki.ErrNoApplication, registry.ErrApplied, jpki.ErrStillUnlocked, reader.ErrTransport, credential.ErrCounterUnknown} {
		notice := terminal.MessageFor(err)
		html := renderEvent(t, terminal.View{Screen: terminal.Problem, Language: message.English, Campaign: &campaign.Campaign{}, Notice: &notice, CardInside: true}).HTML
		take := strings.Index(html, "Please take your card.")
		assert.Positive(t, take, "%v", err)
		assert.Equal(t, 1, strings.Count(strings.ToLower(html), "take your card"), "%v", err)
		first, _, _ := strings.Cut(notice.Next.EN, ".")
		assert.Less(t, take, strings.Index(gohtml.UnescapeString(html), first), "%v", err)
	}
}

// The last attempt is always shown with the consequence of a wrong PIN.
//
// Faults: F134.
func TestLastAttemptWarning(t *testing.T) {
	for _, screen := range []terminal.Screen{terminal.EnterPIN, terminal.WrongPIN} {
		for left := range 4 {
			html := renderEvent(t, terminal.View{
				Screen: screen, Language: message.English, Campaign: &campaign.Campaign{}, Notice: &message.Message{}, Counter: &credential.Counter{Remaining: left, Max: 3},
			}).HTML
			assert.Equal(t, left <= 1, strings.Contains(html, "A wrong entry locks the PIN."), "%s with %d", screen, left)
		}
	}
}

// An earlier application is shown in the language of the screen, and the main action is
// to end.
//
// Faults: F134.
func TestEarlierApplication(t *testing.T) {
	for language, want := range map[message.Language]string{message.Japanese: "サンプルペイ", message.English: "Sample Pay"} {
		html := renderEvent(t, terminal.View{
			Screen: terminal.Result, Language: language, Campaign: &campaign.Campaign{}, Open: true, Applied: &campaign.Text{JA: "サンプルペイ", EN: "Sample Pay"},
		}).HTML
		assert.Contains(t, html, ": "+want+"<")
		assert.Contains(t, html, `data-action="finish" class="main"`)
		assert.NotContains(t, html, `data-action="apply"`)
	}
}
