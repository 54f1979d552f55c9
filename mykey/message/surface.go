package message

import (
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// The codes about the text and the visual application, and about their PIN and verification numbers.
const (
	EntryFormat         Code = "ENTRY_FORMAT"
	EntryWrong          Code = "ENTRY_WRONG"
	EntryLastAttempt    Code = "ENTRY_LAST_ATTEMPT"
	EntryLocked         Code = "ENTRY_LOCKED"
	EntryOutcomeUnknown Code = "ENTRY_OUTCOME_UNKNOWN"

	DataAltered      Code = "DATA_ALTERED"
	CardCopied       Code = "CARD_COPIED"
	AuthorityUnknown Code = "AUTHORITY_UNKNOWN"
)

var surfaceMessages = [...]Message{
	{
		Code: EntryFormat, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"入力のけた数が違うか、数字以外の文字があります。\nカードには送っていません。残りの回数は減っていません。",
			"The entry has the wrong number of digits, or other characters.\nIt was not sent to the card; no attempt was used.",
		},
		Next: Text{
			"照合番号Bは14けた（生年月日6けた、有効期限の西暦4けた、セキュリティコード\n4けた）、照合番号Aは12けた、暗証番号は4けたです。",
			"Verification number B has 14 digits (6 of the date of birth, 4 of the year of\nexpiry, 4 of the security code), number A has 12, and the PIN has 4.",
		},
	},
	{
		Code: EntryWrong, Group: Holder, Attempt: AttemptUsed,
		What: Text{"入力した番号が違います。", "The number entered is wrong."},
		Next: Text{printedJA, printedEN},
	},
	{
		Code: EntryLastAttempt, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"入力できるのは、あと1回です。まちがえるとロックされます。\nカードには送っていません。残りの回数は減っていません。",
			"1 attempt is left, and a wrong entry would lock it.\nIt was not sent to the card; no attempt was used.",
		},
		Next: Text{
			"自信がないときは、ここでやめて、市区町村の窓口にご相談ください。",
			"If you are not sure, stop here and ask your municipal office.",
		},
	},
	{
		Code: EntryLocked, Group: Clerk, Attempt: AttemptNotUsed,
		What: Text{
			"この番号は、ロックされています。時間がたっても解除されません。",
			"This number is locked. It does not unlock by itself.",
		},
		Next: Text{officeJA, officeEN},
	},
	{
		Code: EntryOutcomeUnknown, Group: Holder, Attempt: AttemptUnknown,
		What: Text{
			lostEntryJA + "残りの回数が減ったかどうかは、わかりません。",
			lostEntryEN + "Whether an attempt was used is not known.",
		},
		Next: Text{
			"カードを置き直し、残りの回数を確かめてから、もう一度お試しください。",
			"Put the card back and check the attempts left before you try again.",
		},
	},
	{
		Code: DataAltered, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"カードの内容が、その電子署名と一致しません。\n書き換えられたカードか、こわれたカードの可能性があります。",
			"What the card contains does not match its digital signature.\nThe card may have been altered, or may be damaged.",
		},
		Next: Text{
			"担当者の方へ: このカードの内容を、本人の確認に使わないでください。",
			"For staff: do not use what this card contains to identify anybody.",
		},
	},
	{
		Code: CardCopied, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"カードが正しい鍵を持っていることを、確認できませんでした。\n別のカードの内容を写したカードの可能性があります。",
			"The card did not prove that it has the key in its data.\nThe data may have been copied from another card.",
		},
		Next: Text{
			"担当者の方へ: このカードの内容を、本人の確認に使わないでください。",
			"For staff: do not use what this card contains to identify anybody.",
		},
	},
	{
		Code: AuthorityUnknown, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"カードの内容に署名した鍵の、発行者を確認できません。",
			"Who issued the key that signed the card's data is not known.",
		},
		Next: Text{
			"担当者の方へ: カードの発行者の公開鍵が設定されているか、確かめてください。",
			"For staff: check that the public key of the cards' authority is configured.",
		},
	},
}

