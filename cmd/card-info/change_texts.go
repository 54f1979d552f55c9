package main

// Texts of pin change.
var (
	textPINShort       = Text{JA: "暗証番号を変更します（pin change）", EN: "Change a PIN (pin change)"}
	textPINSubcommand  = Text{JA: "card-info pin change と入力してください。", EN: "Use card-info pin change."}
	textPINChangeShort = Text{JA: "利用者証明用の暗証番号を変更します", EN: "Change the PIN for user authentication"}
	textPINChangeLong  = Text{
		JA: `利用者証明用の暗証番号（数字4けた）を変更します。--signature を付けると、署名用の
暗証番号（英数字6から16文字）を変更します。今の暗証番号と、新しい暗証番号を2回、
ターミナルで入力します。今の暗証番号をまちがえると、残りの回数が1回減ります。

変更の命令の仕様は公開されておらず、このツールキットは実際のカードで試していません。
暗証番号は、市区町村の窓口でも変更できます。`,
		EN: `Change the PIN for user authentication (4 digits) or, with --signature, the
password for digital signatures (6 to 16 letters and digits). You type the
current one, and the new one twice, at the terminal. A wrong current PIN uses
up one attempt.

The card command that changes a PIN is not in a public specification, and this
toolkit has not tried it on a real card. Your municipal office can
change the PIN too.`,
	}
	textFlagChangeSignature = Text{JA: "署名用の暗証番号（英数字6から16文字）を変更します", EN: "change the password for digital signatures"}

	textAskConsent = Text{
		JA: "暗証番号を変更する命令の仕様は公開されておらず、実際のカードでは試していません。\n" +
			"うまくいかないときは、市区町村の窓口での再設定が必要になることがあります。\n" +
			"続けるときは、change と入力してEnterを押してください（表示されません）: ",
		EN: "The card command that changes a PIN is not in a public specification, and has\n" +
			"not been tried on a real card. If it goes wrong, the municipal office may have\n" +
			"to reset the PIN. To go on, type change and press Enter (it is not shown): ",
	}
	textAskOldPIN = Text{
		JA: "今の暗証番号（数字4けた）を入力してください。表示されません。\nあと%d回まちがえるとロックされます。\n今の暗証番号: ",
		EN: "Enter the current PIN (4 digits). It is not shown.\nAttempts left: %d.\nCurrent PIN: ",
	}
	textAskNewPIN      = Text{JA: "新しい暗証番号（数字4けた）: ", EN: "New PIN (4 digits): "}
	textAskNewPINAgain = Text{JA: "確認のため、新しい暗証番号をもう一度: ", EN: "The new PIN again: "}
	textAskOldPassword = Text{
		JA: "今の署名用の暗証番号（英数字6から16文字）を入力してください。表示されません。\nあと%d回まちがえるとロックされます。\n今の暗証番号: ",
		EN: "Enter the current signature password (6 to 16 letters and digits). It is not\nshown. Attempts left: %d.\nCurrent password: ",
	}
	textAskNewPassword      = Text{JA: "新しい署名用の暗証番号（英数字6から16文字）: ", EN: "New password (6 to 16 letters and digits): "}
	textAskNewPasswordAgain = Text{JA: "確認のため、新しい暗証番号をもう一度: ", EN: "The new password again: "}
	textWeakPIN             = Text{
		JA: "この番号は、日付、年、同じ数字、連続した数字のどれかで、推測されやすい番号です。\n別の番号にするときは、Ctrl+Cを押してやり直してください。まだ何も送っていません。",
		EN: "This number is easy to guess: a date, a year, or equal or consecutive digits.\nTo choose another one, press Ctrl+C and start again. Nothing was sent yet.",
	}
	textWeakPassword = Text{
		JA: "英字だけ、または数字だけの暗証番号は、推測されやすくなります。\n別の番号にするときは、Ctrl+Cを押してやり直してください。まだ何も送っていません。",
		EN: "A password of letters alone or digits alone is easier to guess.\nTo choose another one, press Ctrl+C and start again. Nothing was sent yet.",
	}
	textPINChanged      = Text{JA: "暗証番号を変更しました。次からは、新しい暗証番号を使ってください。", EN: "The PIN was changed. Use the new one from now on."}
	textPasswordChanged = Text{JA: "署名用の暗証番号を変更しました。次からは、新しい暗証番号を使ってください。", EN: "The signature password was changed. Use the new one from now on."}

	textNotChanged      = Text{JA: "暗証番号は変更していません。", EN: "Nothing was changed."}
	textNoConsent       = Text{JA: "中止しました。何も送っていません。", EN: "Stopped. Nothing was sent."}
	textNoConsentNext   = Text{JA: "変更するときは、もう一度実行し、change と入力してください。", EN: "To change the PIN or password, run the command again and type change."}
	textPINMismatch     = Text{JA: "新しい暗証番号が、1回目と2回目で違います。\n何も送っていません。残りの回数は減っていません。", EN: "The two entries of the new PIN or password differ.\nNothing was sent; no attempt was used."}
	textPINMismatchNext = Text{JA: "もう一度実行してください。", EN: "Run the command again."}

	textChangeAtTerminal = Text{JA: "担当者の方へ: ターミナルで実行してください。", EN: "For staff: run the command in a terminal."}
)
