package main

// What the command says to people, beside failures.

var (
	textRootShort = Text{JA: "マイナンバーカードで8文字のIDを作る端末です", EN: "A terminal that makes identifiers with My Number Cards"}
	textRootLong  = Text{
		JA: `マイナンバーカードで8文字のIDを作り、事業の申込みを受け付ける端末です。
端末のブラウザーで開くURLを表示します。最初に開いたブラウザーだけが操作でき、
次のブラウザーのためには別のURLを表示します。
動かし方は docs/kiosk.ja.md にあります。`,
		EN: `A terminal that makes identifiers of 8 characters with My Number Cards, and
takes applications for a campaign. It prints the URL that the terminal's
browser opens. The first browser that opens it has the terminal; another URL
is printed for the next one. docs/kiosk.md says how to run a terminal.`,
	}

	textFlagLang            = Text{JA: "表示と最初の画面の言語（`LANGUAGE`: ja, en）", EN: "`LANGUAGE` of messages and of the first screen"}
	textFlagCampaign        = Text{JA: "事業設定ファイル（`FILE`）", EN: "the campaign's `FILE` (TOML)"}
	textFlagRegistry        = Text{JA: "台帳の`URL`（既定値: sqlite:kiosk.db）", EN: "the registry's `URL` (sqlite:kiosk.db)"}
	textFlagTerminalKey     = Text{JA: "端末の鍵ファイル（`FILE`、terminal-keygen）", EN: "this terminal's key `FILE` (terminal-keygen)"}
	textFlagDeskKey         = Text{JA: "この窓口の鍵ファイル（`FILE`）", EN: "this desk's key `FILE` (terminal-keygen)"}
	textFlagTerminals       = Text{JA: "全端末と窓口の公開鍵（`FILE`）", EN: "public keys of all terminals (`FILE`)"}
	textFlagHeads           = Text{JA: "保管した kiosk audit の出力（`FILE`）", EN: "what kiosk audit printed before (`FILE`)"}
	textFlagClerk           = Text{JA: "担当者のコード（`CODE`）。氏名は使いません", EN: "the clerk's `CODE`; not a name"}
	textFlagAllowLastTry    = Text{JA: "残り1回でも暗証番号を送ります", EN: "send the PIN although one attempt is left"}
	textFlagOldCard         = Text{JA: "前のカードで確かめます", EN: "prove with the earlier card"}
	textFlagConfirm         = Text{JA: "消す事業の namespace（`NAMESPACE`）", EN: "the `NAMESPACE` to delete everything of"}
	textFlagDay             = Text{JA: "1日の件数（`DAY`: YYYY-MM-DD）", EN: "the counts of one `DAY`, as 2026-04-01"}
	textFlagNoMigrate       = Text{JA: "表を作りません。先に kiosk migrate を使います", EN: "leave the tables alone; run kiosk migrate before"}
	textFlagReader          = Text{JA: "カードリーダーの名前、またはその一部（`NAME`）", EN: "the card reader's `NAME`, or a part of it"}
	textFlagListen          = Text{JA: "画面の`ADDRESS`（このパソコンの中だけ）", EN: "the page's `ADDRESS`, of this machine alone"}
	textFlagURLFile         = Text{JA: "開始URLを書くファイル（`FILE`）", EN: "a `FILE` for the start URL"}
	textFlagStartPage       = Text{JA: "開始ページを書くファイル（`FILE`）", EN: "a `FILE` for a page that the browser opens to begin"}
	textFlagNoPrint         = Text{JA: "プリンターがないとき。印刷のボタンを出しません", EN: "there is no printer; no screen offers to print"}
	textFlagSimulate        = Text{JA: "模擬カードで試します。何も保存しません", EN: "use simulated cards; nothing is kept"}
	textFlagLog             = Text{JA: "ログの形式（`FORMAT`: text, json）", EN: "`FORMAT` of the log: text or json"}
	textFlagGeneration      = Text{JA: "鍵の世代の番号（`N`、既定値: 1）", EN: "the number `N` of the keys' generation (1)"}
	textFlagNamespaceKey    = Text{JA: "名前空間の鍵ファイル（`FILE`）", EN: "the namespace's key `FILE`"}
	textFlagRegistryKey     = Text{JA: "台帳の鍵ファイル（`FILE`）", EN: "the registry's key `FILE`"}
	textFlagEarlier         = Text{JA: "ほかの世代の鍵（`N=FILE,FILE`）。複数可", EN: "another generation's keys (`N=FILE,FILE`)"}
	textFlagOperatorKey     = Text{JA: "運営者の公開鍵ファイル（`FILE`）", EN: "the operator's public key `FILE`"}
	textFlagOperatorPrivate = Text{JA: "運営者の秘密鍵（`FILE`）。複数可", EN: "the operator's private key `FILE`; repeatable"}
	textFlagAuthority       = Text{JA: "信頼する認証局の証明書（`FILE`）。複数可", EN: "a CA certificate to trust (`FILE`); repeatable"}
	textFlagJSON            = Text{JA: "JSONで出力します", EN: "write JSON"}

	textPanel    = Text{JA: "操作盤: %s\n", EN: "panel:    %s\n"}
	textTerminal = Text{JA: "端末:   %s\n", EN: "terminal: %s\n"}
)
