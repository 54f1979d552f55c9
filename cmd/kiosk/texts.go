package main

// Texts of the command, except error messages.

var (
	textRootShort = Text{JA: "マイナンバーカードで8文字のIDを作る端末です", EN: "A terminal that makes IDs with My Number Cards"}
	textRootLong  = Text{
		JA: `マイナンバーカードで8文字のIDを作り、事業の申込みを受け付ける端末です。
端末のブラウザーで開くURLを表示します。最初に開いたブラウザーだけが操作でき、
次のブラウザーのためには別のURLを表示します。
使い方は docs/kiosk.ja.md にあります。`,
		EN: `A terminal that makes 8-character IDs with My Number Cards and accepts
applications for a campaign. It prints a URL for the terminal's browser. Only
the first browser that opens the URL can use the terminal. A new URL is then
printed for the next browser. docs/kiosk.md describes how to run a terminal.`,
	}

	textFlagLang             = Text{JA: "表示と最初の画面の言語（`LANGUAGE`: ja, en）", EN: "`LANGUAGE` of messages and the start screen (ja, en)"}
	textFlagCampaign         = Text{JA: "事業設定ファイル（`FILE`）", EN: "campaign `FILE` (TOML)"}
	textFlagRegistry         = Text{JA: "台帳の`URL`（既定値: sqlite:kiosk.db）", EN: "registry `URL` (default: sqlite:kiosk.db)"}
	textFlagTerminalKey      = Text{JA: "この端末の鍵ファイル（`FILE`）", EN: "private key `FILE` of this terminal"}
	textFlagDeskKey          = Text{JA: "この窓口の鍵ファイル（`FILE`）", EN: "private key `FILE` of this desk"}
	textFlagTerminals        = Text{JA: "すべての端末と窓口の公開鍵（`FILE`）", EN: "public keys `FILE` of terminals and desks"}
	textFlagHeads            = Text{JA: "保管した kiosk audit の出力（`FILE`）", EN: "saved output `FILE` of an earlier kiosk audit"}
	textFlagCheckpoint       = Text{JA: "検証を始めるチェックポイント（`FILE`）。更新します", EN: "checkpoint `FILE` to start from; it is updated"}
	textFlagAuditorKey       = Text{JA: "監査担当者の秘密鍵（`FILE`）", EN: "private key `FILE` of the auditor"}
	textFlagWorkFolder       = Text{JA: "中断した検証を続けるためのフォルダー（`DIR`）", EN: "folder `DIR` for files, to continue if interrupted"}
	textFlagAllowLastAttempt = Text{JA: "残り1回でも暗証番号を送ります", EN: "send the PIN even if only one attempt is left"}
	textFlagOldCard          = Text{JA: "前のカードとその暗証番号で本人を確認します", EN: "authenticate with the earlier card and its PIN"}
	textFlagNoMigrate        = Text{JA: "表を作成・更新しません（kiosk migrate を使うとき）", EN: "don't create or update tables: use kiosk migrate"}
	textFlagReader           = Text{JA: "カードリーダーの名前、またはその一部（`NAME`）", EN: "`NAME` of the card reader, or a part of it"}
	textFlagListen           = Text{JA: "画面の`ADDRESS`（このパソコン自身。127.0.0.1 など）", EN: "`ADDRESS` of the page (loopback only)"}
	textFlagURLFile          = Text{JA: "開始URLを書くファイル（`FILE`）", EN: "write the start URL to this `FILE`"}
	textFlagStartPage        = Text{JA: "開始ページを書くファイル（`FILE`）", EN: "write the start page to this `FILE`"}
	textFlagNoPrint          = Text{JA: "印刷のボタンを表示しません（プリンターがないとき）", EN: "hide the print buttons (no printer)"}
	textFlagSimulate         = Text{JA: "模擬カードで試します。何も保存しません", EN: "use simulated cards; nothing is stored"}
	textFlagServer           = Text{JA: "台帳を持つサーバーの`URL`（https://HOST:PORT）", EN: "`URL` of the server that has the registry"}
	textFlagBundle           = Text{JA: "サーバーに登録した端末のファイル（`FILE`）", EN: "`FILE` of this terminal, from mykey-server enroll"}
	textFlagDeskBundle       = Text{JA: "サーバーに登録した担当者か端末のファイル（`FILE`）", EN: "`FILE` of a clerk or terminal, from mykey-server"}
	textFlagLog              = Text{JA: "ログの形式（`FORMAT`: text, json）", EN: "`FORMAT` of the log (text, json)"}
	textFlagGeneration       = Text{JA: "鍵の世代の番号（`N`、既定値: 1）", EN: "number `N` of the key generation (default: 1)"}
	textFlagNamespaceKey     = Text{JA: "名前空間の鍵ファイル（`FILE`）", EN: "namespace key `FILE`"}
	textFlagRegistryKey      = Text{JA: "台帳の鍵ファイル（`FILE`）", EN: "registry key `FILE`"}
	textFlagOtherKeys        = Text{JA: "`N=A,B`: 世代、名前空間の鍵、台帳の鍵。複数可", EN: "`N=A,B`: generation, namespace key, registry key"}
	textFlagOperatorKey      = Text{JA: "運営者の公開鍵ファイル（`FILE`）", EN: "public key `FILE` of the operator"}
	textFlagCACertificate    = Text{JA: "信頼する認証局の証明書（`FILE`）。複数可", EN: "CA certificate `FILE` to trust; repeatable"}
	textFlagJSON             = Text{JA: "JSONで出力します", EN: "write JSON"}

	textPanel    = Text{JA: "操作盤: %s\n", EN: "panel:    %s\n"}
	textTerminal = Text{JA: "端末:   %s\n", EN: "terminal: %s\n"}
)
