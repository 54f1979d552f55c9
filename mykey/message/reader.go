package message

// The codes about readers and the smart-card service.
const (
	ReaderNotFound  Code = "READER_NOT_FOUND"
	PCSCUnavailable Code = "PCSC_UNAVAILABLE"
	PCSCDenied      Code = "PCSC_DENIED"
	PCSCUnsupported Code = "PCSC_UNSUPPORTED"
	SeveralReaders  Code = "SEVERAL_READERS"
	ReaderBusy      Code = "READER_BUSY"
	ExchangeFailed  Code = "EXCHANGE_FAILED"
)

var readerMessages = [...]Message{
	{
		Code: ReaderNotFound, Group: Operator, Attempt: AttemptNone,
		What: Text{"カードリーダーが見つかりません。", "No card reader was found."},
		Next: Text{
			"カードリーダーがUSBで接続されているか、確かめてください。",
			"Check that the card reader is plugged in (USB).",
		},
	},
	{
		Code: PCSCUnavailable, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"スマートカードサービス（PC/SC）に接続できません。",
			"The smart-card service (PC/SC) cannot be reached.",
		},
		Next: Text{
			"担当者の方へ: サービスを起動してください（Linux: systemctl start pcscd）。",
			"For staff: start the service (on Linux: systemctl start pcscd).",
		},
	},
	{
		Code: PCSCDenied, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"スマートカードサービス（PC/SC）の使用が許可されていません。",
			"The smart-card service (PC/SC) denies access to this program.",
		},
		Next: Text{
			"担当者の方へ: このパソコンに直接ログインして実行するか、polkit の規則\n" +
				"（org.debian.pcsc-lite.access_pcsc と access_card）で、\n" +
				"このユーザーに許可してください。",
			"For staff: run it in a local login session, or allow this user in polkit\n" +
				"(org.debian.pcsc-lite.access_pcsc and access_card).",
		},
	},
	{
		Code: PCSCUnsupported, Group: Programmer, Attempt: AttemptNone,
		What: Text{
			"このプログラムは、カードリーダーに対応していません。",
			"This program was built without support for card readers.",
		},
		Next: Text{
			"担当者の方へ: libpcsclite-dev と pkg-config をインストールし、\n" +
				"cgo を有効にしてビルドし直してください。",
			"For staff: install libpcsclite-dev and pkg-config, and build it with cgo.",
		},
	},
	{
		Code: SeveralReaders, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"その名前に当てはまるカードリーダーが2台以上あります。",
			"More than one card reader matches that name.",
		},
		Next: Text{
			"1台だけに当てはまるように、名前をもっと長く入力してください。",
			"Enter more of the name, so that only one card reader matches.",
		},
	},
	{
		Code: ReaderBusy, Group: Operator, Attempt: AttemptNone,
		What: Text{"ほかのプログラムがカードを使っています。", "Another program is using the card."},
		Next: Text{
			"ほかのプログラムを終了してから、もう一度お試しください。",
			"Close the other program and try again.",
		},
	},
	{
		Code: ExchangeFailed, Group: Operator, Attempt: AttemptNotUsed,
		What: Text{
			"カードリーダーが、256バイトのデータを正しく送受信できません。\n" +
				"暗証番号は送っていません。残りの回数は減っていません。",
			"The card reader does not transfer 256 bytes correctly.\n" +
				"No PIN was sent; no attempt was used.",
		},
		Next: Text{
			"担当者の方へ: ドライバーを更新するか、別のカードリーダーを使ってください。",
			"For staff: update the card reader's driver, or use another card reader.",
		},
	},
}