const (
	officeJA = "住民票のある市区町村の窓口で、手続きをしてください。"
	officeEN = "Ask the municipal office where you are registered."
	// printed says what to do after a wrong entry that is composed of what is printed on the card.
	printedJA = "カードに印字されている内容を確かめて、もう一度入力してください。\n生年月日は、カードに書かれているとおり（和暦は和暦のまま）に入力します。"
	printedEN = "Check what is printed on the card and enter it again. Enter the date of\nbirth as it is printed: if its year is of a Japanese era, enter that year."

	lostEntryJA = "番号を送った直後に、カードの応答が途切れました。\n"
	lostEntryEN = "The card's response was lost just after the number was sent.\n"
)

// entryText is what the messages say of a secret of the text or the visual application.
type entryText struct {
	name  Text // what people call it
	check Text // what to do after a wrong one
}

// entryTexts returns the texts of a secret; ok is false for other secrets.
func entryTexts(kind credential.Kind) (t entryText, ok bool) {
	printed := Text{printedJA, printedEN}
	switch kind {
	case credential.TextPIN:
		return entryText{Text{"券面事項入力補助用の暗証番号", "PIN of the text application"}, Text{
			"券面事項入力補助用の暗証番号（数字4けた）を確かめて、もう一度入力してください。\nお忘れのときは、市区町村の窓口で再設定できます。",
			"Check the PIN of the text application (4 digits) and enter it again. If you\nhave forgotten it, your municipal office can reset it.",
		}}, true
	case credential.VerificationNumberA:
		return entryText{Text{"照合番号A", "verification number A"}, Text{
			"個人番号（12けた）を確かめて、もう一度入力してください。", "Check the individual number (12 digits) and enter it again.",
		}}, true
	case credential.VerificationNumberB:
		return entryText{Text{"照合番号B", "verification number B"}, printed}, true
	case credential.BirthDate:
		return entryText{Text{"生年月日", "date of birth"}, printed}, true
	}
	return entryText{}, false
}

// entryWording returns what the messages about one of these secrets say.
func entryWording(t entryText) *wording {
	name := t.name
	return &wording{
		last: EntryLastAttempt, locked: EntryLocked, unknown: EntryOutcomeUnknown,
		lockedBefore: Text{
			name.JA + "がロックされています。時間がたっても解除されません。\n利用者証明用の暗証番号（数字4けた）には影響しません。",
			"The " + name.EN + " is locked. It does not unlock by itself.\nThe PIN for user authentication is not affected.",
		},
		lockedByWrong: Text{
			name.JA + "が違ったため、ロックされました。\n時間がたっても解除されません。",
			"The " + name.EN + " was wrong, and it was the last attempt.\nIt is now locked, and does not unlock by itself.",
		},
		lockedBySending: Text{
			name.JA + "を送ったあと、ロックされました。\n時間がたっても解除されません。",
			"The " + name.EN + " was sent, and is now locked.\nIt does not unlock by itself.",
		},
		reset:   Text{officeJA, officeEN},
		notSent: Text{"番号は送っていません。残りの回数は減っていません。", "No number was sent; no attempt was used."},
		lost:    Text{lostEntryJA, lostEntryEN},
		left:    pinAttempts,
		wrong: func(e *credential.Error) Message {
			m := named(EntryWrong)
			m.What, m.Next = Text{name.JA + "が違います。", "Wrong " + name.EN + "."}, t.check
			switch {
			case !e.Known:
				m.What = m.What.And(Text{"残りの回数は、わかりません。", "How many attempts are left is not known."})
			case e.Remaining == 1:
				m.Next = named(EntryLastAttempt).Next
				m.What = m.What.And(Text{"次にまちがえるとロックされます（入力できるのは、あと1回です）。", "The next wrong entry will lock it (1 attempt left)."})
			default:
				m.What = m.What.And(Text{fmt.Sprintf("あと%d回まちがえると、ロックされます。", e.Remaining), fmt.Sprintf("%d more wrong entries will lock it.", e.Remaining)})
			}
			return m
		},
	}
}
