package locale_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/language"

	"github.com/mykeykit/mykeykit/internal/locale"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Faults: F70.
func TestOf(t *testing.T) {
	ja, en := message.Japanese, message.English
	for _, tt := range []struct {
		environment string
		language    message.Language
		encoding    locale.Encoding
	}{
		{"LANG=ja_JP.UTF-8", ja, locale.UTF8},
		{"LANG=ja_JP.utf8", ja, locale.UTF8},
		{"LANG=ja_JP.UTF-8@cjknarrow", ja, locale.UTF8},
		{"LANG=ja", ja, locale.UTF8},
		{"LANG=ja_JP.eucJP", ja, locale.EUCJP},
		{"LANG=ja_JP.EUC-JP", ja, locale.EUCJP},
		{"LANG=ja_JP.ujis", ja, locale.EUCJP},
		{"LANG=ja_JP.SJIS", ja, locale.ShiftJIS},
		{"LANG=ja_JP.Shift_JIS", ja, locale.ShiftJIS},
		{"LANG=ja_JP.cp932", ja, locale.ShiftJIS},
		{"LANG=ja_JP.ISO-2022-JP", en, locale.Other},
		{"LANG=en_US.UTF-8", en, locale.UTF8},
		{"LANG=fr_FR.UTF-8", en, locale.UTF8},
		{"LANG=C", en, locale.Other},
		{"LANG=POSIX", en, locale.Other},
		{"LANG=C.UTF-8", en, locale.UTF8},
		{"LANG=-", en, locale.UTF8},
		{"", en, locale.Other},

		// LC_MESSAGES sets the language, LC_CTYPE the encoding.
		{"LC_MESSAGES=ja_JP.eucJP LANG=en_US.UTF-8", ja, locale.UTF8},
		{"LC_CTYPE=ja_JP.eucJP LANG=ja_JP.UTF-8", ja, locale.EUCJP},
		{"LC_CTYPE=en_US.UTF-8 LANG=ja_JP.eucJP", ja, locale.UTF8},
		{"LC_CTYPE=C LANG=ja_JP.UTF-8", en, locale.Other},
		{"LC_ALL=ja_JP.SJIS LC_CTYPE=ja_JP.UTF-8 LC_MESSAGES=en_US.UTF-8", ja, locale.ShiftJIS},
		{"LC_ALL=C LC_CTYPE=ja_JP.UTF-8 LANG=ja_JP.UTF-8", en, locale.Other},
		{"LC_MESSAGES=ja_JP.UTF-8", en, locale.Other}, // LC_CTYPE is C

		{"LANGUAGE=ja LANG=en_US.UTF-8", ja, locale.UTF8},
		{"LANGUAGE=ja_JP:en LANG=en_US.UTF-8", ja, locale.UTF8},
		{"LANGUAGE=fr:ja:en LANG=fr_FR.UTF-8", ja, locale.UTF8},
		{"LANGUAGE=en:ja LANG=ja_JP.UTF-8", en, locale.UTF8},
		{"LANGUAGE=en_GB LANG=ja_JP.UTF-8", en, locale.UTF8},
		{"LANGUAGE=fr LANG=ja_JP.UTF-8", en, locale.UTF8},
		{"LANGUAGE=C:ja LANG=ja_JP.UTF-8", en, locale.UTF8},
		{"LANGUAGE=:ja LANG=en_US.UTF-8", ja, locale.UTF8},
		{"LANGUAGE=ja LANG=C.UTF-8", ja, locale.UTF8},
		{"LANGUAGE=ja LANG=C", en, locale.Other},
		{"LANGUAGE=ja LC_ALL=POSIX LANG=ja_JP.UTF-8", en, locale.Other},
		{"LANGUAGE=ja", en, locale.Other},
		{"LANGUAGE=ja LANG=en_US.ISO-8859-1", en, locale.Other},
		{"LANGUAGE=ja LANG=ja_JP.eucJP", ja, locale.EUCJP},
		{"LC_ALL= LC_MESSAGES= LANG=ja_JP.UTF-8 LANGUAGE=", ja, locale.UTF8},
	} {
		got := locale.Of(environment(tt.environment), "")
		assert.Equal(t, locale.Locale{Language: tt.language, Encoding: tt.encoding}, got, tt.environment)
	}

	// Names without an encoding mean the GNU C library's on Linux.
	for name, want := range map[string]locale.Locale{
		"ja_JP": {Language: ja, Encoding: locale.EUCJP}, "en_US": {Language: en, Encoding: locale.Other}, "fr_FR@euro": {Language: en, Encoding: locale.Other},
	} {
		if runtime.GOOS != "linux" {
			want.Encoding = locale.UTF8
		}
		assert.Equal(t, want, locale.Of(environment("LANG="+name), ""), name)
	}

	// Windows names a language and no locale, and uses UTF-8 whatever a variable says.
	for variables, want := range map[string]message.Language{"": ja, "LANG=en_US": en, "LANG=ja_JP.SJIS": ja, "LANGUAGE=en": en} {
		assert.Equal(t, locale.Locale{Language: want, Encoding: locale.UTF8}, locale.Of(environment(variables), "ja-JP"), variables)
	}
}

func environment(variables string) func(string) string {
	return func(name string) string {
		for v := range strings.FieldsSeq(variables) {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// Faults: F70.
func TestEncode(t *testing.T) {
	const text = "暗証番号（数字4桁）ｶﾅ \U0001F600é\n"
	euc, err := japanese.EUCJP.NewDecoder().String(locale.EUCJP.Encode(text))
	require.NoError(t, err)
	assert.Equal(t, strings.Replace(text, "\U0001F600", "?", 1), euc) // é is in JIS X 0212
	sjis, err := japanese.ShiftJIS.NewDecoder().String(locale.ShiftJIS.Encode(text))
	require.NoError(t, err)
	assert.Equal(t, strings.NewReplacer("\U0001F600", "?", "é", "?").Replace(text), sjis)
	assert.Equal(t, text, locale.UTF8.Encode(text))
	assert.Equal(t, text, locale.Other.Encode(text))
}

// The languages match as with package language, whose tables would delay the start of
// every command.
func TestLanguagesMatchByCLDR(t *testing.T) {
	matcher := language.NewMatcher([]language.Tag{language.English, language.Japanese})
	const letters = "abcdefghijklmnopqrstuvwxyz"
	var codes []string
	for _, a := range letters {
		for _, b := range letters {
			codes = append(codes, string([]rune{a, b}))
			for _, c := range letters {
				codes = append(codes, string([]rune{a, b, c}))
			}
		}
	}
	for _, code := range codes {
		want := message.English // "ja" comes next in the list
		if tag, err := language.Parse(code); err != nil {
			want = message.Japanese
		} else if _, index, confidence := matcher.Match(tag); confidence == language.No || index == 1 {
			want = message.Japanese
		}
		for _, name := range []string{code, strings.ToUpper(code) + "-ZZ", code + "_JP.UTF-8"} {
			got := locale.Of(func(variable string) string {
				return map[string]string{"LANG": "en_US.UTF-8", "LANGUAGE": name + ":ja"}[variable]
			}, "")
			require.Equal(t, want, got.Language, name)
		}
	}
}
