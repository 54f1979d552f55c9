package message

// The codes about identifiers and the namespaces that they belong to.
const (
	IDFormat      Code = "ID_FORMAT"
	IDCheckSymbol Code = "ID_CHECK_SYMBOL"
	NamespaceKey  Code = "NAMESPACE_KEY"
	NamespaceName Code = "NAMESPACE_NAME"
)

const (
	checkIDJA = "IDを確かめて、もう一度入力してください。"
	checkIDEN = "Check the ID and enter it again."
)

var identifierMessages = [...]Message{
	{
		Code: IDFormat, Group: Holder, Attempt: AttemptNone,
		What: Text{"IDは、英字と数字の8文字です。", "An ID has 8 letters and digits."},
		Next: Text{checkIDJA, checkIDEN},
	},
	{
		Code: IDCheckSymbol, Group: Holder, Attempt: AttemptNone,
		What: Text{
			"入力されたIDに誤りがあります。どこかの文字が違っています。",
			"The ID has a typing mistake: one of its characters is wrong.",
		},
		Next: Text{checkIDJA, checkIDEN},
	},
	{
		Code: NamespaceKey, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"名前空間の鍵ファイルを使えません。\nカードには何も送っていません。",
			"The namespace key file cannot be used.\nNothing was sent to the card.",
		},
		Next: Text{
			"ファイル名を確かめてください。\n別の鍵では、同じカードでも違うIDになります。",
			"Check the file's name. With another key, the same cards get other identifiers.",
		},
	},
	{
		Code: NamespaceName, Group: Operator, Attempt: AttemptNone,
		What: Text{"名前空間の名前が正しくありません。", "The namespace's name is not valid."},
		Next: Text{
			"名前を入力し直してください。\n" +
				"UTF-8（NFC）で1から255バイトです。改行などの制御文字は使えません。",
			"Use a name of 1 to 255 bytes of UTF-8 (NFC), without control characters.",
		},
	},
}
