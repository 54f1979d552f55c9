package terminal

import (
	"errors"
	"slices"
	"strings"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

// Codes that package message does not define.
const (
	database    message.Code = "DATABASE_UNAVAILABLE"
	superseded  message.Code = "SUPERSEDED"
	noID        message.Code = "NO_IDENTIFIER"
	applied     message.Code = "APPLIED_BEFORE"
	notProved   message.Code = "NOT_PROVED"
	noOperator  message.Code = "NO_OPERATOR"
	hasID       message.Code = "HAS_IDENTIFIER"
	idle        message.Code = "IDLE"
	manyCodes   message.Code = "RECOVERY_CODES"
	taken       message.Code = "TERMINAL_NAME_TAKEN"
	notEnrolled message.Code = "TERMINAL_NOT_ENROLLED"
	tooMany     message.Code = "TOO_MANY_REQUESTS"
	versions    message.Code = "SERVER_VERSION"
)

// notice is the message for an error.
type notice struct {
	err     error
	message *message.Message
}

// notices are the messages for errors that package message does not know, or for which
// a kiosk has another message than a command.
var notices = []notice{
	{registry.ErrUnavailable, &message.Message{
		Code: database, Group: message.Operator, Attempt: message.AttemptNotUsed,
		What: message.Text{JA: "ただいま受付を休止しています。", EN: "This terminal is closed at the moment."},
		Next: message.Text{
			JA: "カードをお取りになり、しばらくお待ちください。再開すると、最初の画面に戻ります。\n暗証番号を入力できる残りの回数は、減っていません。",
			EN: "Please take your card and wait. The start screen returns when the terminal reopens.\nNo PIN attempt was used.",
		},
	}},
	{registry.ErrTerminalTaken, &message.Message{
		Code: taken, Group: message.Operator, Attempt: message.AttemptNotUsed,
		What: message.Text{JA: "ただいま受付を休止しています。", EN: "This terminal is closed at the moment."},
		Next: message.Text{
			JA: "担当者をお呼びください。暗証番号を入力できる残りの回数は、減っていません。\n担当者の方へ: 同じ名前の端末が、ほかにも動いています。強制終了の直後なら、\n15秒ほどで再開します。続くときは、端末ごとに別の鍵を作ってください。",
			EN: "Please call the staff. No PIN attempt was used.\nFor staff: another terminal is running under the same name. After a crash this ends\nwithin 15 seconds. If it continues, make a separate key for each terminal.",
		},
	}},
	{fleet.ErrNotEnrolled, &message.Message{
		Code: notEnrolled, Group: message.Operator, Attempt: message.AttemptNotUsed,
		What: message.Text{JA: "ただいま受付を休止しています。", EN: "This terminal is closed at the moment."},
		Next: message.Text{
			JA: "担当者をお呼びください。暗証番号を入力できる残りの回数は、減っていません。\n担当者の方へ: サーバーがこの端末を受け付けません。登録されていないか、登録が\n取り消されたか、証明書の期限が切れています。サーバーの担当者に、登録を依頼して\nください。",
			EN: "Please call the staff. No PIN attempt was used.\nFor staff: the server does not accept this terminal: it is not enrolled, was\nrevoked, or its certificate has expired. Ask whoever runs the server to enroll it.",
		},
	}},
	{fleet.ErrBusy, &message.Message{
		Code: tooMany, Group: message.Operator, Attempt: message.AttemptNotUsed,
		What: message.Text{JA: "ただいま受付を休止しています。", EN: "This terminal is closed at the moment."},
		Next: message.Text{
			JA: "カードをお取りになり、しばらくお待ちください。再開すると、最初の画面に戻ります。\n暗証番号を入力できる残りの回数は、減っていません。",
			EN: "Please take your card and wait. The start screen returns when the terminal reopens.\nNo PIN attempt was used.",
		},
	}},
	{fleet.ErrRequest, &message.Message{
		Code: versions, Group: message.Programmer, Attempt: message.AttemptNotUsed,
		What: message.Text{JA: "手続きを続けられませんでした。", EN: "Your request could not be completed."},
		Next: message.Text{
			JA: "担当者をお呼びください。暗証番号を入力できる残りの回数は、減っていません。\n担当者の方へ: サーバーとこの端末のバージョンを合わせてください。",
			EN: "Please call the staff. No PIN attempt was used.\nFor staff: install the same version on the server and on this terminal.",
		},
	}},
	{mykey.ErrKey, &message.Message{
		Code: message.NamespaceKey,
		What: message.Text{JA: "ただいま受付を休止しています。", EN: "This terminal is closed at the moment."},
		Next: message.Text{
			JA: "担当者をお呼びください。暗証番号を入力できる残りの回数は、減っていません。\n担当者の方へ: 鍵が変更されましたが、この端末に新しい世代の鍵がありません。\n鍵をオプションに加えて、再起動してください。",
			EN: "Please call the staff. No PIN attempt was used.\nFor staff: the keys were changed, and this terminal does not have the new keys.\nAdd them to its options and restart it.",
		},
	}},
	{errTooManyCodes, &message.Message{
		Code: manyCodes, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "IDと引き継ぎコードの組み合わせが5回違ったため、手続きを終了しました。", EN: "The ID and the recovery code did not match 5 times, so your visit has ended."},
		Next: message.Text{
			JA: "カードと控えをお持ちになり、担当者におたずねください。\n前のIDは、そのまま使えます。",
			EN: "Please take your card and your slip to the staff.\nYour earlier ID is still valid.",
		},
	}},
	{registry.ErrSuperseded, &message.Message{
		Code: superseded, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "このカードのIDは、新しいカードに引き継がれています。", EN: "The ID of this card was moved to a newer card."},
		Next: message.Text{JA: "新しいカードをお使いください。", EN: "Please use the newer card."},
	}},
	{registry.ErrHolderReserved, &message.Message{
		Code: hasID, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "このカードには、すでにIDがあります。", EN: "This card already has an ID."},
		Next: message.Text{JA: "前のIDをこのカードに引き継ぐときは、担当者におたずねください。", EN: "To move your earlier ID to this card, please ask the staff."},
	}},
	{registry.ErrNoIdentifier, &message.Message{
		Code: noID, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "IDを用意できませんでした。", EN: "No ID is available for this card."}, Next: callStaff,
	}},
	{registry.ErrApplied, &message.Message{
		Code: applied, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "お申し込みは、すでに完了しています。", EN: "You have already applied."},
		Next: message.Text{JA: "お申し込みは1回だけで、変更できません。", EN: "You can apply only once, and the application can't be changed."},
	}},
	{registry.ErrProof, &message.Message{
		Code: notProved, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "このカードでは受付できません。", EN: "This terminal can't accept your card."}, Next: callStaff,
	}},
	{registry.ErrNoOperator, &message.Message{
		Code: noOperator, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "この端末では申し込みを受け付けていません。", EN: "This terminal does not accept applications."}, Next: callStaff,
	}},
	{reader.ErrNoReader, &message.Message{
		Code: message.For(reader.ErrNoReader).Code, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードリーダーが使えません。", EN: "The card reader is not working."},
		Next: message.Text{JA: "担当者をお呼びください。復旧すると、最初の画面に戻ります。", EN: "Please call the staff. The start screen returns when it works again."},
	}},
	{reader.ErrNoService, &message.Message{
		Code: message.For(reader.ErrNoService).Code, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードを読み取る準備ができていません。", EN: "Cards can't be read at the moment."},
		Next: message.Text{JA: "担当者をお呼びください。復旧すると、最初の画面に戻ります。", EN: "Please call the staff. The start screen returns when it works again."},
	}},
}

