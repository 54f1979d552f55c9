package main

import (
	"fmt"
	"strings"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
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

暗証番号をカードに送るのは id と ssh-agent だけで、1回の入力につき1回です。`,
		EN: `Show the state of the My Number Card in the reader.
It uses no PIN and costs no try.

Only id and ssh-agent send a PIN to the card. Each PIN entered is sent once.`,
	}
	textListShort   = Text{JA: "カードリーダーの一覧を表示します", EN: "List the readers and where cards are"}
	textWatchShort  = Text{JA: "カードやリーダーの変化を、起きるたびに表示します", EN: "Show readers and cards coming and going, as it happens"}
	textCertShort   = Text{JA: "利用者証明用電子証明書を書き出します", EN: "Write the user-authentication certificate"}
	textIDShort     = Text{JA: "カードから8文字のIDを作ります（暗証番号を使います）", EN: "Derive the 8-character identifier (asks for the PIN)"}
	textKeygenShort = Text{JA: "名前空間の鍵を作ります", EN: "Make a namespace key"}

	textRetriesShort  = Text{JA: "暗証番号の残りの回数を表示します", EN: "Show the tries left"}
	textSimulateShort = Text{JA: "模擬カードを pcscd の仮想リーダーに入れます", EN: "Put a simulated card into pcscd's virtual reader"}

	textWatchLong = Text{
		JA: `カードリーダーとカードの変化を、起きるたびに1行ずつ表示します。はじめに、いまの
状態を表示します。サービス（PC/SC）が止まっても、再び動くまで待ちます。
止めるには Ctrl-C を押してください。--json では、1行が1つのJSONです。`,
		EN: `Show what happens to readers and cards, a line each, as it happens; first what
is there. If the service (PC/SC) goes away it waits for it to come back.
Press Ctrl-C to end it. With --json each line is one JSON object.`,
	}
	textCertLong = Text{
		JA: `利用者証明用電子証明書を標準出力に書き出します（PEM形式）。

証明書は個人情報です。シリアル番号（法律でいう「発行の番号」）を含み、その扱いは
法律で制限されています。暗証番号なしで読めるため、本人であることの証明には
なりません。--json は、失敗の表示だけに働きます。`,
		EN: `Write the user-authentication certificate to standard output, as PEM.

It is personal data: it holds the serial number, whose use the law restricts.
Since it can be read without a PIN it proves nothing about who presents it.
--json changes how failures are told, and nothing else.`,
	}
	textIDLong = Text{
		JA: `暗証番号（数字4桁）を確かめ、カードの鍵を確かめてから、8文字のIDを作ります。
暗証番号は画面に表示せずに端末から読みます。

発行元は、J-LISの認証局と --authority の認証局から探します。--require-chain を
付けると、どちらのものでもないカードには暗証番号を送りません（スマートフォンは、
暗証番号の後で証明書が読めるため、送った後に断ります）。

これは国の「マイキーID」ではありません。失効の確認はしていません。`,
		EN: `Verify the PIN (4 digits), let the card prove its key, and derive the
identifier of 8 characters. The PIN is read from the terminal and not shown.

The issuer is looked for among J-LIS's authorities and those of --authority.
With --require-chain no PIN is sent to a card of any other (a phone, which
shows its certificate only after the PIN, is refused then).

It is not the government's My Key ID. Revocation is not checked.`,
	}
	textKeygenLong = Text{
		JA: `名前空間の鍵（32バイト）を作り、本人だけが読めるファイルに書きます。
すでにあるファイルには書きません。鍵をなくすと、同じIDは二度と作れません。`,
		EN: `Make a namespace key of 32 bytes in a file that only you can read.
An existing file is never overwritten. If the key is lost, its identifiers can
never be made again.`,
	}

	textFlagReader       = Text{JA: "使うカードリーダーの名前、またはその一部（`NAME`）", EN: "`NAME` of the reader to use, or a part of it"}
	textFlagSimulator    = Text{JA: "リーダーの代わりに使う模擬カードの種類（`PROFILE`）", EN: "simulated card to use, by `PROFILE`, without a reader"}
	textFlagWait         = Text{JA: "カードを待つ時間（`DURATION`、例: 30s）", EN: "how long to wait for a card, as in 30s (`DURATION`)"}
	textFlagJSON         = Text{JA: "JSONで出力します", EN: "write JSON"}
	textFlagTrace        = Text{JA: "カードとのやりとりを標準エラーに表示します", EN: "show the exchanges with the card on standard error"}
	textFlagLang         = Text{JA: "表示の言語（`LANGUAGE`: ja, en）", EN: "`LANGUAGE` of messages (ja, en)"}
	textFlagCA           = Text{JA: "発行元（CA）の証明書を書き出します", EN: "write the issuer's (CA) certificate instead"}
	textFlagDER          = Text{JA: "DER形式で書き出します", EN: "write DER instead of PEM"}
	textFlagProfile      = Text{JA: "模擬カードの種類（`PROFILE`、初めは contact）", EN: "`PROFILE` of the simulated card (contact if not given)"}
	textFlagVPCD         = Text{JA: "仮想リーダー（`HOST:PORT`、初めは 127.0.0.1:35963）", EN: "virtual reader's `HOST:PORT` (127.0.0.1:35963)"}
	textFlagNamespace    = Text{JA: "IDを使う範囲（名前空間）の名前（`NAME`）", EN: "`NAME` of the namespace"}
	textFlagNamespaceKey = Text{JA: "名前空間の鍵ファイル（`FILE`）", EN: "`FILE` with the namespace's key"}
	textFlagPINStdin     = Text{JA: "暗証番号を標準入力の1行から読みます", EN: "read the PIN from one line of standard input"}
	textFlagAllowLastTry = Text{JA: "残り1回でも暗証番号を送ります", EN: "send the PIN although one try is left"}
	textFlagAllowExpired = Text{JA: "有効期限が切れた証明書でも続けます", EN: "go on with an expired certificate"}
	textFlagRequireChain = Text{JA: "発行元を確認できない証明書を断ります", EN: "refuse a certificate whose issuer is not verified"}
	textFlagAuthority    = Text{JA: "信頼する認証局の証明書（`FILE`）。複数可", EN: "trust the authority in `FILE` too; may be repeated"}
)

