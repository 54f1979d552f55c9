// Package locale determines the language of a command-line program from the environment,
// and encodes its output.
package locale

import (
	"runtime"
	"strings"

	"github.com/mykeykit/mykeykit/mykey/message"
)

// Locale is the language and the encoding that the environment asks for.
type Locale struct {
	Language message.Language
	Encoding Encoding
}

// Of reads the environment's variables as POSIX and gettext do: LC_ALL wins over the
// category's own variable, which wins over LANG. LANGUAGE, a list of languages, wins
// over the locale unless that is C. If the encoding can't show Japanese, as in the
// locales C and POSIX, the language is English.
//
// System is the desktop's language if the system sets no such variables, as on Windows,
// and "" elsewhere. With a system language the encoding is UTF-8.
func Of(getenv func(string) string, system string) Locale {
	name := first(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"), system)
	l := Locale{Language: languageOf(name), Encoding: UTF8}
	if list := getenv("LANGUAGE"); list != "" && !isC(name) {
		l.Language = preferred(list)
	}
	if system == "" {
		l.Encoding = encodingOf(first(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")))
	}
	if l.Encoding == Other {
		l.Language = message.English
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

// readersOfEnglish lists English and the languages whose speakers get English messages,
// by the language matching data of CLDR: ISO 639 codes, each between spaces.
const readersOfEnglish = " ach ak aka alb bem ben bn bur chr cy cym ee en eng eo epo ewe ga gaa gd geo gla gle" +
	" ha hau haw ia ibo ice ig ina is isl ji ka kan kat khm km kn kri lao lg lo loz lug mal mao mfe mi ml mlt mri" +
	" mt my mya ne nep nso ny nya nyn om or ori orm pa pan pcm ps pus rn run sd si sin sn sna snd so som sot sq sqi" +
	" st sw swa ta tam te tel ti tir tlh tn to ton tsn tum ur urd wel xh xho yi yid yo yor zu zul "

// known returns the language of a locale, as "ja_JP.UTF-8", if messages exist in it.
func known(locale string) (l message.Language, ok bool) {
	name, _, _ := parts(locale)
	code, _, _ := strings.Cut(strings.ReplaceAll(name, "-", "_"), "_")
	switch code = strings.ToLower(code); {
	case code == "ja", code == "jpn":
		return message.Japanese, true
	case code != "" && !strings.Contains(code, " ") && strings.Contains(readersOfEnglish, " "+code+" "):
		return message.English, true
	}
	return message.English, false // as "C" and "POSIX"
}

func languageOf(locale string) message.Language {
	if l, ok := known(locale); ok {
		return l
	}
	return message.English
}

// preferred returns the first language of a colon-separated list in which messages exist.
// C ends the list.
func preferred(list string) message.Language {
	for name := range strings.SplitSeq(list, ":") {
		if l, ok := known(name); ok {
			return l
		}
		if name != "" && isC(name) {
			break
		}
	}
	return message.English
}

// parts splits a locale's name into language and country, encoding, modifier.
func parts(locale string) (name, encoding, modifier string) {
	locale, modifier, _ = strings.Cut(locale, "@")
	name, encoding, _ = strings.Cut(locale, ".")
	return name, encoding, modifier
}

// encodingOf returns a locale's encoding. If the name has none, it is the GNU C library's
// default for the locale on Linux, which is EUC-JP for ja_JP, and UTF-8 on other systems
// and for names that no system has.
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