// residents are messages that replace those of package message, because they say what a resident
// can do at this terminal. An empty text does not replace anything.
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
		what: message.Text{JA: "カードリーダーが、ほかの処理で使われています。", EN: "Another program is using the card reader."},
		next: message.Text{
			JA: "そのあと、最初からやり直してください。\nもう一度この画面になったときは、カードはそのままで、担当者をお呼びください。",
			EN: "Then start again.\nIf you see this screen again, leave the card where it is and call the staff.",
		},
	},
	message.ExchangeFailed: {
		what: message.Text{
			JA: "カードリーダーの不具合で、カードを読み取れません。\n暗証番号を入力できる残りの回数は、減っていません。",
			EN: "The card reader is faulty and can't read your card.\nNo PIN attempt was used.",
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
		JA: "担当者をお呼びください。\n担当者の方へ: この端末の日付と時刻を確かめてください。正しいときは、ご本人に、市区町村の窓口での電子証明書の更新をご案内ください。",
		EN: "Please call the staff.\nFor staff: check the date and time of this terminal. If they are right, tell the resident that the municipal office can renew the certificate.",
	}},
	message.CardStillUnlocked: {
		what: message.Text{
			JA: "カードがログアウトされていない可能性があります。",
			EN: "Your card may still be unlocked.",
		},
		next: message.Text{JA: "カードを取るとログアウトされ、安全です。暗証番号はロックされません。", EN: "Taking it logs it out. That does not lock your PIN."},
	},
	message.Failed: {
		what: message.Text{JA: "処理を完了できませんでした。", EN: "Something went wrong."},
		next: message.Text{
			JA: "暗証番号を入力できる残りの回数が減ったかどうかは、わかりません。\n最初からやり直してください。残りの回数を画面に表示します。\nもう一度この画面になったときは、カードはそのままで、担当者をお呼びください。",
			EN: "Whether a PIN attempt was used is not known.\nPlease start again. The screen shows how many attempts are left.\nIf you see this screen again, leave the card where it is and call the staff.",
		},
	},
	message.ChainUnknown:   {next: callStaff},
	message.KeyUnsupported: {next: callStaff},
	message.PINLastAttempt: {next: message.Text{
		JA: "暗証番号に自信がないときは、市区町村の窓口にご相談ください。",
		EN: "If you are not sure of the PIN, ask at your municipal office.",
	}},
	message.PINOutcomeUnknown: {next: message.Text{
		JA: "そのあと、最初からやり直してください。残りの回数を画面に表示します。",
		EN: "Then start again. The screen shows how many attempts are left.",
	}},
}