// How files are read, in a trace.
var (
	textReadsDeclared     = Text{JA: "ファイルは一度に読みます（拡張長に対応とカードのATRにあるため）", EN: "reading files at once: the card's ATR declares extended lengths"}
	textReadsShort        = Text{JA: "ファイルは256バイトずつ読みます（ATRに拡張長の記載がないため）", EN: "reading 256 bytes at a time: the ATR declares no extended lengths"}
	textReadsProbed       = Text{JA: "以後は一度に読みます（ATRに記載はありませんが、拡張長が通ったため）", EN: "reading files at once from here: the card accepts extended lengths, though its ATR does not declare them"}
	textReadsExtendedLost = Text{JA: "ファイルは256バイトずつ読みます（拡張長が通らなかったため）", EN: "reading 256 bytes at a time: an extended length did not pass"}
	textReadsSmall        = Text{JA: "ファイルは253バイトずつ読みます（256バイトの返事が届かなかったため）", EN: "reading 253 bytes at a time: an answer of 256 was lost"}
)

// The report.
var (
	textRowCard        = Text{JA: "カード", EN: "Card"}
	textRowReader      = Text{JA: "リーダー", EN: "Reader"}
	textRowPIN         = Text{JA: "利用者証明用の暗証番号", EN: "PIN (4 digits)"}
	textRowPassword    = Text{JA: "署名用の暗証番号", EN: "Signature password"}
	textRowCertificate = Text{JA: "利用者証明用電子証明書", EN: "Certificate"}
	textRowIssuer      = Text{JA: "発行元", EN: "Issuer"}
	textRowRevocation  = Text{JA: "失効", EN: "Revocation"}

	textIssuerNotAsked = Text{JA: "確認していません", EN: "not checked"}
	textIssuerNeedsPIN = Text{JA: "暗証番号を確認するまでわかりません", EN: "known only after the PIN"}
	textIssuerExpired  = Text{JA: "発行元の証明書が、有効期間の外です", EN: "its own certificate is out of its time"}
	textRevocation     = Text{JA: "確認していません（認定事業者のみ可能）", EN: "not checked (only certified operators can)"}

	textLastTryNotice = Text{
		JA: "暗証番号の残りは1回です。まちがえるとロックされ、窓口での再設定が必要です。",
		EN: "One try is left for the PIN. A wrong one locks it until the office resets it.",
	}
	textFewerTriesNotice = Text{
		JA: "暗証番号の入力を、前にまちがえています。正しく入力すると、回数は元に戻ります。",
		EN: "A wrong PIN was entered before. A correct one sets the tries back.",
	}
	textPasswordLockedNotice = Text{
		JA: "署名用の暗証番号がロックされています。窓口で再設定の手続きをしてください。",
		EN: "The signature password is locked. Your municipal office can reset it.",
	}
	textExpiredNotice = Text{
		JA: "電子証明書の有効期限が切れています。市区町村の窓口で更新してください。",
		EN: "The certificate has expired. Renew it at your municipal office.",
	}
	textExpiringNotice = Text{
		JA: "電子証明書の有効期限が近づいています。市区町村の窓口で更新できます。",
		EN: "The certificate expires soon. Your municipal office can renew it.",
	}

	textCardPresent = Text{JA: "カードあり", EN: "card present"}
	textCardAbsent  = Text{JA: "カードなし", EN: "empty"}
)

