package main

import (
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Texts of the commands that read the text or the visual application.

var (
	textAttributesShort = Text{JA: "氏名、住所、生年月日、性別を読み取ります", EN: "Read name, address, date of birth and sex"}
	textAttributesLong  = Text{
		JA: `カードの券面事項入力補助APから、氏名、住所、生年月日、性別を読み取り、その
電子署名を確認します。個人情報です。

照合番号B（14けた）を入力します。カードに印字されている、生年月日6けた（和暦は
和暦のまま）、有効期限の西暦4けた、セキュリティコード4けたです。
--by pin を付けると、券面事項入力補助用の暗証番号（4けた）を入力します。

署名に使われた鍵がJ-LISのものかどうかは、--authority で発行者の公開鍵を指定
したときだけ確認できます。カードの有効性と、持っている人が本人かどうかは、
確認しません。`,
		EN: `Read the name, address, date of birth and sex from the card's text application,
and verify their digital signature. They are personal data.

Enter verification number B (14 digits), from what is printed on the card: 6
digits of the date of birth (if its year is of a Japanese era, that year), 4 of
the year of expiry, and 4 of the security code. With --by pin, enter the PIN of
the text application.

With --authority, which names the public key of an authority of J-LIS, the
command verifies that this authority certified the key that signed them. It does
not check whether the card is valid, or whether the person who shows it is its
holder.`,
	}
	textNumberShort = Text{JA: "個人番号を読み取ります（番号法が定める利用だけ）", EN: "Read the individual number (for purposes in the Number Act)"}
	textNumberLong  = Text{
		JA: `カードの券面事項入力補助APから個人番号（マイナンバー）を読み取ります。

番号法は、個人番号の提供を求めること、収集すること、保管することを、定められた
利用に限っています。そのための利用であることを、--under-number-act で示して
ください。これは法律の助言ではありません。`,
		EN: `Read the individual number (My Number) from the card's text application.

The Number Act limits the purposes for which anybody may ask for, collect or
store an individual number. State with --under-number-act that yours is one of
them. This is not legal advice.`,
	}
	textFaceShort = Text{JA: "顔写真、生年月日、性別を読み取ります", EN: "Read the photograph, date of birth and sex"}
	textFaceLong  = Text{
		JA: `カードの券面事項確認APから、顔写真、生年月日、性別を読み取り、その電子署名と、
カードが鍵を持っていることを確認します。個人情報です。顔写真は --photo の
ファイルにPNGで書き出します（名前が .jp2 で終わるときは、データのまま）。

照合番号B（14けた）を入力します。カードに印字されている、生年月日6けた（和暦は
和暦のまま）、有効期限の西暦4けた、セキュリティコード4けたです。

有効期限には電子署名がないため、確認できません。カードが失効していないかどうか、
持っている人が写真の本人かどうかも、確認しません。`,
		EN: `Read the photograph, date of birth and sex from the card's visual application,
and verify their digital signature and that the card has its private key. They
are personal data. The photograph is written to the file given with --photo, as
PNG or, if the name ends with .jp2, unconverted as JPEG 2000.

Enter verification number B (14 digits), from what is printed on the card: 6
digits of the date of birth (if its year is of a Japanese era, that year), 4 of
the year of expiry, and 4 of the security code.

The date of expiry is not signed, so it can't be confirmed. Whether the card was
revoked, and whether the person who shows it is the one in the photograph, is
not checked.`,
	}

	textFlagByText     = Text{JA: "入力するもの（`SECRET`: number-b, pin）", EN: "what you enter (`SECRET`: number-b, pin)"}
	textFlagByNumber   = Text{JA: "入力するもの（`SECRET`: pin, number-a）", EN: "what you enter (`SECRET`: pin, number-a)"}
	textFlagByFace     = Text{JA: "入力するもの（`SECRET`: number-b, number-a）", EN: "what you enter (`SECRET`: number-b, number-a)"}
	textFlagEntryStdin = Text{JA: "番号を標準入力の1行から読みます", EN: "read the entry from one line of standard input"}
	textFlagAuthority  = Text{JA: "カードの発行者の公開鍵（`FILE`）。複数可", EN: "the authority's public key (`FILE`); repeatable"}
	textFlagNumberAct  = Text{JA: "番号法が定める利用のためであることを示します", EN: "state that the Number Act allows your purpose"}
	textFlagPhoto      = Text{JA: "顔写真を書き出す新しいファイル（`FILE`）", EN: "new `FILE` for the photograph"}

	textNumberActMissing = Text{
		JA: "番号法が定める利用のために読み取るときは、--under-number-act を付けて\nください。ほかの利用のために読み取ることは、法律で制限されています。",
		EN: "If the Number Act allows your purpose, add --under-number-act.\nThe law forbids other purposes.",
	}
	textPhotoMissing = Text{JA: "顔写真を書き出すファイルを --photo で指定してください。", EN: "Give the file for the photograph with --photo."}

	textAskNumberB = Text{
		JA: "照合番号B（数字14けた）を入力し、Enterを押してください。カードに印字されている、\n" +
			"生年月日6けた（和暦は和暦のまま）、有効期限の西暦4けた、セキュリティコード\n4けたです。入力した数字は表示されません。あと%d回まちがえるとロックされます。\n照合番号B: ",
		EN: "Enter verification number B (14 digits) and press Enter. It is composed of what\n" +
			"is printed on the card: 6 digits of the date of birth (if its year is of a\nJapanese era, that year), 4 of the year of expiry, 4 of the security code.\nIt is not shown. Attempts left: %d.\nNumber B: ",
	}
	textAskNumberA = Text{
		JA: "照合番号A（個人番号、数字12けた）を入力し、Enterを押してください。\n入力した数字は表示されません。あと%d回まちがえるとロックされます。\n照合番号A: ",
		EN: "Enter verification number A (the individual number, 12 digits) and press Enter.\nIt is not shown. Attempts left: %d.\nNumber A: ",
	}
	textAskTextPIN = Text{
		JA: "券面事項入力補助用の暗証番号（数字4けた）を入力し、Enterを押してください。\n入力した数字は表示されません。あと%d回まちがえるとロックされます。\n暗証番号: ",
		EN: "Enter the PIN of the text application (4 digits) and press Enter.\nIt is not shown. Attempts left: %d.\nPIN: ",
	}

	textRowName      = Text{JA: "氏名", EN: "Name"}
	textRowAddress   = Text{JA: "住所", EN: "Address"}
	textRowBirth     = Text{JA: "生年月日", EN: "Date of birth"}
	textRowSex       = Text{JA: "性別", EN: "Sex"}
	textRowNumber    = Text{JA: "個人番号", EN: "My Number"}
	textRowPhoto     = Text{JA: "顔写真", EN: "Photograph"}
	textRowAuthority = Text{JA: "署名の鍵の発行者", EN: "Authority"}
	textRowUnsigned  = Text{JA: "署名のない内容", EN: "Not signed"}

	textSurfaceChecked   = Text{JA: "電子署名", EN: "digital signature"}
	textSurfaceUnchecked = Text{JA: "カードが写しでないこと、カードの有効性、\n持っている人が本人であること", EN: "that the card is not a copy, that it is valid,\nthat the bearer is its holder"}
	textFaceChecked      = Text{JA: "電子署名、カードが鍵を持つこと", EN: "digital signature, possession of the card's key"}
	textFaceUnchecked    = Text{JA: "カードの有効性、持っている人が本人であること", EN: "that the card is valid, that the bearer is its holder"}
	textUnsignedExpiry   = Text{JA: "有効期限 %s（確認できません）", EN: "expiry %s (can't be confirmed)"}
	textSimulatedData    = Text{JA: "模擬カードの内容です。架空の人物です。", EN: "This is the data of an invented person, from a simulated card."}

	textNoSurfaceApplication = Text{
		JA: "このカードには、券面の内容を読み取るアプリケーションがありません。\nスマートフォンと住民基本台帳カードには入っていません。",
		EN: "This card has no application with what is printed on a card.\nPhones and the older resident card have none.",
	}
	textNoSurfaceApplicationNext = Text{JA: "マイナンバーカードをお使いください。", EN: "Use a My Number Card."}
	textPhotoFile                = Text{JA: "顔写真をファイルに書き出せませんでした。", EN: "The photograph could not be written to the file."}
	textPhotoFileNext            = Text{JA: "書き込めるフォルダーの、まだないファイルの名前を指定してください。上書きはしません。", EN: "Give the name of a file that does not exist yet, in a folder that you can write to. No file is overwritten."}
	textPhotoUnreadable          = Text{JA: "カードの顔写真を表示できる形式に変換できませんでした。", EN: "The card's photograph could not be decoded."}
	textPhotoUnreadableNext      = Text{
		JA: "名前が .jp2 で終わるファイルを指定すると、カードのデータのまま書き出します。",
		EN: "With a file name that ends with .jp2, it is written as the card has it.",
	}
)

func textSex(s jpki.Sex) Text {
	switch s {
	case jpki.Male:
		return Text{JA: "男", EN: "male"}
	case jpki.Female:
		return Text{JA: "女", EN: "female"}
	case '9':
		return Text{JA: "適用不能", EN: "not applicable"}
	}
	return Text{JA: "不明", EN: "unknown"}
}

func textAuthority(i trust.Issuer) Text {
	switch i {
	case trust.IssuerCaller:
		return Text{JA: "指定された発行者（確認しました）", EN: "one given with --authority (verified)"}
	case trust.IssuerSimulator:
		return Text{JA: "模擬カードの発行者（実際には使えません）", EN: "the simulator's (not for real use)"}
	}
	return Text{JA: "確認できませんでした", EN: "could not be verified"}
}