var (
	keepStill = message.Text{
		JA: "そのあと、最初からやり直してください。終わるまで、カードを動かさないでください。",
		EN: "Then start again, and keep the card still until the end.",
	}
	callStaff    = message.Text{JA: "担当者をお呼びください。", EN: "Please call the staff."}
	outOfService = message.Text{JA: "この端末は、ただいまご利用になれません。", EN: "This terminal can't be used at the moment."}
)

// cardTaken is the notice for a visit that ended because its card was taken.
func cardTaken(v *visit) *message.Message {
	return &message.Message{
		Code: message.CardRemoved, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードが取り出されたため、終了しました。", EN: "The card was taken, so your visit has ended."},
		Next: lines(inputCleared, remains(v), message.Text{
			JA: "もう一度お手続きされるときは、最初からやり直してください。", EN: "To continue, please start again.",
		}),
	}
}

// idleEnded is the notice for a visit that ended because it was idle.
func idleEnded(v *visit) *message.Message {
	return &message.Message{
		Code: idle, Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "しばらく操作がなかったため、終了しました。", EN: "Your visit has ended because nothing was entered for a while."},
		Next: lines(inputCleared, remains(v), message.Text{JA: "カードをお忘れなくお取りください。", EN: "Please don't forget your card."}),
	}
}

var inputCleared = message.Text{JA: "画面に入力された内容は消しました。", EN: "What you entered on the screen was cleared."}

// remains says what remains valid after a visit. It is empty if the visit had no
// identifier.
func remains(v *visit) message.Text {
	switch {
	case v.reservation == nil:
		return message.Text{}
	case v.reservation.Application == nil:
		return message.Text{JA: "IDは、そのまま有効です。", EN: "Your ID remains valid."}
	}
	return message.Text{JA: "IDと、完了したお申し込みは、そのまま有効です。", EN: "Your ID and your application remain valid."}
}

// lines joins texts, leaving out empty ones.
func lines(texts ...message.Text) (joined message.Text) {
	for _, text := range texts {
		if text == (message.Text{}) {
			continue
		}
		if joined != (message.Text{}) {
			joined.JA += "\n"
			joined.EN += "\n"
		}
		joined.JA += text.JA
		joined.EN += text.EN
	}
	return joined
}

// noticeFor returns the message for an error. It also says if the card may still be
// unlocked.
func noticeFor(err error) *message.Message {
	m, cause := message.For(err), message.Cause(err)
	for _, own := range slices.Concat(notices, registryNotices) {
		if errors.Is(cause, own.err) {
			m = *own.message
			break
		}
	}
	own := residents[m.Code]
	if own.what != (message.Text{}) {
		m.What = own.what
	}
	if own.next != (message.Text{}) {
		m.Next = own.next
	}
	if errors.Is(err, jpki.ErrStillUnlocked) && m.Code != message.CardStillUnlocked {
		still := residents[message.CardStillUnlocked]
		m.What, m.Next = lines(m.What, still.what), lines(still.next, m.Next)
	}
	return &m
}

// screenNotice returns the message for an error as the page shows it. If only an
// operator can solve the problem, the page asks to call the staff, who see the code.
func screenNotice(err error) *message.Message {
	m := noticeFor(err)
	if strings.HasPrefix(m.Next.EN, "For staff:") {
		m.What, m.Next = outOfService, callStaff
	}
	return m
}

// callsStaff reports whether a notice first asks to call the staff. The card then stays,
// since the screen changes when it is taken.
func callsStaff(m *message.Message) bool { return strings.HasPrefix(m.Next.EN, callStaff.EN) }

// MessageFor returns the message for an error of the kiosk, its registry or its
// campaign file.
func MessageFor(err error) message.Message { return *noticeFor(err) }
