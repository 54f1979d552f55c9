package main

// The steps of doctor, in their order.
const (
	stepService     = "service"
	stepAccess      = "access"
	stepReaders     = "readers"
	stepDriver      = "driver"
	stepCard        = "card"
	stepApplication = "application"
	stepExchange    = "exchange"
)

var stepNames = []string{stepService, stepAccess, stepReaders, stepDriver, stepCard, stepApplication, stepExchange}

func textStep() map[string]Text {
	return map[string]Text{
		stepService:     {JA: "スマートカードサービス（PC/SC）", EN: "Smart-card service (PC/SC)"},
		stepAccess:      {JA: "サービスを使う許可", EN: "Permission to use the service"},
		stepReaders:     {JA: "カードリーダー", EN: "Card reader"},
		stepDriver:      {JA: "リーダーのドライバー", EN: "Driver of the reader"},
		stepCard:        {JA: "カード", EN: "Card"},
		stepApplication: {JA: "公的個人認証のアプリケーション", EN: "Application for user authentication (JPKI)"},
		stepExchange:    {JA: "256バイトの読み取り", EN: "Exchange of 256 bytes"},
	}
}

var (
	textDoctorShort = Text{
		JA: "カードが読めない原因を、順に調べます（暗証番号は使いません）",
		EN: "Find out, step by step, why a card can't be read (no PIN)",
	}
	textDoctorLong = Text{
		JA: `サービス（PC/SC）からカードまでを順に調べ、OK か NG かを表示します。NG なら、
原因と直し方も表示します。暗証番号は使わず、入力できる回数も減りません。

カードを使い続けることで知られているプログラムが動いていれば、名前を表示します。
終了させることはありません。`,
		EN: `Go from the service (PC/SC) to the card, step by step: OK or NG, the cause and
the remedy. It uses no PIN and costs no try.

Programs that are known to hold cards are named if they run. None is ended.`,
	}
	textDoctorTitle = Text{
		JA: "カードの読み取りを順に調べました。暗証番号は使っていません。",
		EN: "What reading a card needs, step by step. No PIN was used.",
	}
	textDoctorOK = Text{
		JA: "問題は見つかりませんでした。",
		EN: "No problem was found.",
	}
	textDoctorNG = Text{
		JA: "NG のところを直してから、もう一度お試しください。",
		EN: "Mend what is NG and try again.",
	}
	textDoctorSkipped = Text{
		JA: "（-- は、調べていません。）",
		EN: "(-- was not examined.)",
	}
	textPrograms = Text{
		JA: "カードを使い続けることがあるプログラムが動いています（かっこ内は番号）。\n" +
			"カードが「使用中」になるときは、終了してからお試しください。",
		EN: "These programs run and may hold the card (process numbers in brackets).\n" +
			"If the card is said to be in use, close them and try again.",
	}
	textPCSCDLogs = Text{
		JA: "注意: pcscd が、カードとのやりとりを記録する設定（--apdu）で動いています。\n" +
			"暗証番号も記録に残ります。この設定をやめてから、暗証番号を使ってください。",
		EN: "Warning: pcscd runs with --apdu and logs everything that is sent to a card,\n" +
			"PINs included. Run it without that before any PIN is used.",
	}
)

