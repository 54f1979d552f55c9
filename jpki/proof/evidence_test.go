package proof_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/proof"
)

// The members of evidence, in the order in which they are written.
var (
	members      = []string{"format", "challenge", "audience", "purpose", "nonce", "time", "certificate", "ca_certificate", "algorithm", "signature"}
	bytesMembers = []string{"nonce", "certificate", "ca_certificate", "signature"}
)

// member returns a member of evidence as it is written.
func member(t testing.TB, text, name string) string {
	t.Helper()
	found := regexp.MustCompile(`"`+name+`":("[^"]*"|\{[^}]*\})`).FindAllString(text, -1)
	require.Len(t, found, 1)
	return found[0]
}

// changedJSON returns texts that are not evidence, each with one fault.
func changedJSON(t testing.TB, genuine string) map[string]string {
	changed := map[string]string{}
	add := func(name, text string) {
		_, twice := changed[name]
		require.False(t, twice || text == genuine, name)
		changed[name] = text
	}
	replace := func(name, part, by string) { add(name, strings.Replace(genuine, part, by, 1)) }
	for _, name := range members {
		m := member(t, genuine, name)
		value := strings.TrimPrefix(m, `"`+name+`":`)
		add("no "+name, regexp.MustCompile(`,?`+regexp.QuoteMeta(m)+`(,|\})`).ReplaceAllStringFunc(genuine, func(s string) string {
			if s[0] == ',' {
				return s[len(s)-1:]
			}
			return ""
		}))
		for kind, other := range map[string]string{
			"null": "null", "a number": "1", "true": "true", "false": "false", "an empty list": "[]", "a list": "[" + value + "]", "an empty object": "{}",
			"an object": `{"` + name + `":` + value + `}`,
		} {
			replace(kind+" as "+name, m, `"`+name+`":`+other)
		}
		replace(name+" in capitals", m, strings.Replace(m, name, strings.ToUpper(name), 1))
		replace(name+" with one capital", m, strings.Replace(m, name, strings.ToUpper(name[:1])+name[1:], 1))
		replace(name+" with the long s", m, strings.Replace(m, name, strings.Replace(name, "s", "\u017f", 1)+"\u017f", 1))
		replace("an unknown member beside "+name, m, `"unknown":"",`+m)
		replace("an unknown null beside "+name, m, `"unknown":null,`+m)
		replace("an unknown object beside "+name, m, `"unknown":{},`+m)
		replace("an empty name beside "+name, m, `"":"",`+m)
		replace("repeated "+name, m, m+","+m)
		replace("repeated with another value: "+name, m, `"`+name+`":"other",`+m)
		replace("repeated in capitals: "+name, m, m+","+strings.ToUpper(`"`+name+`"`)+":"+value)
		replace("repeated with an escape: "+name, m, m+`,"\u00`+fmt.Sprintf("%x", name[0])+name[1:]+`":`+value)
	}
	nonce := member(t, genuine, "nonce")
	replace("repeated beside the challenge: nonce", `"certificate"`, nonce+`,"certificate"`)
	replace("repeated in the challenge: format", `{"audience"`, "{"+member(t, genuine, "format")+`,"audience"`)

	set := func(name, to, fault string) {
		replace(name+" "+fault, member(t, genuine, name), `"`+name+`":`+to)
	}
	data := bytes.Repeat([]byte{0xFB}, proof.NonceLength)
	standard := base64.StdEncoding.EncodeToString(data) // "+/v7+/v7…+/s="
	for _, name := range bytesMembers {
		for fault, text := range map[string]string{
			"without padding": strings.TrimSuffix(standard, "="), "in the URL alphabet": base64.URLEncoding.EncodeToString(data),
			"in the URL alphabet without padding": base64.RawURLEncoding.EncodeToString(data),
			"with a newline":                      standard[:8] + `\n` + standard[8:], "with a carriage return": standard[:8] + `\r` + standard[8:], "with a newline at the end": standard + `\n`,
			"with a newline in the padding": strings.TrimSuffix(standard, "=") + `\n=`,
			"with a space":                  standard[:8] + " " + standard[8:], "with a space at the end": standard + " ", "with a tab": standard[:8] + `\t` + standard[8:],
			"with bits that no byte needs": strings.Replace(standard, "s=", "t=", 1), "with more padding": standard + "=", "with a character more": standard + "A",
			"with a group behind the padding": standard + "AAAA", "in hexadecimal": fmt.Sprintf("%x!", data), "with a zero byte": standard + `\u0000`,
		} {
			set(name, `"`+text+`"`, fault)
		}
	}
	for _, length := range []int{0, 1, 31, 33, 64} {
		set("nonce", `"`+base64.StdEncoding.EncodeToString(make([]byte, length))+`"`, fmt.Sprintf("of %d bytes", length))
	}
	for _, text := range []string{
		"", "now", "1780315200", "2026-06-01", "2026-06-01T12:00Z", "2026-06-01T12:00:00", "2026-06-01 12:00:00Z", "2026-06-01t12:00:00Z", "2026-06-01T12:00:00z",
		"2026-06-01T12:00:00+00:00", "2026-06-01T12:00:00-00:00", "2026-06-01T21:00:00+09:00", "2026-06-01T12:00:00.0Z", "2026-06-01T12:00:00.5Z", "2026-06-01T12:00:00,5Z",
		"2026-06-01T24:00:00Z", "2026-06-01T12:00:60Z", "2026-06-01T12:60:00Z", "2026-06-31T12:00:00Z", "2026-13-01T12:00:00Z", "2026-00-01T12:00:00Z", "2026-6-1T12:00:00Z",
		"2026-06-01T1:00:00Z", "026-06-01T12:00:00Z", "12026-06-01T12:00:00Z", "-2026-06-01T12:00:00Z", " 2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z ", "2026-06-01T12:00:00Z\u0000",
	} {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		set("time", string(quoted), "as "+text)
	}
	for _, name := range names {
		quoted, err := json.Marshal(name.name)
		require.NoError(t, err)
		if !name.valid {
			for _, m := range []string{"audience", "purpose"} {
				set(m, string(quoted), fmt.Sprintf("of %d bytes that is invalid: %.10q", len(name.name), name.name))
			}
		}
	}
	set("audience", `"\ud800"`, "with half a character")
	set("format", `""`, "empty")
	set("format", `"mykeykit-proof-v2"`, "of another version")
	set("format", `"MYKEYKIT-PROOF-V1"`, "with its value in capitals")

	for name, text := range map[string]string{
		"empty": "", "spaces": "  ", "null": "null", "a string": `"{}"`, "a number": "1", "an empty object": "{}", "a list": "[" + genuine + "]", "a string with it": fmt.Sprintf("%q", genuine),
		"half": genuine[:len(genuine)/2], "all but the last byte": genuine[:len(genuine)-1], "a bracket more": genuine + "}", "twice": genuine + genuine, "with null after it": genuine + " null",
		"with a comma after it": genuine + ",", "with a byte order mark": "\ufeff" + genuine, "with a zero byte": genuine + "\x00", "with a comment": "/**/" + genuine,
		"with a comma too much": strings.TrimSuffix(genuine, "}") + ",}", "in single quotes": strings.ReplaceAll(genuine, `"`, "'"),
		"in Latin-1": strings.Replace(genuine, "https", "\xe4", 1), "with half a character": strings.Replace(genuine, "https", "\xe9\xa4", 1),
		"in Latin-1, in its algorithm": strings.Replace(genuine, "ES256", "ES256\xe4", 1), "in UTF-16": strings.Join(strings.Split(genuine, ""), "\x00"), "with megabytes of spaces": strings.Repeat(" ", 1<<22) + genuine,
		"with a space too much":   genuine + strings.Repeat(" ", proof.MaxEvidence-len(genuine)+1),
		"with megabytes of text":  strings.Replace(genuine, `"certificate":"`, `"certificate":"`+strings.Repeat("AAAA", 1<<20), 1),
		"nested deeply":           strings.Repeat(`{"challenge":`, 5000) + genuine + strings.Repeat("}", 5000),
		"nested deeply, in lists": strings.Repeat("[", 16000) + strings.Repeat("]", 16000),
		"nested in the challenge": strings.Replace(genuine, `"audience":`, `"audience":`+strings.Repeat(`{"audience":`, 2000), 1) + strings.Repeat("}", 2000),
	} {
		add("text "+name, text)
	}
	return changed
}

