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

// Texts of the program, except those of failures.

var (
	textRootShort = Text{
		JA: "カードリーダーにあるマイナンバーカードの状態を表示します",
		EN: "Describe the card in the reader",
	}
	textRootLong = Text{
		JA: `カードリーダーにあるマイナンバーカードの状態を表示します。
暗証番号は使わず、入力できる回数も減りません。

暗証番号や照合番号をカードに送るのは id、sign、cert --signature、attributes、
face、number、pin、ssh-agent だけで、1回の入力につき多くても1回です。ほかの
コマンドで、入力できる回数が減ることはありません。`,
		EN: `Without a subcommand, card-info describes the My Number Card in the reader. It
uses no PIN and no PIN attempt.

Only id, sign, cert --signature, attributes, face, number, pin and ssh-agent
send a PIN, password or verification number to the card. They send what you
enter at most once. No other command can use up an attempt.`,
	}
	textListShort   = Text{JA: "カードリーダーの一覧と、カードの有無を表示します", EN: "List the readers and whether each holds a card"}
	textWatchShort  = Text{JA: "カードやリーダーの変化を、続けて表示します", EN: "Report changes of readers and cards as they happen"}
	textCertShort   = Text{JA: "利用者証明用電子証明書を書き出します", EN: "Write the user-authentication certificate"}
	textIDShort     = Text{JA: "カードから8文字のIDを作ります（暗証番号を使います）", EN: "Derive the 8-character identifier (asks for the PIN)"}
	textKeygenShort = Text{JA: "名前空間の鍵を作ります", EN: "Generate a namespace key"}

	textRetriesShort  = Text{JA: "暗証番号を入力できる残りの回数を表示します", EN: "Show the PIN attempts left"}
	textSimulateShort = Text{JA: "模擬カードを pcscd の仮想リーダーにセットします", EN: "Insert a simulated card into pcscd's virtual reader"}

	textWatchLong = Text{
		JA: `初めに、つながっているカードリーダーとカードを表示します。その後は、変化が
あるたびに1行ずつ表示します。サービス（PC/SC）が止まったときは、再び動くまで
待ちます。終了するには Ctrl-C を押してください。
--json を付けると、1行に1つのJSONオブジェクトを出力します。`,
		EN: `List the readers and cards that are present, then print a line for each change.
If the service (PC/SC) stops, watch waits until it is back. Press Ctrl-C to
stop. With --json each line is one JSON object.`,
	}
	textCertLong = Text{
		JA: `利用者証明用電子証明書を標準出力に書き出します（PEM形式）。

証明書は個人情報です。シリアル番号（法律でいう「発行の番号」）を含み、その利用は
法律で制限されています。暗証番号なしで読めるため、本人であることの証明には
なりません。--json を付けると、失敗したときの表示だけがJSONになります。

--signature を付けると、署名用電子証明書を書き出します。署名用の暗証番号を
送ります。まちがえると、残りの回数が1回減ります。`,
		EN: `Write the user-authentication certificate to standard output, as PEM.

It is personal data, and the law restricts the use of its serial number. Anyone
can read it without a PIN, so it does not prove who presents it. --json affects
only how failures are printed.

With --signature, write the signature certificate. It needs the signature
password; a wrong one uses up an attempt.`,
	}
	textIDLong = Text{
		JA: `暗証番号（数字4けた）とカードの鍵を確認してから、8文字のIDを作ります。
暗証番号はターミナルで入力します。画面には表示しません。

発行元は、J-LISの認証局と、--ca-certificate で指定した認証局から探します。
--require-chain を付けると、発行元が見つからないカードには暗証番号を送りません
（スマートフォンの証明書は暗証番号を確認した後でしか読めないため、暗証番号を
送った後に拒否します）。

これは国の「マイキーID」ではありません。失効は確認しません。`,
		EN: `Verify the PIN (4 digits), check that the card holds the certificate's key, and
derive the 8-character identifier. Enter the PIN at the terminal; it is not
shown.

The issuer is looked up among the CAs of J-LIS and those given with
--ca-certificate. With --require-chain a card from any other issuer is rejected
before the PIN is sent. A phone with such a certificate is rejected afterwards,
because it shows its certificate only after the PIN.

The identifier is not the government's My Key ID. Revocation is not checked.`,
	}
	textKeygenLong = Text{
		JA: `名前空間の鍵（32バイト）を作り、自分だけが読めるファイルに保存します。
既存のファイルは上書きしません。鍵をなくすと、同じIDは二度と作れません。`,
		EN: `Generate a namespace key (32 bytes) in a file that only you can read. It never
overwrites a file. If you lose the key, its identifiers can't be derived again.`,
	}

	textFlagReader           = Text{JA: "使うカードリーダーの名前、またはその一部（`NAME`）", EN: "the reader's `NAME`, or a part of the name"}
	textFlagSimulator        = Text{JA: "リーダーの代わりに使う模擬カードの種類（`PROFILE`）", EN: "simulated card (`PROFILE`) used instead of a reader"}
	textFlagWait             = Text{JA: "カードを待つ時間（`DURATION`、例: 30s）", EN: "time to wait for a card, such as 30s (`DURATION`)"}
	textFlagJSON             = Text{JA: "JSONで出力します", EN: "write JSON"}
	textFlagTrace            = Text{JA: "カードとの通信を標準エラー出力に表示します", EN: "show all commands and responses on standard error"}
	textFlagLang             = Text{JA: "表示の言語（`LANGUAGE`: ja, en）", EN: "`LANGUAGE` of messages (ja, en)"}
	textFlagCA               = Text{JA: "発行元（CA）の証明書を書き出します", EN: "write the issuer's (CA) certificate instead"}
	textFlagDER              = Text{JA: "DER形式で書き出します", EN: "write DER instead of PEM"}
	textFlagProfile          = Text{JA: "模擬カードの種類（`PROFILE`、既定値: contact）", EN: "`PROFILE` of the simulated card (default: contact)"}
	textFlagVPCD             = Text{JA: "仮想リーダー（`HOST:PORT`、既定値: 127.0.0.1:35963）", EN: "virtual reader (`HOST:PORT`, default: 127.0.0.1:35963)"}
	textFlagNamespace        = Text{JA: "名前空間（IDを使う範囲）の名前（`NAME`）", EN: "`NAME` of the namespace"}
	textFlagNamespaceKey     = Text{JA: "名前空間の鍵ファイル（`FILE`）", EN: "`FILE` with the namespace key"}
	textFlagPINStdin         = Text{JA: "暗証番号を標準入力の1行から読みます", EN: "read the PIN from one line of standard input"}
	textFlagAllowLastAttempt = Text{JA: "残り1回でも続けます", EN: "continue even if only one attempt is left"}
	textFlagAllowExpired     = Text{JA: "有効期限が切れた証明書でも続けます", EN: "accept an expired certificate"}
	textFlagRequireChain     = Text{JA: "発行元を確認できない証明書を拒否します", EN: "reject a certificate whose issuer is not verified"}
	textFlagCACertificate    = Text{JA: "信頼する認証局の証明書（`FILE`）。複数可", EN: "CA certificate to trust (`FILE`); repeatable"}
)