// Why the service can't be used, on Linux.
var (
	textPCSCDMissing = Text{
		JA: "カードリーダーのサービス（pcscd）がインストールされていません。",
		EN: "The service for card readers (pcscd) is not installed.",
	}
	textPCSCDMissingNext = Text{
		JA: "担当者の方へ: 入れてください（Debian: apt-get install pcscd libccid）。",
		EN: "For staff: install it (Debian: apt-get install pcscd libccid).",
	}
	textPCSCDStopped = Text{
		JA: "カードリーダーのサービス（pcscd）が動いていません。",
		EN: "The service for card readers (pcscd) is not running.",
	}
	textPCSCDStoppedNext = Text{
		JA: "担当者の方へ: 起動してください（systemctl enable --now pcscd.socket）。",
		EN: "For staff: start it (systemctl enable --now pcscd.socket).",
	}
	textPCSCDDied = Text{
		JA: "カードリーダーのサービス（pcscd）が、異常終了したようです。",
		EN: "The service for card readers (pcscd) seems to have died.",
	}
	textPCSCDDiedNext = Text{
		JA: "担当者の方へ: 起動し直してください（systemctl restart pcscd.socket pcscd）。",
		EN: "For staff: start it again (systemctl restart pcscd.socket pcscd).",
	}
	textPCSCDOdd = Text{
		JA: "サービス（pcscd）は動いていますが、正しい返事がありません。",
		EN: "The service (pcscd) is there but does not answer as it should.",
	}
	textPCSCDOddNext = Text{
		JA: "担当者の方へ: pcscd と libpcsclite の版が合っているかを確かめ、\n" +
			"起動し直してください（systemctl restart pcscd）。",
		EN: "For staff: check that pcscd and libpcsclite are of the same version, and\n" +
			"start it again (systemctl restart pcscd).",
	}
	textSocketDenied = Text{
		JA: "この利用者には、サービス（pcscd）のソケットを開く許可がありません。",
		EN: "This user may not open the service's (pcscd's) socket.",
	}
	textSocketDeniedNext = Text{
		JA: "担当者の方へ: /run/pcscd/pcscd.comm の所有者と許可を確かめてください。",
		EN: "For staff: check the owner and mode of /run/pcscd/pcscd.comm.",
	}
	textNoDriver = Text{
		JA: "USBにつながっているのに、ドライバーがないカードリーダーがあります。",
		EN: "A card reader is plugged in by USB, and no driver takes care of it.",
	}
	textNoDriverNext = Text{
		JA: "担当者の方へ: メーカーのドライバーか、libccid を入れてください\n" +
			"（Debian: apt-get install libccid）。そのあと、つなぎ直してください。",
		EN: "For staff: install libccid (Debian: apt-get install libccid) or the maker's\n" +
			"driver, and plug the reader in again.",
	}
	textKernelHolds = Text{
		JA: "Linux のカーネル（モジュール %s）が、カードリーダーを使っています。\n" +
			"このため、サービス（pcscd）がリーダーを使えません。",
		EN: "The Linux kernel (module %s) holds a card reader.\n" +
			"The service (pcscd) can't use that reader.",
	}
	textKernelHoldsNext = Text{
		JA: "担当者の方へ: 次のコマンドで、モジュールを外してください。\n" +
			"%s次のコマンドで、再起動のあとも読み込まれなくなります。\n" +
			"%sそのあと、リーダーをつなぎ直してください。",
		EN: "For staff: unload the module:\n" +
			"%sKeep it from being loaded again after a restart:\n" +
			"%sThen plug the reader in again.",
	}
	textPolkitNext = Text{
		JA: "担当者の方へ: このパソコンに直接ログインして実行してください。\n" +
			"SSH やサービスで使うときは、この利用者だけに許可します。次の規則を、\n" +
			"%s に追加してください。\n\n%s\n\n" +
			"すべての利用者に許可する規則は、使わないでください。polkit がないときは、\n" +
			"インストールしてください（Debian: apt-get install polkitd）。",
		EN: "For staff: run it in a local login session. For SSH or a service, allow this\n" +
			"user, and nobody else, in polkit. Add this rule to\n" +
			"%s:\n\n%s\n\n" +
			"Do not use a rule that allows every user.\n" +
			"If polkit is missing, install it (Debian: apt-get install polkitd).",
	}
	textExchangeOnMac = Text{
		JA: "担当者の方へ: macOS 14 以降は、ドライバーの切り替えで直ることがあります。\n" +
			"sudo defaults write /Library/Preferences/com.apple.security.smartcard \\\n" +
			"  useIFDCCID -bool yes\n" +
			"そのあと再起動してください。直らないときは、別のリーダーを使ってください。",
		EN: "For staff: since macOS 14 the other driver may help. Run\n" +
			"sudo defaults write /Library/Preferences/com.apple.security.smartcard \\\n" +
			"  useIFDCCID -bool yes\n" +
			"and restart. If that does not help, use another reader.",
	}
)
