package terminal

import (
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

// Codes beside those of package message.
const (
	database   message.Code = "DATABASE_UNAVAILABLE"
	superseded message.Code = "SUPERSEDED"
	noID       message.Code = "NO_IDENTIFIER"
	applied    message.Code = "APPLIED_BEFORE"
	notProved  message.Code = "NOT_PROVED"
	noOperator message.Code = "NO_OPERATOR"
	hasID      message.Code = "HAS_IDENTIFIER"
	idle       message.Code = "IDLE"
	manyCodes  message.Code = "RECOVERY_CODES"
	taken      message.Code = "TERMINAL_NAME_TAKEN"
)

var askTheCounter = message.Text{JA: "担当者におたずねください。", EN: "Please ask the staff."}

// notice is what is said of an error.
type notice struct {
	err     error
	message *message.Message
}

// notices are said of errors that package message does not know, or of which a
// kiosk says something else than a command.
var notices = []notice{
	{registry.ErrUnavailable, &message.Message{
		Code: database, Group: message.Operator, Attempt: message.AttemptNotUsed,
		What: message.Text{JA: "ただいま受付を休止しています。", EN: "This terminal can't take applications just now."},
		Next: message.Text{
			JA: "カードをお取りになり、しばらくお待ちください。再開すると、最初の画面に戻ります。\n暗証番号の回数は減っていません。",
			EN: "Please take your card and wait a little; the first screen comes back by itself.\nNo PIN attempt was used up.",
		},
	}},
	{registry.ErrTerminalTaken, &message.Message{
		Code: taken, Group: message.Operator, Attempt: message.AttemptNotUsed,
		What: message.Text{JA: "ただいま受付を休止しています。", EN: "This terminal can't take applications just now."},
		Next: message.Text{
			JA: "担当者をお呼びください。暗証番号の回数は減っていません。\n担当者の方へ: 同じ名前の端末が、ほかにも動いています。強制終了の直後なら、\n15秒ほどで再開します。続くときは、端末ごとに別の鍵を作ってください。",
			EN: "Please call the staff. No PIN attempt was used up.\nFor staff: another terminal runs under the same name. After a crash this ends within\n15 seconds. If it goes on, make a key of its own for each terminal.",
		},
	}},
	{mykey.ErrKey, &message.Message{
		Code: message.NamespaceKey,
		What: message.Text{JA: "この端末では、ただいま受付できません。", EN: "This terminal can't take applications just now."},
		Next: message.Text{
			JA: "担当者をお呼びください。暗証番号の回数は減っていません。\n担当者の方へ: 鍵を替えた後の、新しい世代の鍵がこの端末にありません。\n設定に加えて、端末を始め直してください。",
			EN: "Please call the staff. No PIN attempt was used up.\nFor staff: the keys were changed, and this terminal does not have the new ones.\nAdd them to its options and restart it.",
		},
	}},
	{errTooManyCodes, &message.Message{
		Code: manyCodes, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "IDと引き継ぎコードの組み合わせを確認できませんでした。", EN: "The ID and the recovery code could not be matched."},
		Next: message.Text{
			JA: "カードと控えをお持ちになり、担当者におたずねください。\n前のIDは、そのまま残っています。",
			EN: "Please take your card and your slip to the staff.\nYour earlier ID is still there.",
		},
	}},
	{registry.ErrSuperseded, &message.Message{
		Code: superseded, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "このカードのIDは、新しいカードに引き継がれています。", EN: "This card's ID has moved to a newer card."},
		Next: message.Text{JA: "新しいカードをお使いください。", EN: "Please use the newer card."},
	}},
	{registry.ErrHolderReserved, &message.Message{
		Code: hasID, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "このカードには、すでにIDがあります。", EN: "This card has an ID already."},
		Next: message.Text{JA: "引き継ぎについては、担当者におたずねください。", EN: "Please ask the staff about taking over another."},
	}},
	{registry.ErrNoIdentifier, &message.Message{
		Code: noID, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "IDを用意できませんでした。", EN: "No ID could be found for you."}, Next: askTheCounter,
	}},
	{registry.ErrApplied, &message.Message{
		Code: applied, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "すでにお申し込みがお済みです。", EN: "You have applied already."},
		Next: message.Text{JA: "お申し込みは1回だけで、変更できません。", EN: "An application is made once and can't be changed."},
	}},
	{registry.ErrProof, &message.Message{
		Code: notProved, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "このカードでは受付できません。", EN: "This card can't be accepted here."}, Next: askTheCounter,
	}},
	{registry.ErrNoOperator, &message.Message{
		Code: noOperator, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "この端末では申し込みを受け付けていません。", EN: "This terminal takes no applications."}, Next: askTheCounter,
	}},
	{reader.ErrNoReader, &message.Message{
		Code: message.For(reader.ErrNoReader).Code, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードリーダーが使えません。", EN: "The card reader can't be used."},
		Next: message.Text{JA: "担当者をお呼びください。復旧すると、最初の画面に戻ります。", EN: "Please call the staff. The first screen comes back when it works again."},
	}},
	{reader.ErrNoService, &message.Message{
		Code: message.For(reader.ErrNoService).Code, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードを読み取る準備ができていません。", EN: "Cards can't be read just now."},
		Next: message.Text{JA: "担当者をお呼びください。復旧すると、最初の画面に戻ります。", EN: "Please call the staff. The first screen comes back when it works again."},
	}},
}