// Comments in a trace on how files are read.
var (
	textReadsDeclared     = Text{JA: "ファイルを一度に読み取ります（カードのATRに拡張長の記載があるため）", EN: "reading files in one command: the card's ATR declares extended lengths"}
	textReadsShort        = Text{JA: "ファイルを256バイトずつ読み取ります（ATRに拡張長の記載がないため）", EN: "reading 256 bytes at a time: the ATR declares no extended lengths"}
	textReadsProbed       = Text{JA: "以後は一度に読み取ります（ATRに記載のない拡張長を、カードが受け付けたため）", EN: "reading files in one command from here: the card accepts extended lengths, though its ATR does not declare them"}
	textReadsExtendedLost = Text{JA: "ファイルを256バイトずつ読み取ります（拡張長が拒否されたため）", EN: "reading 256 bytes at a time: an extended length was rejected"}
	textReadsSmall        = Text{JA: "ファイルを253バイトずつ読み取ります（256バイトの応答が届かないため）", EN: "reading 253 bytes at a time: a response of 256 bytes was lost"}
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

	textIssuerNotChecked = Text{JA: "確認していません", EN: "not checked"}
	textIssuerNeedsPIN   = Text{JA: "暗証番号を確認するまでわかりません", EN: "known only after the PIN"}
	textIssuerExpired    = Text{JA: "認証局の証明書が、有効期間外です", EN: "its CA certificate is expired or not yet valid"}
	textRevocation       = Text{JA: "確認していません（認定などを受けた者のみ可能）", EN: "not checked (only certified verifiers can)"}

	textLastAttemptNotice = Text{
		JA: "暗証番号を入力できるのは、あと1回です。\n" +
			"まちがえるとロックされ、市区町村の窓口での再設定が必要です。",
		EN: "1 PIN attempt left.\nA wrong entry locks the PIN; only a municipal office can reset it.",
	}
	textFewerAttemptsNotice = Text{
		JA: "前に、まちがった暗証番号が入力されています。\n正しく入力すると、残りの回数は元に戻ります。",
		EN: "A wrong PIN was entered before. The correct PIN restores all attempts.",
	}
	textPasswordLockedNotice = Text{
		JA: "署名用の暗証番号がロックされています。\n市区町村の窓口で再設定の手続きをしてください。",
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
		reader.ServiceUp:     {JA: "スマートカードサービス（PC/SC）につながりました", EN: "smart-card service (PC/SC) available"},
		reader.ServiceDown:   {JA: "スマートカードサービス（PC/SC）につながりません", EN: "smart-card service (PC/SC) unavailable"},
		reader.ReaderAdded:   {JA: "カードリーダーがつながりました", EN: "reader connected"},
		reader.ReaderRemoved: {JA: "カードリーダーが取り外されました", EN: "reader disconnected"},
		reader.CardInserted:  {JA: "カードがセットされました", EN: "card inserted"},
		reader.CardRemoved:   {JA: "カードが取り外されました", EN: "card removed"},
	}
}