func textEvent() map[reader.EventKind]Text {
	return map[reader.EventKind]Text{
		reader.ServiceUp:     {JA: "スマートカードサービス（PC/SC）につながりました", EN: "the smart-card service (PC/SC) is there"},
		reader.ServiceDown:   {JA: "スマートカードサービス（PC/SC）につながりません", EN: "the smart-card service (PC/SC) is gone"},
		reader.ReaderAdded:   {JA: "カードリーダーがあります", EN: "reader there"},
		reader.ReaderRemoved: {JA: "カードリーダーが外れました", EN: "reader gone"},
		reader.CardInserted:  {JA: "カードがセットされました", EN: "card inserted"},
		reader.CardRemoved:   {JA: "カードが取り外されました", EN: "card removed"},
	}
}

func textIssuer() map[trust.Chain]Text {
	return map[trust.Chain]Text{
		trust.Unknown:   {JA: "確認できませんでした", EN: "could not be verified"},
		trust.Pinned:    {JA: "J-LIS（確認しました）", EN: "J-LIS (verified)"},
		trust.Caller:    {JA: "指定された認証局（確認しました）", EN: "an authority that was given (verified)"},
		trust.Simulator: {JA: "模擬カードの発行元（実際には使えません）", EN: "the simulator (not for real use)"},
	}
}

func textKind(k jpki.Kind) Text {
	switch k {
	case jpki.IndividualNumberCard:
		return Text{JA: "マイナンバーカード", EN: "My Number Card"}
	case jpki.ResidentCard:
		return Text{JA: "住民基本台帳カード（古いカード）", EN: "resident registry card (the older kind)"}
	case jpki.Android:
		return Text{JA: "Androidスマートフォン", EN: "Android phone"}
	case jpki.IPhone:
		return Text{JA: "iPhone", EN: "iPhone"}
	case jpki.AnnouncedCard:
		return Text{JA: "2028年に予定されているカード（模擬用に想定したもの）", EN: "card announced for 2028 (invented by the simulator)"}
	default:
		return Text{JA: "種類のわからないカード", EN: "card of an unknown kind"}
	}
}

