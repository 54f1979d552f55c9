package panel

import (
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// texts are the texts of panel.html, by name.
var texts = map[string]message.Text{
	"title":    {JA: "模擬カードの操作盤", EN: "Simulated cards"},
	"notice":   {JA: "模擬カードの操作盤 – 端末の画面ではありません", EN: "SIMULATED CARDS – not part of the terminal"},
	"pin":      {JA: "すべてのカードの暗証番号:", EN: "PIN of every card:"},
	"number":   {JA: "照合番号B:", EN: "verification number B:"},
	"inside":   {JA: "リーダーにカードが置かれています。", EN: "A card is in the reader."},
	"empty":    {JA: "リーダーにカードは置かれていません。", EN: "The reader is empty."},
	"remove":   {JA: "カードを取る", EN: "Remove the card"},
	"insert":   {JA: "カードを置く:", EN: "Insert a card:"},
	"unplug":   {JA: "リーダーを外す", EN: "Unplug the reader"},
	"none":     {JA: "リーダーは外れています。", EN: "The reader is unplugged."},
	"plug":     {JA: "リーダーをつなぐ", EN: "Plug in the reader"},
	"stop":     {JA: "スマートカードサービスを停止する", EN: "Stop the PC/SC service"},
	"run":      {JA: "スマートカードサービスを開始する", EN: "Start the PC/SC service"},
	"second":   {JA: "2台目のリーダーに2枚目のカードを置く", EN: "Insert a second card into a second reader"},
	"noSecond": {JA: "2台目のリーダーを外す", EN: "Unplug the second reader"},
	"language": {JA: "English", EN: "日本語"},
}

// profiles are the names of the simulated cards.
var profiles = map[simulator.Profile]message.Text{
	simulator.Contact:         {JA: "マイナンバーカード", EN: "My Number Card"},
	simulator.ContactExtended: {JA: "マイナンバーカード（拡張長に対応）", EN: "My Number Card, extended lengths"},
	simulator.ContactShort:    {JA: "マイナンバーカード（拡張長に非対応）", EN: "My Number Card, short lengths"},
	simulator.Contactless:     {JA: "マイナンバーカード（非接触）", EN: "My Number Card, contactless"},
	simulator.Android:         {JA: "Androidスマートフォン", EN: "Android phone"},
	simulator.IPhone:          {JA: "iPhone", EN: "iPhone"},
	simulator.ResidentCard:    {JA: "住民基本台帳カード", EN: "Resident registry card"},
	simulator.NoCertificate:   {JA: "電子証明書のないカード", EN: "Card without a certificate"},
	simulator.Expired:         {JA: "電子証明書の期限が切れたカード", EN: "Card with an expired certificate"},
	simulator.Expiring:        {JA: "電子証明書の期限が近いカード", EN: "Card whose certificate expires soon"},
	simulator.Locked:          {JA: "暗証番号がロックされたカード", EN: "Card with a locked PIN"},
	simulator.LastAttempt:     {JA: "暗証番号の残りが1回のカード", EN: "Card with one PIN attempt left"},
	simulator.FaceAuth:        {JA: "顔認証マイナンバーカード", EN: "Card with face authentication"},
	simulator.Announced2028:   {JA: "2028年に予定されているカード（架空）", EN: "Card announced for 2028 (invented)"},
	simulator.NotMyNumber:     {JA: "ほかの種類のカード", EN: "Card of another kind"},
}
