package message

var checkTheID = Text{"IDを確かめて、もう一度入力してください。", "Check the ID and enter it again."}

// ofLibrary are the failures of programs that sign, read the holder's attributes or take
// identifiers, and of requests that no card would carry out.
var ofLibrary = []Message{
	passwordFormat,
	{
		Code: PINUsed,
		What: Text{
			"入力された暗証番号は、すでに使われたか、取り消されています。\n" +
				"カードには送っていません。残りの回数は減っていません。",
			"What you entered has been used or discarded already.\n" +
				"It was not sent to the card; no attempt was used.",
		},
		Next: Text{"続けるときは、もう一度入力してください。", "To go on, enter it again."},
	},
	{
		Code: CardRefused,
		What: Text{"カードが処理を受け付けませんでした。", "The card rejected a command."},
		Next: Text{
			"カードを置き直して、もう一度お試しください。\n続くときは、市区町村の窓口にご相談ください。",
			"Put the card back and try again.\nIf it happens again, ask at your municipal office.",
		},
	},
	{
		Code: CardDataMalformed,
		What: Text{
			"カードのデータを読み取れませんでした。\n内容がこわれている可能性があります。",
			"The data on the card could not be read. They may be damaged.",
		},
		Next: askTheOffice,
	},
	{
		Code: RequestInvalid,
		What: Text{
			"プログラムの誤りのため、処理を中止しました。\nその命令は、カードに送っていません。",
			"This program stopped because of a bug in it.\nThe command was not sent to the card.",
		},
		Next: Text{
			"担当者の方へ: 表示された内容を、このソフトウェアの提供元にお知らせください。",
			"For staff: report what is shown here to the makers of this software.",
		},
	},
	{
		Code: SignatureUnknown,
		What: Text{
			"求められた署名の方式には、対応していません。\nカードには何も送っていません。",
			"This kind of signature is not supported.\nNothing was sent to the card.",
		},
		Next: Text{
			"担当者の方へ: 署名を求めたソフトウェアで、SHA-256、SHA-384、SHA-512 の\n" +
				"いずれかを選んでください。",
			"For staff: set the program that asked to SHA-256, SHA-384 or SHA-512.",
		},
	},
	{
		Code: SignatureNoPSS,
		What: Text{
			"このカードは、求められた署名の方式（RSA-PSS）に対応していません。\n署名していません。",
			"This card does not support RSA-PSS signatures. Nothing was signed.",
		},
		Next: Text{
			"担当者の方へ: PKCS #1 v1.5 の署名を使ってください（TLSはバージョン1.2まで）。",
			"For staff: use PKCS #1 v1.5 signatures (with TLS, up to version 1.2).",
		},
	},
	{
		Code: SignerClosed,
		What: Text{"カードの使用を終了したため、署名していません。", "The card is not in use any more, so nothing was signed."},
		Next: Text{"続けるときは、最初からやり直してください。", "To go on, start again from the beginning."},
	},
	{
		Code: NoAttributes,
		What: Text{"この電子証明書には、氏名や住所が入っていません。", "This certificate holds no name or address."},
		Next: Text{"担当者の方へ: 署名用電子証明書を使ってください。", "For staff: use the signature certificate."},
	},
	{
		Code: AttributesDamaged,
		What: Text{
			"電子証明書の氏名や住所を読み取れませんでした。\n内容がこわれている可能性があります。",
			"The name and address in the certificate could not be read.\nThey may be damaged.",
		},
		Next: askTheOffice,
	},
	{
		Code: CACertificate,
		What: Text{
			"指定された認証局の証明書は、カードの電子証明書の確認には使えません。\nカードには何も送っていません。",
			"The CA certificate that was given can't verify cards' certificates.\nNothing was sent to the card.",
		},
		Next: Text{
			"担当者の方へ: カードの電子証明書を発行した認証局の証明書を指定してください。",
			"For staff: give the certificate of the CA that issues cards' certificates.",
		},
	},
	{
		Code: IDFormat,
		What: Text{"IDは、英字と数字の8文字です。", "An ID has 8 letters and digits."},
		Next: checkTheID,
	},
	{
		Code: IDCheckSymbol,
		What: Text{"入力されたIDに誤りがあります。最後の文字（確認用）が合いません。", "The ID was mistyped: its last character does not match."},
		Next: checkTheID,
	},
	{
		Code: SimulatorOccupied,
		What: Text{"模擬リーダーに、すでにカードが入っています。", "The simulated reader already holds a card."},
		Next: Text{"入っているカードを先に取り出してください。", "Take that card out first."},
	},
}