func textReportTitle(k jpki.Kind) Text {
	switch k {
	case jpki.IndividualNumberCard:
		return Text{JA: "マイナンバーカードを読み取りました。暗証番号は使っていません。", EN: "A My Number Card was read. No PIN was used."}
	case jpki.ResidentCard:
		return Text{JA: "住民基本台帳カードを読み取りました。暗証番号は使っていません。", EN: "A resident registry card was read. No PIN was used."}
	case jpki.Android, jpki.IPhone:
		return Text{JA: "スマートフォンを読み取りました。暗証番号は使っていません。", EN: "A phone was read. No PIN was used."}
	default:
		return Text{JA: "カードを読み取りました。暗証番号は使っていません。", EN: "A card was read. No PIN was used."}
	}
}

func textSimulateLong() Text {
	profiles := profileList()
	return Text{
		JA: `模擬カードを pcscd の仮想リーダー（vsmartcard-vpcd）に入れ、止められるまで
応答します。暗証番号は 1234、署名用は ABC123 です。

模擬カードの種類:
` + profiles + `

announced-2028 は、2028年に予定されているカード（EC P-384の鍵）を想定した
架空のものです。実物は異なります。`,
		EN: `Put a simulated card into pcscd's virtual reader (vsmartcard-vpcd) and answer
until interrupted. Its PIN is 1234 and its signature password ABC123.

Profiles:
` + profiles + `

announced-2028 is invented: it stands for the card announced for 2028, with
EC P-384 keys. The real card will differ.`,
	}
}

// profileList lists the simulated cards within 80 columns.
func profileList() string {
	var b strings.Builder
	line := " "
	for _, profile := range simulator.Profiles() {
		if len(line)+1+len(profile) > 78 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + string(profile)
	}
	return b.String() + line
}

func triesText(c credential.Counter) Text {
	if c.Locked() {
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
		return Text{JA: "暗証番号を確認するまで読み取れません", EN: "can be read only after the PIN"}
	case !c.Present:
		return Text{JA: "入っていません", EN: "none"}
	case c.Status == "":
		return Text{JA: "読み取れません", EN: "cannot be read"}
	case c.Status == trust.Expired:
		return Text{JA: "期限切れ（" + c.until.JA + "まで）", EN: "expired on " + c.until.EN}
	case c.Status == trust.NotYetValid:
		return Text{JA: "まだ有効期間ではありません", EN: "not valid yet"}
	default:
		return Text{JA: "期限内（" + c.until.JA + "まで）", EN: "not expired (until " + c.until.EN + ")"}
	}
}

