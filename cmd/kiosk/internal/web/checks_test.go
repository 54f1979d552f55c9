package web

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/surfacetest"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// holder returns the contents of a simulated card, as a policy judges them.
func holder(t *testing.T, policy func(*simulator.Card) cvc.Policy) *counter.Holder {
	t.Helper()
	desk := cardtest.New(t, simulator.ContactExtended).Open(t)
	r := face.Reader{Policy: policy(desk.Card)}
	data, err := r.Read(t.Context(), desk.Connection, face.ByNumberB(surfacetest.NumberB(t)))
	require.NoError(t, err)
	return &counter.Holder{Data: data}
}

// The page says whose key signed the contents, and never shows the date of expiry as checked.
func TestWhatWasChecked(t *testing.T) {
	for name, c := range map[string]struct {
		policy func(*simulator.Card) cvc.Policy
		ja, en string
	}{
		"unknown":   {func(*simulator.Card) cvc.Policy { return cvc.Policy{} }, "J-LISが発行した内容かどうか", "Whether J-LIS issued this"},
		"simulator": {func(card *simulator.Card) cvc.Policy { return surfacetest.Policy(t, card) }, "模擬カード用の鍵", "simulated cards"},
		"caller":    {func(card *simulator.Card) cvc.Policy { return surfacetest.CallerPolicy(t, card) }, "発行者（設定された鍵）", "Its authority (configured key)"},
	} {
		t.Run(name, func(t *testing.T) {
			view := checkView{counter.View{Screen: counter.Shown, Holder: holder(t, c.policy), Records: true}}
			for language, want := range map[message.Language]string{message.Japanese: c.ja, message.English: c.en} {
				html, title, err := execute(checkPages, language, string(view.Screen), view)
				require.NoError(t, err)
				assert.NotEmpty(t, title)
				checked, unchecked, found := strings.Cut(html, map[message.Language]string{message.Japanese: "確認していないこと", message.English: "Not checked"}[language])
				require.True(t, found)
				assert.NotContains(t, checked, "2035")
				assert.Contains(t, unchecked, "2035")
				assert.Contains(t, html, want)
				list := checked[strings.LastIndex(checked, "<ul>"):]
				assert.Equal(t, map[bool]int{true: 2, false: 3}[name == "unknown"], strings.Count(list, "<li>"), "the authority was not checked")
			}
		})
	}
}

// Every screen is complete in both languages.
func TestCounterScreens(t *testing.T) {
	notice := message.For(nil)
	left := credential.Counter{Remaining: 1, Max: 10}
	for _, screen := range []counter.Screen{
		counter.Place, counter.Checking, counter.LastAttempt, counter.Number, counter.Reading, counter.WrongNumber, counter.NotKept, counter.Take, counter.Problem,
	} {
		view := checkView{counter.View{Screen: screen, Counter: &left, Notice: &notice, CardInside: true, Wrong: counter.Fields()}}
		ja, title, err := execute(checkPages, message.Japanese, string(screen), view)
		require.NoError(t, err, screen)
		assert.NotEmpty(t, title)
		en, _, err := execute(checkPages, message.English, string(screen), view)
		require.NoError(t, err, screen)
		assert.NotEqual(t, ja, en)
		for _, r := range strings.ReplaceAll(strings.ReplaceAll(en, "日本語", ""), "昭和60年", "") {
			assert.Less(t, r, rune(0x3000), "%s has Japanese in English", screen)
		}
	}
}

// Dates of birth have the year of the era, as on the card.
func TestBirthText(t *testing.T) {
	for digits, want := range map[string]string{
		"19850401": "1985年4月1日（昭和60年）", "19890107": "1989年1月7日（昭和64年）", "19890108": "1989年1月8日（平成元年）",
		"20190430": "2019年4月30日（平成31年）", "20190501": "2019年5月1日（令和元年）", "19261225": "1926年12月25日（昭和元年）",
		"19261224": "1926年12月24日（大正15年）", "19120729": "1912年7月29日（明治45年）", "19850400": "19850400", "": "",
	} {
		assert.Equal(t, want, birthText(digits).JA, digits)
	}
	assert.Equal(t, "1 April 1985", birthText("19850401").EN)
	assert.Equal(t, message.Text{}, dayText(""))
}