func textIssuer() map[trust.Issuer]Text {
	return map[trust.Issuer]Text{
		trust.IssuerUnknown:   {JA: "確認できませんでした", EN: "could not be verified"},
		trust.IssuerPinned:    {JA: "J-LIS（確認しました）", EN: "J-LIS (verified)"},
		trust.IssuerCaller:    {JA: "指定された認証局（確認しました）", EN: "a CA given with --ca-certificate (verified)"},
		trust.IssuerSimulator: {JA: "模擬カードの発行元（実際には使えません）", EN: "the simulator (not for real use)"},
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
		JA: `模擬カードを pcscd の仮想リーダー（vsmartcard-vpcd）にセットし、Ctrl-C を押す
まで動作します。暗証番号は 1234、署名用の暗証番号は ABC123 です。

模擬カードの種類:
` + profiles + `

announced-2028 は、2028年に予定されているカード（EC P-384の鍵）を想定した
架空のものです。実物は異なります。`,
		EN: `Insert a simulated card into pcscd's virtual reader (vsmartcard-vpcd) until
Ctrl-C is pressed. Its PIN is 1234 and its signature password ABC123.

Profiles:
` + profiles + `

announced-2028 is an invented model of the card announced for 2028, with EC
P-384 keys. The real card will differ.`,
	}
}

// profileList lists the simulator's profiles, wrapped at 80 columns.
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