// The identifier.
var (
	textRowID        = Text{JA: "ID", EN: "Identifier"}
	textRowNamespace = Text{JA: "名前空間", EN: "Namespace"}
	textRowChecked   = Text{JA: "確認したこと", EN: "Checked"}
	textRowUnchecked = Text{JA: "確認していないこと", EN: "Not checked"}
	textRowReported  = Text{JA: "暗証番号", EN: "PIN"}
	textRowUntil     = Text{JA: "証明書の期限", EN: "Certificate"}
	textUntil        = Text{JA: "%sまで", EN: "until %s"}
	textReported     = Text{JA: "正しいとカードが答えました", EN: "the card reported a correct PIN"}
	textSimulatedID  = Text{JA: "模擬カードで作ったIDです。実際には使えません。", EN: "Made with a simulated card; not for real use."}
	textNotOfficial  = Text{JA: "これは国の「マイキーID」ではありません。", EN: "This is not the government's My Key ID."}
	textIDChanges    = Text{JA: "電子証明書を更新すると、このIDは変わります。", EN: "This identifier changes when the certificate is renewed."}

	textWaiting = Text{
		JA: "カードを待っています。カードリーダーにセットしてください:",
		EN: "Waiting for a card. Place it on a reader:",
	}
	textWaitingForReader = Text{
		JA: "カードリーダーを待っています。USBの接続を確かめてください。",
		EN: "Waiting for a card reader. Check its USB connection.",
	}
	textWaitingForService = Text{
		JA: "スマートカードサービス（PC/SC）の開始を待っています。",
		EN: "Waiting for the smart-card service (PC/SC) to start.",
	}

	textPINStdinTerminal = Text{
		JA: "--pin-stdin は、端末からの入力には使えません。番号が画面に出るためです。\n" +
			"暗証番号は送っていません。--pin-stdin を付けずに実行してください。",
		EN: "--pin-stdin does not read from a terminal, which would show the PIN.\n" +
			"No PIN was sent. Run it without --pin-stdin.",
	}
	textNamespaceMissing = Text{
		JA: "--namespace と --namespace-key を指定してください。",
		EN: "Give both --namespace and --namespace-key.",
	}
	textDERToTerminal = Text{
		JA: "--der は、ファイルかパイプに書き出してください。",
		EN: "Send --der to a file or a pipe.",
	}
	textAuthorityFile = Text{
		JA: "--authority のファイルは、認証局の証明書として使えません。理由は下の行にあります。",
		EN: "The --authority file can't be used. The line below says why.",
	}
	textAuthorityFileNext = Text{
		JA: "担当者の方へ: 認証局の証明書（PEMまたはDER）のファイルを指定してください。\nカードには何も送っていません。",
		EN: "For staff: give a file with CA certificates, as PEM or DER.\nNothing was sent to the card.",
	}
	textKeyExists = Text{
		JA: "そのファイルはすでにあります。上書きはしませんでした。",
		EN: "The file exists already and was not overwritten.",
	}
	textKeyExistsNext = Text{
		JA: "別のファイル名を指定してください。元の鍵は消さないでください。",
		EN: "Choose another name. Do not delete the old key: its identifiers depend on it.",
	}
	textKeyMade = Text{
		JA: "鍵を作りました: %s（鍵の番号 %s）\n控えを安全な場所に保管してください。なくすと、同じIDは二度と作れません。\n",
		EN: "Key made: %s (key number %s)\nCopy it to a safe place: without it these identifiers can't be made again.\n",
	}
	textKeyMadeUnsaid = Text{
		JA: "鍵を作りました: %s（鍵の番号 %s）\nしかし、標準出力に書き込めませんでした。",
		EN: "Key made: %s (key number %s)\nBut standard output could not be written.",
	}
	textKeyMadeUnsaidNext = Text{
		JA: "作り直さずに、この鍵の控えを安全な場所に保管してください。",
		EN: "Do not make another one. Copy this one to a safe place.",
	}
	textLent    = Text{JA: "模擬カード %s を %s に入れました。止めるには Ctrl-C を押してください。\n", EN: "Simulated card %s inserted at %s. Press Ctrl-C to take it out.\n"}
	textNotLent = Text{JA: "仮想リーダー %s につながりません。つながるまで待ちます（%s）\n", EN: "No virtual reader at %s. Waiting for it (%s)\n"}
)

func textUnchecked() map[trust.Chain]Text {
	return map[trust.Chain]Text{
		trust.Unknown:   {JA: "発行元（確認できませんでした）、失効", EN: "issuer (could not be verified), revocation"},
		trust.Pinned:    {JA: "失効", EN: "revocation"},
		trust.Caller:    {JA: "失効", EN: "revocation"},
		trust.Simulator: {JA: "失効", EN: "revocation"},
	}
}

func textChecked() map[trust.Chain]Text {
	return map[trust.Chain]Text{
		trust.Unknown:   {JA: "カードの鍵", EN: "the card's key"},
		trust.Pinned:    {JA: "カードの鍵、発行元（J-LIS）", EN: "the card's key, issuer (J-LIS)"},
		trust.Caller:    {JA: "カードの鍵、発行元（指定された認証局）", EN: "the card's key, issuer (an authority that was given)"},
		trust.Simulator: {JA: "カードの鍵", EN: "the card's key"},
	}
}
