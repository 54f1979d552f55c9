package web

import (
	"html/template"
	"strings"

	"github.com/mykeykit/mykeykit/internal/message"
)

// readings are the hard words of messages with how they are read (振り仮名), longer
// ones before those that they begin with.
var readings = []string{
	"署名用電子証明書", "しょめいようでんししょうめいしょ",
	"署名用", "しょめいよう",
	"利用者証明用電子証明書", "りようしゃしょうめいようでんししょうめいしょ",
	"利用者証明用", "りようしゃしょうめいよう",
	"顔認証", "かおにんしょう",
	"電子証明書", "でんししょうめいしょ",
	"証明書", "しょうめいしょ",
	"暗証番号", "あんしょうばんごう",
	"有効期限", "ゆうこうきげん",
	"有効期間", "ゆうこうきかん",
	"発行元", "はっこうもと",
	"認証局", "にんしょうきょく",
	"住民票", "じゅうみんひょう",
	"市区町村", "しくちょうそん",
	"窓口", "まどぐち",
	"再設定", "さいせってい",
	"更新", "こうしん",
	"手続き", "てつづき",
	"解除", "かいじょ",
	"時間", "じかん",
	"数字", "すうじ",
	"桁", "けた",
	"確認", "かくにん",
	"確かめ", "たしかめ",
	"違い", "ちがい",
	"試し", "ためし",
	"残り", "のこり",
	"係の", "かかりの",
	"担当者", "たんとうしゃ",
	"復旧", "ふっきゅう",
	"終了", "しゅうりょう",
	"担当者", "たんとうしゃ",
	"引き継ぎ", "ひきつぎ",
	"受付", "うけつけ",
	"休止", "きゅうし",
	"再開", "さいかい",
	"最初", "さいしょ",
	"画面", "がめん",
	"戻り", "もどり",
	"戻る", "もどる",
	"操作", "そうさ",
	"入力", "にゅうりょく",
	"消し", "けし",
	"準備", "じゅんび",
	"直る", "なおる",
	"取り出", "とりだ",
	"読み取", "よみと",
	"複数", "ふくすう",
	"挿", "さ",
	"故障", "こしょう",
}

var annotate = func() *strings.Replacer {
	var pairs []string
	for i := 0; i < len(readings); i += 2 {
		pairs = append(pairs, readings[i], "<ruby>"+readings[i]+"<rt>"+readings[i+1]+"</rt></ruby>")
	}
	return strings.NewReplacer(pairs...)
}()

// read is a text as HTML, in Japanese with readings above its hard words.
func read(text string, l message.Language) template.HTML {
	escaped := template.HTMLEscapeString(text)
	if l == message.Japanese {
		escaped = annotate.Replace(escaped)
	}
	return template.HTML(escaped)
}
