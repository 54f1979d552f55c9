package main

import (
	"fmt"

	"github.com/mykeykit/mykeykit/jpki"
)

// Everything the program says to people, beside failures.

var (
	textRootShort = Text{
		JA: "カードリーダーにあるマイナンバーカードの状態を表示します",
		EN: "Show what is in the card reader",
	}
	textRootLong = Text{
		JA: `カードリーダーにあるマイナンバーカードの状態を表示します。
暗証番号は使わず、入力できる回数も減りません。

暗証番号をカードに送るのは id だけで、1回の入力につき1回です。`,
		EN: `Show the state of the My Number Card in the reader.
It uses no PIN and costs no try.

Only id sends a PIN to the card, once for each time it was entered.`,
	}
	textHelpShort   = Text{JA: "コマンドの使い方を表示します", EN: "Show how a command is used"}
	textListShort   = Text{JA: "カードリーダーの一覧を表示します", EN: "List the readers and where cards are"}
	textCertShort   = Text{JA: "利用者証明用電子証明書を書き出します", EN: "Write the user-authentication certificate"}
	textIDShort     = Text{JA: "カードから8文字のIDを作ります（暗証番号を使います）", EN: "Derive the 8-character identifier (asks for the PIN)"}
	textKeygenShort = Text{JA: "名前空間の鍵を作ります", EN: "Make a namespace key"}

	textRetriesShort  = Text{JA: "暗証番号の残りの回数を表示します", EN: "Show the tries left"}
	textSimulateShort = Text{JA: "模擬カードを pcscd の仮想リーダーに入れます", EN: "Put a simulated card into pcscd's virtual reader"}

	textCertLong = Text{
		JA: `利用者証明用電子証明書を標準出力に書き出します（PEM形式）。

証明書は個人情報です。製造番号にあたる「発行の番号」を含み、その扱いは法律で
制限されています。暗証番号なしで読めるため、本人の証明にはなりません。`,
		EN: `Write the user-authentication certificate to standard output, as PEM.

It is personal data: it holds the serial number, whose use the law restricts.
Since it can be read without a PIN it proves nothing about who presents it.`,
	}
	textIDLong = Text{
		JA: `暗証番号（数字4桁）を確かめ、カードの鍵を確かめてから、8文字のIDを作ります。
暗証番号は画面に表示せずに端末から読みます。

これは国の「マイキーID」ではありません。失効の確認はしていません。`,
		EN: `Verify the PIN (4 digits), let the card prove its key, and derive the
identifier of 8 characters. The PIN is read from the terminal and not shown.

It is not the government's My Key ID. Revocation is not checked.`,
	}
	textKeygenLong = Text{
		JA: `名前空間の鍵（32バイト）を作り、本人だけが読めるファイルに書きます。
すでにあるファイルには書きません。鍵をなくすと、作ったIDは二度と作れません。`,
		EN: `Make a namespace key of 32 bytes in a file that only you can read.
An existing file is never overwritten. Who loses the key loses all identifiers.`,
	}
	textSimulateLong = Text{
		JA: `模擬カードを pcscd の仮想リーダー（vsmartcard-vpcd）に入れ、止められるまで
応答します。暗証番号は 1234、署名用は ABC123 です。`,
		EN: `Put a simulated card into pcscd's virtual reader (vsmartcard-vpcd) and answer
until interrupted. Its PIN is 1234 and its signature password ABC123.`,
	}

	textFlagReader       = Text{JA: "使うカードリーダーの`名前`", EN: "`name` of the reader to use"}
	textFlagSimulator    = Text{JA: "リーダーの代わりに使う模擬カードの`種類`", EN: "simulated card to use, by `profile`, without a reader"}
	textFlagWait         = Text{JA: "カードを待つ`時間`（例: 30s）", EN: "how long to wait for a card, as in 30s (`duration`)"}
	textFlagJSON         = Text{JA: "JSONで出力します", EN: "write JSON"}
	textFlagTrace        = Text{JA: "カードとのやりとりを標準エラーに表示します", EN: "show the exchanges with the card on standard error"}
	textFlagLang         = Text{JA: "表示の`言語`（ja, en）", EN: "`language` of messages (ja, en)"}
	textFlagHelp         = Text{JA: "使い方を表示します", EN: "show how it is used"}
	textFlagVersion      = Text{JA: "版を表示します", EN: "show the version"}
	textFlagCA           = Text{JA: "発行元（CA）の証明書を書き出します", EN: "write the issuer's (CA) certificate instead"}
	textFlagDER          = Text{JA: "DER形式で書き出します", EN: "write DER instead of PEM"}
	textFlagProfile      = Text{JA: "模擬カードの`種類`", EN: "`profile` of the simulated card"}
	textFlagVPCD         = Text{JA: "仮想リーダーの`アドレス`", EN: "virtual reader's `address`"}
	textFlagNamespace    = Text{JA: "IDを使う範囲（名前空間）の`名前`", EN: "`name` of the namespace"}
	textFlagNamespaceKey = Text{JA: "名前空間の鍵の`ファイル`", EN: "`file` with the namespace's key"}
	textFlagPINStdin     = Text{JA: "暗証番号を標準入力の1行から読みます", EN: "read the PIN from one line of standard input"}
	textFlagAllowLastTry = Text{JA: "残り1回でも暗証番号を送ります", EN: "send the PIN although one try is left"}
	textFlagAllowExpired = Text{JA: "有効期限が切れた証明書でも続けます", EN: "go on with an expired certificate"}
)

