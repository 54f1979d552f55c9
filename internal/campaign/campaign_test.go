package campaign_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

func example(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "cmd", "kiosk", "campaigns", name+".toml"))
	require.NoError(t, err)
	return string(b)
}

// The example files are valid.
func TestExamples(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, trust.Japan)
	for name, open := range map[string]bool{"demo": true, "2020": false, "2022": false} {
		c, err := campaign.Parse(strings.NewReader(example(t, name)))
		require.NoError(t, err, name)
		assert.Equal(t, open, c.Open(now), name)
		assert.True(t, c.AskRenewed, name)
	}
	c, err := campaign.Parse(strings.NewReader(example(t, "2022")))
	require.NoError(t, err)
	require.Len(t, c.Benefits, 3)
	assert.Equal(t, []int{5000, 7500, 7500}, []int{c.Benefits[0].Cap, c.Benefits[1].Cap, c.Benefits[2].Cap})
}

// The period includes its first and its last day in Japan.
func TestOpen(t *testing.T) {
	c, err := campaign.Parse(strings.NewReader(example(t, "2020")))
	require.NoError(t, err)
	for at, open := range map[string]bool{
		"2020-06-30T14:59:59Z": false, "2020-06-30T15:00:00Z": true, "2021-12-31T14:59:59Z": true, "2021-12-31T15:00:00Z": false,
	} {
		moment, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		assert.Equal(t, open, c.Open(moment), at)
	}
}

// Typed text is normalized and matched against the pattern.
func TestFormParse(t *testing.T) {
	c, err := campaign.Parse(strings.NewReader(example(t, "demo")))
	require.NoError(t, err)
	pay, ok := c.Service("sample-pay")
	require.True(t, ok)
	for typed, want := range map[string]string{
		"0123456789": "0123456789", "0123 4567-89": "0123456789", "０１２３－４５６ー７８９": "0123456789", "０１２３４５６７８９": "0123456789", "  0123456789\n": "0123456789",
		"": "", "012345678": "", "01234567890": "", "0123456789\n1": "", "<b>0123456": "", "' OR 1=1": "", strings.Repeat("1", 1000): "",
	} {
		got, ok := pay.AccountID.Parse([]byte(typed))
		assert.Equal(t, want != "", ok, typed)
		if ok {
			assert.Equal(t, want, string(got))
		}
	}
	card, _ := c.Service("example-card")
	assert.False(t, card.Code.Asked())
	_, ok = card.Code.Parse([]byte(""))
	assert.True(t, ok)
	_, ok = card.Code.Parse([]byte("1"))
	assert.False(t, ok)
	_, ok = c.Service("other")
	assert.False(t, ok)
}

// Each mistake in a file is reported as ErrCampaign.
func TestInvalidCampaigns(t *testing.T) {
	good := example(t, "demo")
	for name, change := range map[string][2]string{
		"invalid TOML":            {"namespace", "[[["},
		"an unknown key":          {"namespace =", "surprise = 1\nnamespace ="},
		"a name in one language":  {`en = "Trial points"`, ``},
		"days in the wrong order": {`ends = "2099-12-31"`, `ends = "2025-12-31"`},
		"invalid day":             {`begins = "2026-01-01"`, `begins = "soon"`},
		"duplicate id":            {`id = "example-card"`, `id = "sample-pay"`},
		"an id with markup":       {`id = "sample-pay"`, `id = "<b>"`},
		"no pattern":              {`pattern = "[0-9]{10}"`, ``},
		"invalid pattern":         {`pattern = "[0-9]{10}"`, `pattern = "("`},
		"a mismatching example":   {`example = "0123456789"`, `example = "x"`},
		"a rate above 100":        {`rate = 25`, `rate = 250`},
		"no cap":                  {`cap = 5000`, ``},
	} {
		require.Contains(t, good, change[0], name)
		_, err := campaign.Parse(strings.NewReader(strings.Replace(good, change[0], change[1], 1)))
		require.ErrorIs(t, err, campaign.ErrCampaign, name)
	}
}

// A form is described by the campaign's rule, or by its number of digits.
func TestFormDescription(t *testing.T) {
	c, err := campaign.Parse(strings.NewReader(example(t, "demo")))
	require.NoError(t, err)
	pay, _ := c.Service("sample-pay")
	assert.Equal(t, campaign.Text{JA: "10けたの数字", EN: "10 digits"}, pay.AccountID.Description())
	assert.Equal(t, campaign.Text{JA: "4けたの数字", EN: "4 digits"}, pay.Code.Description())
	card, _ := c.Service("example-card")
	assert.Equal(t, campaign.Text{JA: "英字2文字と数字8けた", EN: "2 letters and 8 digits"}, card.AccountID.Description())
	for _, typed := range []string{"EX00000001", "ex00000001", "ex-0000-0001", "ＥＸ ００００ ０００１"} {
		text, ok := card.AccountID.Parse([]byte(typed))
		assert.True(t, ok, typed)
		assert.Equal(t, "EX00000001", string(text), typed)
	}
}

