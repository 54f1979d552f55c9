package panel

import (
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// texts are what the page says, by the names that panel.html has for them.
var texts = map[string]message.Text{
	"title":    {JA: "模擬カードの操作盤", EN: "Simulated cards"},
	"apart":    {JA: "模擬カードの操作盤 – 端末の画面ではありません", EN: "SIMULATED CARDS – not part of the terminal"},
	"pin":      {JA: "すべてのカードの暗証番号:", EN: "PIN of every card:"},
	"inside":   {JA: "リーダーにカードが入っています。", EN: "A card is in the reader."},
	"empty":    {JA: "リーダーにカードは入っていません。", EN: "The reader is empty."},
	"remove":   {JA: "カードを取り出す", EN: "Take the card out"},
	"insert":   {JA: "カードを入れる:", EN: "Insert a card:"},
	"unplug":   {JA: "リーダーを外す", EN: "Unplug the reader"},
	"none":     {JA: "リーダーは外れています。", EN: "The reader is unplugged."},
	"plug":     {JA: "リーダーをつなぐ", EN: "Plug the reader in"},
	"stop":     {JA: "PC/SCサービスを止める", EN: "Stop the PC/SC service"},
	"run":      {JA: "PC/SCサービスを始める", EN: "Start the PC/SC service"},
	"second":   {JA: "2台目のリーダーに2枚目のカードを入れる", EN: "Insert a second card into a second reader"},
	"noSecond": {JA: "2台目のリーダーを外す", EN: "Unplug the second reader"},
	"language": {JA: "English", EN: "日本語"},
}

// profiles are what the simulated cards are, for who has to choose one.
var profiles = map[simulator.Profile]message.Text{
	simulator.Contact:         {JA: "マイナンバーカード", EN: "My Number Card"},
	simulator.ContactExtended: {JA: "マイナンバーカード（拡張長に対応）", EN: "My Number Card, extended lengths"},
	simulator.ContactShort:    {JA: "マイナンバーカード（拡張長に非対応）", EN: "My Number Card, short lengths"},
	simulator.Contactless:     {JA: "マイナンバーカード（非接触）", EN: "My Number Card, contactless"},
	simulator.Android:         {JA: "Androidスマートフォン", EN: "Android phone"},
	simulator.IPhone:          {JA: "iPhone", EN: "iPhone"},
	simulator.ResidentCard:    {JA: "住民基本台帳カード", EN: "resident registry card"},
	simulator.Announced2028:   {JA: "2028年に予定されているカード（架空）", EN: "card announced for 2028 (invented)"},
	simulator.NoCertificate:   {JA: "電子証明書のないカード", EN: "card without a certificate"},
	simulator.Expired:         {JA: "電子証明書の期限が切れたカード", EN: "card with an expired certificate"},
	simulator.Expiring:        {JA: "電子証明書の期限が近いカード", EN: "card whose certificate expires soon"},
	simulator.Locked:          {JA: "暗証番号がロックされたカード", EN: "card with a locked PIN"},
	simulator.LastTry:         {JA: "暗証番号の残りが1回のカード", EN: "card with one PIN attempt left"},
	simulator.FaceAuth:        {JA: "顔認証マイナンバーカード", EN: "card with face authentication"},
	simulator.NotMyNumber:     {JA: "ほかの種類のカード", EN: "card of another kind"},
}