// Every other text is rejected, and an error quotes nothing of it.
func TestOnlyEvidenceIsParsed(t *testing.T) {
	genuine, err := json.Marshal(evidence(t))
	require.NoError(t, err)
	for name, text := range changedJSON(t, string(genuine)) {
		e, err := proof.ParseEvidence([]byte(text))
		requireFormat(t, err, name)
		assert.Zero(t, e, name)

		e = evidence(t)
		requireFormat(t, e.UnmarshalJSON([]byte(text)), name)
		assert.Zero(t, e, name)
		if !strings.Contains(name, "space") { // package json removes spaces around a value
			require.Error(t, json.Unmarshal([]byte(text), &e), name)
		}
	}
}

func requireFormat(t testing.TB, err error, name string) {
	t.Helper()
	require.ErrorIs(t, err, proof.ErrFormat, name)
	require.Less(t, len(err.Error()), 200, name)
	for _, quoted := range []string{"https", "SYNTHETIC", "MII"} {
		require.NotContains(t, err.Error(), quoted, name)
	}
}

// What is written is read, and written again as the same bytes. Spaces, the order of the
// members and escapes in strings do not matter.
func TestEvidenceIsReadBack(t *testing.T) {
	e := evidence(t)
	for _, change := range []func(){
		func() {},
		func() { e.CACertificate = []byte{} },
		func() { e.Certificate, e.Signature = []byte{}, []byte{} },
		func() { e.Algorithm = `none"<>&` },
		func() { e.Challenge.Audience, e.Challenge.Purpose = `図書館 "<&>\`, "\u2028👪" },
		func() { e.Challenge.Time = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC) },
		func() { e.Challenge.Time = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) },
	} {
		change()
		written, err := json.Marshal(e)
		require.NoError(t, err)
		read, err := proof.ParseEvidence(written)
		require.NoError(t, err)
		require.Equal(t, e, read)
		again, err := json.Marshal(read)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again))
		var decoded proof.Evidence
		require.NoError(t, json.Unmarshal(written, &decoded))
		require.Equal(t, e, decoded)
		var c proof.Challenge
		text, err := json.Marshal(e.Challenge)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &c))
		require.Equal(t, e.Challenge, c)
	}

	e = evidence(t)
	written, err := json.Marshal(e)
	require.NoError(t, err)
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, written, "", "\t"))
	var sorted map[string]any
	require.NoError(t, json.Unmarshal(written, &sorted))
	inOrder, err := json.Marshal(sorted)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"indented": indented.String(), "sorted": string(inOrder), "escaped": strings.Replace(string(written), "https:", `\u0068ttps\u003a`, 1), "an escaped name": strings.Replace(string(written), `"format"`, `"\u0066ormat"`, 1),
		"as long as allowed": string(written) + strings.Repeat("\n", proof.MaxEvidence-len(written)),
	} {
		read, err := proof.ParseEvidence([]byte(text))
		require.NoError(t, err, name)
		assert.Equal(t, e, read, name)
	}
}

// A moment has one encoding, whatever the time zone. One that can't be written is an error.
func TestTimesOfChallenges(t *testing.T) {
	c := challenge(t, now)
	want, err := json.Marshal(c)
	require.NoError(t, err)
	assert.Contains(t, string(want), `"time":"2026-06-01T12:00:00Z"`)
	for _, at := range []time.Time{now.Local(), now.In(time.FixedZone("", -12*60*60)), now.Add(time.Second - 1)} {
		other := c
		other.Time = at
		text, err := json.Marshal(other)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(text))
		assert.Equal(t, c.Message(), other.Message())
	}
	for _, year := range []int{-1, 10000} {
		c.Time = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		_, err := json.Marshal(c)
		require.ErrorIs(t, err, proof.ErrFormat)
		e := evidence(t)
		e.Challenge = c
		_, err = json.Marshal(e)
		require.ErrorIs(t, err, proof.ErrFormat)
	}
}

// A challenge alone is read as strictly.
func TestOnlyChallengesAreParsed(t *testing.T) {
	whole, err := json.Marshal(evidence(t))
	require.NoError(t, err)
	text := strings.TrimPrefix(member(t, string(whole), "challenge"), `"challenge":`)
	for name, changed := range changedJSON(t, string(whole)) {
		inner := regexp.MustCompile(`"challenge":(\{[^{}]*\}),"certificate"`).FindStringSubmatch(changed)
		if inner == nil || inner[1] == text {
			continue
		}
		c := challenge(t, now)
		requireFormat(t, c.UnmarshalJSON([]byte(inner[1])), name)
		assert.Zero(t, c, name)
	}
}

// Printing evidence shows nothing of the certificate, with any verb.
func TestPrintingEvidence(t *testing.T) {
	e := evidence(t)
	const want = `[evidence for "https://verifier.example.jp", "test"]`
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		assert.Equal(t, want, fmt.Sprintf(verb, e), verb)
		assert.Equal(t, want, fmt.Sprintf(verb, &e), verb)
		assert.Contains(t, fmt.Sprintf(verb, struct{ E proof.Evidence }{e}), want, verb)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("message", "evidence", e)
	assert.NotContains(t, log.String(), "SYNTHETIC")
	assert.NotContains(t, log.String(), base64.StdEncoding.EncodeToString(e.Signature)[:20])
	assert.Contains(t, log.String(), "evidence for")
}