// The report.
var (
	textReportTitle = map[jpki.Kind]Text{
		jpki.IndividualNumberCard: {JA: "マイナンバーカードを読みました。暗証番号は使っていません。", EN: "A My Number Card was read. No PIN was used."},
		jpki.ResidentCard:         {JA: "住民基本台帳カードを読みました。暗証番号は使っていません。", EN: "A resident registry card was read. No PIN was used."},
		jpki.Android:              {JA: "スマートフォンを読みました。暗証番号は使っていません。", EN: "A phone was read. No PIN was used."},
		jpki.IPhone:               {JA: "スマートフォンを読みました。暗証番号は使っていません。", EN: "A phone was read. No PIN was used."},
		jpki.UnknownKind:          {JA: "カードを読みました。暗証番号は使っていません。", EN: "A card was read. No PIN was used."},
	}
	textKind = map[jpki.Kind]Text{
		jpki.IndividualNumberCard: {JA: "マイナンバーカード", EN: "My Number Card"},
		jpki.ResidentCard:         {JA: "住民基本台帳カード（古いカード）", EN: "resident registry card (the older kind)"},
		jpki.Android:              {JA: "Androidスマートフォン", EN: "Android phone"},
		jpki.IPhone:               {JA: "iPhone", EN: "iPhone"},
		jpki.UnknownKind:          {JA: "種類のわからないカード", EN: "card of an unknown kind"},
	}

	textRowCard        = Text{JA: "カード", EN: "Card"}
	textRowReader      = Text{JA: "リーダー", EN: "Reader"}
	textRowPIN         = Text{JA: "暗証番号（数字4桁）", EN: "PIN (4 digits)"}
	textRowPassword    = Text{JA: "署名用の暗証番号", EN: "Signature password"}
	textRowCertificate = Text{JA: "電子証明書", EN: "Certificate"}
	textRowIssuer      = Text{JA: "発行元", EN: "Issuer"}
	textRowRevocation  = Text{JA: "失効", EN: "Revocation"}

	textNotChecked = Text{JA: "確認していません", EN: "not checked"}
	textRevocation = Text{JA: "確認していません（認定事業者のみ可能）", EN: "not checked (only certified operators can)"}

	textLastTryNotice = Text{
		JA: "暗証番号の残りは1回です。まちがえるとロックされ、窓口での再設定が必要です。",
		EN: "One try is left for the PIN. A wrong one locks it until the office resets it.",
	}
	textExpiredNotice = Text{
		JA: "電子証明書の有効期限が切れています。市区町村の窓口で更新してください。",
		EN: "The certificate has expired. Renew it at your municipal office.",
	}
	textExpiringNotice = Text{
		JA: "もうすぐ期限です。市区町村の窓口で更新できます。更新するとIDは変わります。",
		EN: "It ends soon and can be renewed at your municipal office.\nRenewal changes the identifier.",
	}

	textCardPresent = Text{JA: "カードあり", EN: "card present"}
	textCardAbsent  = Text{JA: "カードなし", EN: "empty"}
)