func attemptsText(c credential.Counter) Text {
	if c.Locked() {
		return Text{JA: "ロックされています", EN: "locked"}
	}
	return Text{
		JA: fmt.Sprintf("残り%d回（最大%d回）", c.Remaining, c.Max),
		EN: fmt.Sprintf("%d of %d attempts left", c.Remaining, c.Max),
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
		return Text{JA: "有効期間がまだ始まっていません", EN: "not yet valid"}
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
	textReported     = Text{JA: "正しいとカードが応答しました", EN: "correct, as reported by the card"}
	textSimulatedID  = Text{JA: "模擬カードで作ったIDです。実際には使えません。", EN: "Derived from a simulated card; not for real use."}
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

	textStdinTerminal = Text{
		JA: "ターミナルからの入力では、暗証番号が画面に表示されます。\n" +
			"暗証番号は送っていません。%[1]s を付けずに実行してください。",
		EN: "%[1]s does not read from a terminal, which would show what is typed.\n" +
			"No PIN or password was sent. Run the command without %[1]s.",
	}
	textAskedAgain = Text{
		JA: "途中でカードがログアウトされ、暗証番号がもう一度必要になりました。\n標準入力の暗証番号は、1回しか使いません。",
		EN: "The card was logged out meanwhile, so the PIN or password is needed again.\nWhat was read from standard input is used only once.",
	}
	textAskedAgainNext = Text{
		JA: "残りのファイルを指定して、もう一度実行してください。",
		EN: "Run the command again for the files that are left.",
	}
	textNamespaceMissing = Text{
		JA: "--namespace と --namespace-key を指定してください。",
		EN: "Specify both --namespace and --namespace-key.",
	}
	textDERToTerminal = Text{
		JA: "DER形式はターミナルに表示できません。出力先をファイルかパイプにしてください。",
		EN: "DER can't be printed on a terminal. Redirect the output to a file or a pipe.",
	}
	textCACertificateFile = Text{
		JA: "指定したファイルを、認証局の証明書として使えません。\n理由を下の行に表示します。",
		EN: "A file with CA certificates can't be used. The cause is shown below.",
	}
	textCACertificateFileNext = Text{
		JA: "担当者の方へ: 認証局の証明書（PEMまたはDER）のファイルを指定してください。\nカードには何も送っていません。",
		EN: "For staff: specify a file with CA certificates, PEM or DER.\nNothing was sent to the card.",
	}
	textKeyExists = Text{
		JA: "そのファイルはすでにあります。上書きしませんでした。",
		EN: "The file already exists. It was not overwritten.",
	}
	textKeyExistsNext = Text{
		JA: "別のファイル名を指定してください。\n元の鍵を削除すると、これまでのIDを作れなくなります。",
		EN: "Choose another name. Do not delete the old key: its identifiers depend on it.",
	}
	textKeyMade = Text{
		JA: "鍵を作りました: %s（鍵のID %s）\nバックアップを安全な場所に保管してください。なくすと、同じIDは二度と作れません。\n",
		EN: "Key generated: %s (key ID %s)\nKeep a copy of the key in a safe place. Without the key, its identifiers can't\nbe derived again.\n",
	}
	textKeyMadeNotPrinted = Text{
		JA: "鍵を作りました: %s（鍵のID %s）\nしかし、標準出力に書き込めませんでした。",
		EN: "Key generated: %s (key ID %s)\nBut standard output could not be written.",
	}
	textKeyMadeNotPrintedNext = Text{
		JA: "作り直さずに、この鍵のバックアップを安全な場所に保管してください。",
		EN: "Do not generate another key. Keep a copy of this one in a safe place.",
	}
	textSimulateInserted = Text{JA: "模擬カード %s を %s にセットしました。終了するには Ctrl-C を押してください。\n", EN: "Simulated card %s inserted at %s. Press Ctrl-C to remove it.\n"}
	textSimulateWaiting  = Text{JA: "仮想リーダー %s につながりません。つながるまで待ちます（%s）\n", EN: "No virtual reader at %s. Waiting for it (%s)\n"}
)

func textUnchecked() map[trust.Issuer]Text {
	return map[trust.Issuer]Text{
		trust.IssuerUnknown:   {JA: "発行元（確認できませんでした）、失効", EN: "issuer (could not be verified), revocation"},
		trust.IssuerPinned:    {JA: "失効", EN: "revocation"},
		trust.IssuerCaller:    {JA: "失効", EN: "revocation"},
		trust.IssuerSimulator: {JA: "失効", EN: "revocation"},
	}
}

func textChecked() map[trust.Issuer]Text {
	return map[trust.Issuer]Text{
		trust.IssuerUnknown:   {JA: "カードが鍵を持つこと", EN: "possession of the card's key"},
		trust.IssuerPinned:    {JA: "カードが鍵を持つこと、発行元（J-LIS）", EN: "possession of the card's key, issuer (J-LIS)"},
		trust.IssuerCaller:    {JA: "カードが鍵を持つこと、発行元（指定された認証局）", EN: "possession of the card's key, issuer (given CA certificate)"},
		trust.IssuerSimulator: {JA: "カードが鍵を持つこと", EN: "possession of the card's key"},
	}
}