// residents are what a resident is told where package message says something to whoever
// runs a command. An empty text is package message's.
var residents = map[message.Code]struct{ what, next message.Text }{
	message.SeveralCards: {
		what: message.Text{JA: "カードが2枚以上あります。", EN: "There is more than one card."},
		next: message.Text{
			JA: "お使いになるカードだけを残して、最初からやり直してください。",
			EN: "Leave only the card that you want to use, and start again.",
		},
	},
	message.NotMyNumberCard: {next: message.Text{
		JA: "そのあと、マイナンバーカードで最初からやり直してください。",
		EN: "Then start again with your My Number Card.",
	}},
	message.CardRemoved:       {next: keepStill},
	message.CardChanged:       {next: keepStill},
	message.ReadFailed:        {next: keepStill},
	message.PINCounterUnknown: {next: keepStill},
	message.ReaderBusy: {
		what: message.Text{JA: "カードリーダーが、ほかの処理で使われています。", EN: "The card reader is in use by something else."},
		next: message.Text{
			JA: "そのあと、最初からやり直してください。続くときは、担当者をお呼びください。",
			EN: "Then start again. If it goes on, call the staff.",
		},
	},
	message.ExchangeFailed: {
		what: message.Text{
			JA: "カードリーダーの不具合で、カードを読み取れません。\n暗証番号の回数は減っていません。",
			EN: "The card reader has a fault and can't read your card.\nNo PIN attempt was used up.",
		},
		next: message.Text{
			JA: "担当者をお呼びください。\n担当者の方へ: ドライバーを更新するか、別のカードリーダーを使ってください。",
			EN: "Please call the staff.\nFor staff: update the reader's driver, or use another reader.",
		},
	},
	message.CertNeedsPIN: {next: message.Text{JA: "マイナンバーカードをお使いください。", EN: "Please use a My Number Card."}},
	message.CertNotYetValid: {next: message.Text{
		JA: "担当者をお呼びください。\n担当者の方へ: この端末の日付と時刻を確かめてください。",
		EN: "Please call the staff.\nFor staff: check the date and time of this terminal.",
	}},
	message.IssuerExpired: {next: message.Text{
		JA: "担当者をお呼びください。\n担当者の方へ: この端末の日付と時刻を確かめてください。正しいときは、市区町村の窓口で電子証明書を更新できます。",
		EN: "Please call the staff.\nFor staff: check the date and time of this terminal. If they are right, the municipal office can renew the certificate.",
	}},
	message.CardStillUnlocked: {
		what: message.Text{
			JA: "カードに、暗証番号を確認した状態が残っている可能性があります。",
			EN: "Your card may still be unlocked.",
		},
		next: message.Text{JA: "カードを取ると、元に戻ります。", EN: "Taking the card ends that."},
	},
	message.Failed: {
		what: message.Text{JA: "処理を完了できませんでした。", EN: "Something went wrong."},
		next: message.Text{
			JA: "最初からやり直してください。続くときは、担当者にこの画面をお見せください。",
			EN: "Please start again. If it goes on, show this screen to the staff.",
		},
	},
	message.ChainUnknown: {next: askTheCounter},
	message.PINLastAttempt: {next: message.Text{
		JA: "暗証番号に自信がないときは、市区町村の窓口にご相談ください。",
		EN: "If you are not sure of the PIN, ask at your municipal office.",
	}},
	message.PINOutcomeUnknown: {next: message.Text{
		JA: "そのあと、最初からやり直してください。残りの回数を画面に表示します。",
		EN: "Then start again: the screen shows the attempts left.",
	}},
}

var (
	keepStill = message.Text{
		JA: "そのあと、最初からやり直してください。終わるまで、カードを動かさないでください。",
		EN: "Then start again, and keep the card still until the end.",
	}
	callTheStaff = message.Text{JA: "担当者をお呼びください。", EN: "Please call the staff."}
)

// What ends a visit.
var (
	cardTaken = &message.Message{
		Code: message.CardRemoved, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードが取り出されたため、終了しました。", EN: "The card was taken, so the visit has ended."},
		Next: message.Text{JA: "入力されたものは、すべて消しました。\nもう一度なさるときは、最初から始めてください。", EN: "Everything that was entered is gone.\nTo go on, please start again."},
	}
	timeOver = &message.Message{
		Code: idle, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "しばらく操作がなかったため、終了しました。", EN: "The visit has ended, as nothing was done for a while."},
		Next: message.Text{JA: "入力されたものは、すべて消しました。\nカードをお忘れなくお取りください。", EN: "Everything that was entered is gone.\nPlease don't forget your card."},
	}
)
