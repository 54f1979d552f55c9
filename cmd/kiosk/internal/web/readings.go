package web

import (
	"html/template"
	"regexp"
	"strings"

	"github.com/mykeykit/mykeykit/mykey/message"
)

// readings are words of messages with their readings (振り仮名). Readings are given per
// character where possible, and never for kana. A word comes after longer words that
// begin with it.
var readings = []string{
	"{利用者|りようしゃ}{証明用|しょうめいよう}{電子|でんし}{証明書|しょうめいしょ}",
	"{署名|しょめい}{用|よう}{電子|でんし}{証明書|しょうめいしょ}",
	"{利用者|りようしゃ}{証明用|しょうめいよう}",
	"{引|ひ}き{継|つ}がれ",
	"{組|く}み{合|あ}わせ",
	"{電子|でんし}{証明書|しょうめいしょ}",
	"{市区町村|しくちょうそん}",
	"{引|ひ}き{継|つ}ぎ",
	"{暗証|あんしょう}{番号|ばんごう}",
	"{有|ゆう}{効|こう}{期|き}{間|かん}",
	"{有|ゆう}{効|こう}{期|き}{限|げん}",
	"{申|もう}し{込|こ}み",
	"お{使|つか}い",
	"お{取|と}り",
	"お{呼|よ}び",
	"お{待|ま}ち",
	"お{持|も}ち",
	"{住|じゅう}{民|みん}{票|ひょう}",
	"{入|はい}って",
	"{再|さい}{設|せっ}{定|てい}",
	"{切|き}れて",
	"{取|と}り{出|だ}",
	"{始|はじ}めて",
	"{手|て}{続|つづ}き",
	"{担|たん}{当|とう}{者|しゃ}",
	"{新|あたら}しい",
	"{減|へ}って",
	"{発|はっ}{行|こう}{元|もと}",
	"{直|なお}して",
	"{確|たし}かめ",
	"{署名|しょめい}{用|よう}",
	"{証明書|しょうめいしょ}",
	"{認|にん}{証|しょう}{局|きょく}",
	"{読|よ}み{取|と}",
	"{顔|かお}{認|にん}{証|しょう}",
	"{一|いち}{度|ど}",
	"{休|きゅう}{止|し}",
	"{使|つか}え",
	"{入|にゅう}{力|りょく}",
	"{再|さい}{開|かい}",
	"{受|うけ}{付|つけ}",
	"{名|な}{前|まえ}",
	"{回|かい}{数|すう}",
	"{変|へん}{更|こう}",
	"{復|ふっ}{旧|きゅう}",
	"{戻|もど}り",
	"{戻|もど}る",
	"{控|ひか}え",
	"{操|そう}{作|さ}",
	"{故|こ}{障|しょう}",
	"{数|すう}{字|じ}",
	"{時|じ}{間|かん}",
	"{更|こう}{新|しん}",
	"{最|さい}{初|しょ}",
	"{残|のこ}り",
	"{消|け}し",
	"{準|じゅん}{備|び}",
	"{用|よう}{意|い}",
	"{画|が}{面|めん}",
	"{発|はっ}{行|こう}",
	"{直|なお}る",
	"{確|かく}{認|にん}",
	"{窓|まど}{口|ぐち}",
	"{端|たん}{末|まつ}",
	"{終|しゅう}{了|りょう}",
	"{終|お}わ",
	"{状|じょう}{態|たい}",
	"{置|お}き",
	"{複|ふく}{数|すう}",
	"{解|かい}{除|じょ}",
	"{試|ため}し",
	"{違|ちが}い",
	"{挿|さ}",
	"{桁|けた}",
}

var reading = regexp.MustCompile(`\{([^|]+)\|([^}]+)\}`)

var annotate = func() *strings.Replacer {
	var pairs []string
	for _, each := range readings {
		pairs = append(pairs, reading.ReplaceAllString(each, "$1"), reading.ReplaceAllString(each, "<ruby>$1<rt>$2</rt></ruby>"))
	}
	return strings.NewReplacer(pairs...)
}()

// read returns a text as HTML, with readings in Japanese.
func read(text string, l message.Language) template.HTML {
	escaped := template.HTMLEscapeString(text)
	if l == message.Japanese {
		escaped = annotate.Replace(escaped)
	}
	return template.HTML(escaped)
}

// word matches a word with readings and the kana and punctuation that follow it.
var word = regexp.MustCompile(`(?:<ruby>[^<]+<rt>[^<]+</rt></ruby>){1,4}\p{Hiragana}{0,8}[。、」]*`)

// keepWords marks words with readings, so that the style sheet can keep them on one line
// in headings. Browsers find Japanese word boundaries themselves, but not next to a
// reading.
func keepWords(html string) string {
	return word.ReplaceAllString(html, `<span class="word">$0</span>`)
}
