package applet_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/internal/generation"
)

var (
	fourDigits   = regexp.MustCompile(`^[0-9]{4}$`)
	sixToSixteen = regexp.MustCompile(`^[0-9A-Za-z]{6,16}$`)
)

// like reports whether NFKC makes a PIN, or a password, of an input.
func like(input string) (isPIN, isPassword bool) {
	normal := norm.NFKC.String(input)
	return len(input) <= 64 && fourDigits.MatchString(normal), len(input) <= 256 && sixToSixteen.MatchString(normal)
}

// agrees requires that the rules of the PIN and of the password accept what NFKC makes one of.
func agrees(t *testing.T, input string) {
	t.Helper()
	isPIN, isPassword := like(input)
	_, err := generation.PINRules.Parse([]byte(input))
	require.Equal(t, isPIN, err == nil, "PIN %+q", input)
	_, err = generation.PasswordRules.Parse([]byte(input))
	require.Equal(t, isPassword, err == nil, "password %+q", input)
}

// A character that NFKC turns into digits or letters counts as these, alone and beside
// others. Every other character is rejected.
//
// Faults: F46, F89.
func TestRulesNormalizeCharacters(t *testing.T) {
	forms := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		c := string(r)
		inputs := []string{strings.Repeat(c, 4), "ABC12" + c}
		if norm.NFKC.String(c) != c {
			inputs = append(inputs, strings.Repeat(c, 2), c, "12"+c+"4", c+"234", "123"+c, "12"+c, strings.Repeat(c, 8), c+"BC123", "ABC"+c)
		}
		for _, input := range inputs {
			agrees(t, input)
		}
		if _, isPassword := like("ABC12" + c); isPassword {
			forms++
		}
	}
	t.Logf("%d characters are accepted", forms)
	require.Greater(t, forms, 500)
}

// Texts of characters that NFKC composes, reorders or leaves as they are.
//
// Faults: F46, F89.
func TestRulesNormalizeTexts(t *testing.T) {
	pieces := []string{
		"1", "2", "Z", "a", "１", "ｚ", "𝟏", "①", "⑩", "㉑", "ﬁ", "㎏", "Ⅻ", "ſ", "K", "Å", "\u0301", "\u0327", "\u3099", "が", "가", "\u1100\u1161",
		"\xff", "\xc3", "\xe3\x80", "\x00", " ", "\u200b", "\u034f", "ß", "½", "㍘", "\u0345",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		var input strings.Builder
		for range 1 + random.IntN(9) {
			n := len(pieces)
			if random.IntN(4) > 0 {
				n = 17 // mostly what is accepted
			}
			input.WriteString(pieces[random.IntN(n)])
		}
		agrees(t, input.String())
	}
}