func triesText(c jpki.Counter) Text {
	if c.Blocked() {
		return Text{JA: "ロックされています", EN: "locked"}
	}
	return Text{
		JA: fmt.Sprintf("残り%d回（最大%d回）", c.Remaining, c.Max),
		EN: fmt.Sprintf("%d of %d tries left", c.Remaining, c.Max),
	}
}

func certificateText(c certificate) Text {
	switch {
	case c.PINRequired:
		return Text{JA: "暗証番号を確かめるまで読めません", EN: "can be read only after the PIN"}
	case !c.Present:
		return Text{JA: "入っていません", EN: "none"}
	case c.Status == "":
		return Text{JA: "読めません", EN: "damaged"}
	case c.Status == jpki.Expired:
		return Text{JA: "期限切れ（" + c.until.JA + "まで）", EN: "expired on " + c.until.EN}
	case c.Status == jpki.NotYetValid:
		return Text{JA: "まだ有効期間ではありません", EN: "not valid yet"}
	default:
		return Text{JA: "期限内（" + c.until.JA + "まで）", EN: "in date until " + c.until.EN}
	}
}

// The identifier.
var (
	textRowID        = Text{JA: "ID", EN: "Identifier"}
	textRowNamespace = Text{JA: "名前空間", EN: "Namespace"}
	textRowChecked   = Text{JA: "確認したこと", EN: "Checked"}
	textRowUnchecked = Text{JA: "確認していないこと", EN: "Not checked"}
	textRowUntil     = Text{JA: "証明書の期限", EN: "Certificate until"}
	textChecked      = Text{JA: "暗証番号、カードの鍵", EN: "PIN, the card's key"}
	textUnchecked    = Text{JA: "発行元、失効", EN: "issuer, revocation"}
	textNotOfficial  = Text{JA: "これは国の「マイキーID」ではありません。", EN: "This is not the government's My Key ID."}
	textIDChanges    = Text{JA: "電子証明書を更新すると、このIDは変わります。", EN: "Renewing the certificate changes it."}

	textAskPIN = Text{
		JA: "利用者証明用の暗証番号（数字4桁）を入れて、Enterを押してください。\n残り%d回です。入力した数字は画面に出ません。\n暗証番号: ",
		EN: "Enter the PIN for user authentication (4 digits) and press Enter.\nTries left: %d. What you type is not shown.\nPIN: ",
	}
	textKeyReadable = Text{
		JA: "注意: 鍵ファイルをほかの人も読めます。chmod 600 で自分だけにしてください。",
		EN: "Warning: others can read the key file. Make it yours alone with chmod 600.",
	}
	textKeyMade = Text{
		JA: "鍵を作りました: %s（鍵の番号 %s）\n安全な場所に写しを取ってください。なくすと、同じIDは二度と作れません。\n",
		EN: "Key made: %s (key number %s)\nKeep a copy in a safe place. Without it the same identifiers can't be made again.\n",
	}
	textLent    = Text{JA: "模擬カード %s を %s に入れました。止めるには Ctrl-C を押してください。\n", EN: "Simulated card %s inserted at %s. Press Ctrl-C to take it out.\n"}
	textNotLent = Text{JA: "仮想リーダー %s につながりません。つながるまで待ちます（%s）\n", EN: "No virtual reader at %s. Waiting for it (%s)\n"}
)

// textUsageTemplate is cobra's template of usage, without what this program
// has not.
var textUsageTemplate = Text{JA: usageTemplate("使い方", "例", "コマンド", "フラグ", "全体のフラグ"), EN: usageTemplate("Usage", "Examples", "Commands", "Flags", "Global flags")}

func usageTemplate(usage, examples, commands, flags, global string) string {
	return usage + `:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

` + examples + `:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

` + commands + `:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

` + flags + `:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

` + global + `:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`
}