// An on-screen keyboard has the characters that can match the pattern, and no others.
func TestAlphabet(t *testing.T) {
	for pattern, want := range map[string]string{
		"[0-9]{10}":        "1234567890",
		"[A-Z]{2}[0-9]{8}": "1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		`\d{4}-\d{4}`:      "1234567890-",
		"(A|B|abc)[1-3]":   "123ABabc",
		"X{0,3}":           "X",
		"(?i)ab":           "AB", // case-insensitive
	} {
		assert.Equal(t, want, campaign.Form{Pattern: pattern}.Alphabet(), pattern)
	}
	assert.Len(t, campaign.Form{Pattern: ".+"}.Alphabet(), 67, "every key")
}

// A day may be a string or a TOML date. Other values are rejected with a message that
// shows the format.
//
// Faults: F128.
func TestDaysWithoutQuotes(t *testing.T) {
	for written, day := range map[string]string{
		`"2026-01-01"`: "2026-01-01", `2026-01-01`: "2026-01-01",
		`2026-01-01T09:00:00`: "", `2026-01-01T00:00:00Z`: "", `2026-01-01 00:00:00+09:00`: "", `09:00:00`: "", `20260101`: "", `"2026-1-1"`: "", `["2026-01-01"]`: "",
	} {
		c, err := campaign.Parse(strings.NewReader(strings.Replace(example(t, "demo"), `"2026-01-01"`, written, 1)))
		if day != "" {
			require.NoError(t, err, written)
			assert.Equal(t, day+"T00:00:00+09:00", c.Begins.Format(time.RFC3339), written)
			continue
		}
		var problems campaign.Problems
		require.ErrorAs(t, err, &problems, written)
		assert.Equal(t, "begins", problems[0].Where, written)
		assert.Contains(t, problems[0].What.EN, `"2026-04-01"`, written)
	}
}

// All problems of a file are reported together, each with its entry and how to correct
// it, in both languages.
//
// Faults: F128.
func TestAllProblemsAreReported(t *testing.T) {
	file := example(t, "demo")
	for _, change := range [][2]string{
		{"namespace = \"points.example\"", "namespase = \"points.example\"\n[surprise]\na = 1\nb = 2\n"},
		{`en = "Trial points"`, ``}, {`rate = 25`, `rate = 101`}, {`cap = 5000`, `cap = 0`},
		{`id = "sample-pay"`, `id = "Sample"`}, {`pattern = "[0-9]{4}"`, `pattern = "("`}, {`example = "0123456789"`, `example = "x"`},
		{`label = { ja = "会員番号", en = "Member number" }`, `label = { ja = "会員番号" }`},
	} {
		require.Contains(t, file, change[0])
		file = strings.Replace(file, change[0], change[1], 1)
	}
	file = strings.Replace(file, "begins = \"2026-01-01\"\nends = \"2099-12-31\"\n", "", 1)
	_, err := campaign.Parse(strings.NewReader(file))
	var problems campaign.Problems
	require.ErrorAs(t, err, &problems)
	var where []string
	for _, p := range problems {
		where = append(where, p.Where)
		assert.NotEmpty(t, p.What.JA, p.Where)
		assert.NotEmpty(t, p.What.EN, p.Where)
		assert.Contains(t, err.Error(), p.Where)
	}
	assert.Equal(t, []string{
		"namespase", "surprise", "name", "namespace", "begins", "ends", "benefits[1].rate", "benefits[1].cap",
		"services[1].id", "services[1].account_id.example", "services[1].code.pattern", "services[2].account_id.label",
	}, where)

	_, err = campaign.Parse(strings.NewReader("begins = \"2026-01-01\"\nrate = = 3\n"))
	require.ErrorAs(t, err, &problems)
	assert.Contains(t, problems[0].Where, "line 2")

	_, err = campaign.Parse(strings.NewReader("namespace = \"points.example\"\nask_renewed = \"yes\"\n"))
	require.ErrorAs(t, err, &problems)
	assert.Equal(t, "line 2 (ask_renewed)", problems[0].Where, "a value of the wrong type")
}
