package message

import (
	"runtime"
	"strings"
)

// Locale is how the environment wants people to be spoken to.
type Locale struct {
	Language Language
	Encoding Encoding
}

// LocaleOf reads the variables of an environment as POSIX and gettext do: each of
// LC_ALL, the category's own and LANG decides if those before it are not set. LANGUAGE,
// a list of languages, goes before the locale, unless that is C. Where no Japanese can
// be shown, as in the locales C and POSIX, the language is English.
//
// The system is the language of a desktop that sets no such variables, as Windows, and
// "" elsewhere. Texts are UTF-8 there.
func LocaleOf(getenv func(string) string, system string) Locale {
	locale := first(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"), system)
	l := Locale{Language: languageOf(locale), Encoding: UTF8}
	if list := getenv("LANGUAGE"); list != "" && !isC(locale) {
		l.Language = preferred(list)
	}
	if system == "" {
		l.Encoding = encodingOf(first(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")))
	}
	if l.Encoding == Other {
		l.Language = English
	}
	return l
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func isC(locale string) bool { return locale == "" || locale == "C" || locale == "POSIX" }

// readersOfEnglish are the languages, beside English, whose speakers are taken to read
// it, by CLDR's data on matching languages: codes of ISO 639, each between spaces.
const readersOfEnglish = " ach ak aka alb bem ben bn bur chr cy cym ee en eng eo epo ewe ga gaa gd geo gla gle" +
	" ha hau haw ia ibo ice ig ina is isl ji ka kan kat khm km kn kri lao lg lo loz lug mal mao mfe mi ml mlt mri" +
	" mt my mya ne nep nso ny nya nyn om or ori orm pa pan pcm ps pus rn run sd si sin sn sna snd so som sot sq sqi" +
	" st sw swa ta tam te tel ti tir tlh tn to ton tsn tum ur urd wel xh xho yi yid yo yor zu zul "

// known is the language of a locale, as "ja_JP.UTF-8", if it is spoken here.
func known(locale string) (l Language, ok bool) {
	name, _, _ := parts(locale)
	code, _, _ := strings.Cut(strings.ReplaceAll(name, "-", "_"), "_")
	switch code = strings.ToLower(code); {
	case code == "ja", code == "jpn":
		return Japanese, true
	case code != "" && !strings.Contains(code, " ") && strings.Contains(readersOfEnglish, " "+code+" "):
		return English, true
	}
	return English, false // as "C" and "POSIX"
}

func languageOf(locale string) Language {
	if l, ok := known(locale); ok {
		return l
	}
	return English
}

// preferred is the first language of a list, parted by colons, that is spoken here. C
// ends the list.
func preferred(list string) Language {
	for name := range strings.SplitSeq(list, ":") {
		if l, ok := known(name); ok {
			return l
		}
		if name != "" && isC(name) {
			break
		}
	}
	return English
}

// parts takes a locale's name apart: language and country, encoding, modifier.
func parts(locale string) (name, encoding, modifier string) {
	locale, modifier, _ = strings.Cut(locale, "@")
	name, encoding, _ = strings.Cut(locale, ".")
	return name, encoding, modifier
}

// encodingOf is a locale's encoding. Without one in the name it is the one that the GNU
// C library gives the locale, which for ja_JP is EUC-JP; other systems, and names that
// no system has, mean UTF-8.
func encodingOf(locale string) Encoding {
	name, encoding, _ := parts(locale)
	switch strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(encoding), "-", ""), "_", "") {
	case "utf8":
		return UTF8
	case "eucjp", "ujis":
		return EUCJP
	case "sjis", "shiftjis", "mskanji", "cp932", "windows31j", "pck":
		return ShiftJIS
	case "":
		switch {
		case isC(name):
			return Other
		case runtime.GOOS != "linux", !strings.Contains(name, "_"):
			return UTF8
		case name == "ja_JP":
			return EUCJP
		}
	}
	return Other
}
