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
		stepDriver:      {JA: "リーダーのドライバー", EN: "Reader driver"},
		stepCard:        {JA: "リーダーのカード", EN: "Card in reader"},
		stepApplication: {JA: "公的個人認証のアプリケーション", EN: "User-authentication application (JPKI)"},
		stepExchange:    {JA: "256バイトの読み取り", EN: "Reading 256 bytes"},
	}
}

var (
	textDoctorShort = Text{
		JA: "カードが読めない原因を、順に調べます（暗証番号は使いません）",
		EN: "Find out why a card can't be read (uses no PIN)",
	}
	textDoctorLong = Text{
		JA: `サービス（PC/SC）からカードまでを順に調べ、OK か NG かを表示します。NG には、
原因と対処方法も表示します。暗証番号は使わず、入力できる回数も減りません。

カードを占有することがあるプログラムが動いていれば、その名前を表示します。
プログラムを終了させることはありません。`,
		EN: `Check each step from the service (PC/SC) to the card and print OK or NG (no
good). For NG it prints the cause and what to do. It uses no PIN attempt.

It also lists running programs that are known to block cards. It does not stop
any program.`,
	}
	textDoctorTitle = Text{
		JA: "カードの読み取りに必要なものを、順に調べました。暗証番号は使っていません。",
		EN: "Checked the steps to read a card. No PIN was used.",
	}
	textDoctorOK = Text{
		JA: "問題は見つかりませんでした。",
		EN: "No problem was found.",
	}
	textDoctorNG = Text{
		JA: "NG の項目に対処してから、もう一度お試しください。",
		EN: "Fix the steps marked NG and try again.",
	}
	textDoctorSkipped = Text{
		JA: "（-- の項目は調べていません。）",
		EN: "(Steps marked -- were not checked.)",
	}
	textPrograms = Text{
		JA: "カードを占有することがあるプログラムが動いています（かっこ内はプロセス番号）。\n" +
			"「ほかのプログラムがカードを使っています」と表示されるときは、それらを終了して\n" +
			"から、もう一度お試しください。",
		EN: "These running programs may block the card (process number in brackets).\n" +
			"If you see \"Another program is using the card\", close them and try again.",
	}
	textPCSCDLogs = Text{
		JA: "注意: pcscd が、カードとの通信を記録する設定（--apdu）で動いています。\n" +
			"暗証番号も記録に残ります。この設定をやめてから、暗証番号を使ってください。",
		EN: "Warning: pcscd runs with --apdu and logs everything that is sent to a card,\n" +
			"PINs included. Restart it without --apdu before you enter a PIN.",
	}
)

// Causes on Linux why the service can't be used.
var (
	textPCSCDMissing = Text{
		JA: "スマートカードサービス（pcscd）がインストールされていません。",
		EN: "The smart-card service (pcscd) is not installed.",
	}
	textPCSCDMissingNext = Text{
		JA: "担当者の方へ: インストールしてください\n（Debian: apt-get install pcscd libccid）。",
		EN: "For staff: install it (Debian: apt-get install pcscd libccid).",
	}
	textPCSCDStopped = Text{
		JA: "スマートカードサービス（pcscd）が動いていません。",
		EN: "The smart-card service (pcscd) is not running.",
	}
	textPCSCDStoppedNext = Text{
		JA: "担当者の方へ: 起動してください（systemctl enable --now pcscd.socket）。",
		EN: "For staff: start it (systemctl enable --now pcscd.socket).",
	}
	textPCSCDDied = Text{
		JA: "スマートカードサービス（pcscd）が、異常終了したようです。",
		EN: "The smart-card service (pcscd) seems to have crashed.",
	}
	textPCSCDDiedNext = Text{
		JA: "担当者の方へ: 再起動してください（systemctl restart pcscd.socket pcscd）。",
		EN: "For staff: restart it (systemctl restart pcscd.socket pcscd).",
	}
	textPCSCDMismatch = Text{
		JA: "スマートカードサービス（pcscd）は動いていますが、正しく応答しません。",
		EN: "The smart-card service (pcscd) runs but does not respond correctly.",
	}
	textPCSCDMismatchNext = Text{
		JA: "担当者の方へ: pcscd と libpcsclite のバージョンが一致しているかを確かめ、\n" +
			"再起動してください（systemctl restart pcscd）。",
		EN: "For staff: check that pcscd and libpcsclite have the same version, then\n" +
			"restart the service (systemctl restart pcscd).",
	}
	textSocketDenied = Text{
		JA: "このユーザーには、スマートカードサービス（pcscd）のソケットを開く許可が\nありません。",
		EN: "This user is not allowed to open the socket of the service (pcscd).",
	}
	textSocketDeniedNext = Text{
		JA: "担当者の方へ: /run/pcscd/pcscd.comm の所有者とモードを確かめてください。",
		EN: "For staff: check the owner and mode of /run/pcscd/pcscd.comm.",
	}
	textNoDriver = Text{
		JA: "USBでつながっているカードリーダーに、対応するドライバーがありません。",
		EN: "A USB card reader is connected, but no driver supports it.",
	}
	textNoDriverNext = Text{
		JA: "担当者の方へ: メーカーのドライバーか、libccid をインストールしてください\n" +
			"（Debian: apt-get install libccid）。その後、つなぎ直してください。",
		EN: "For staff: install libccid (Debian: apt-get install libccid) or the\n" +
			"manufacturer's driver, then plug the reader in again.",
	}
	textKernelHolds = Text{
		JA: "Linux のカーネル（モジュール %s）が、カードリーダーを使っています。\n" +
			"このため、スマートカードサービス（pcscd）はそのリーダーを使えません。",
		EN: "The Linux kernel (module %s) is using a card reader.\n" +
			"The service (pcscd) can't use that reader.",
	}
	textKernelHoldsNext = Text{
		JA: "担当者の方へ: 次のコマンドで、モジュールを外してください。\n" +
			"%s次のコマンドで、再起動した後も読み込まれなくなります。\n" +
			"%sその後、リーダーをつなぎ直してください。",
		EN: "For staff: unload the module:\n" +
			"%sTo prevent it from loading after a restart:\n" +
			"%sThen plug the reader in again.",
	}
	textPolkitNext = Text{
		JA: "担当者の方へ: このパソコンに直接ログインして実行してください。\n" +
			"SSH やサービスで使うときは、このユーザーだけに許可してください。\n" +
			"次の規則を、%s に追加してください。\n\n%s\n\n" +
			"すべてのユーザーに許可する規則は、使わないでください。polkit がないときは、\n" +
			"インストールしてください（Debian: apt-get install polkitd）。",
		EN: "For staff: run the program in a local login session. For SSH or a service,\n" +
			"allow only this user in polkit. Add this rule to\n" +
			"%s:\n\n%s\n\n" +
			"Do not use a rule that allows every user.\n" +
			"If polkit is missing, install it (Debian: apt-get install polkitd).",
	}
	textExchangeOnMac = Text{
		JA: "担当者の方へ: macOS 14 以降では、ドライバーを切り替えると解決することが\nあります。\n" +
			"sudo defaults write /Library/Preferences/com.apple.security.smartcard \\\n" +
			"  useIFDCCID -bool yes\n" +
			"その後、再起動してください。解決しないときは、別のリーダーを使ってください。",
		EN: "For staff: on macOS 14 and later, switching the driver may help. Run\n" +
			"sudo defaults write /Library/Preferences/com.apple.security.smartcard \\\n" +
			"  useIFDCCID -bool yes\n" +
			"and restart. If that does not help, use another reader.",
	}
)
