package message

import (
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// The codes about the user-authentication PIN.
const (
	PINFormat         Code = "PIN_FORMAT"
	PINUsed           Code = "PIN_USED"
	PINWrong          Code = "PIN_WRONG"
	PINLastAttempt    Code = "PIN_LAST_TRY"
	PINLocked         Code = "PIN_LOCKED"
	PINOutcomeUnknown Code = "PIN_OUTCOME_UNKNOWN"
	PINCounterUnknown Code = "PIN_COUNTER_UNKNOWN"
)

var pinMessages = [...]Message{
	{
		Code: PINFormat, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"暗証番号は数字4けたです。\nカードには送っていません。残りの回数は減っていません。",
			"The PIN is 4 digits.\nIt was not sent to the card; no attempt was used.",
		},
		Next: Text{
			"署名用（英数字6文字以上）ではなく、利用者証明用の数字4けたを入力してください。",
			"Enter the 4 digits for user authentication, not the signature password.",
		},
	},
	{
		Code: PINUsed, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"この入力は、すでに使われたか、取り消されています。\n" +
				"今回は送っていないため、残りの回数は減っていません。\n" +
				"暗証番号そのものは変わっていません。",
			"What you entered was already sent or discarded. Nothing was sent now,\n" +
				"and no attempt was used. The PIN itself has not changed.",
		},
		Next: Text{"続けるときは、もう一度入力してください。", "To continue, enter it again."},
	},
	{
		Code: PINWrong, Group: Holder, Attempt: AttemptUsed, // see also wrongPIN
		What: Text{
			"暗証番号が違います。\n残りの回数は、わかりません。",
			"Wrong PIN.\nHow many attempts are left is not known.",
		},
		Next: Text{
			"カードを置き直し、残りの回数を確かめてから、もう一度入力してください。\n" +
				"暗証番号をお忘れのときは、市区町村の窓口で再設定できます。",
			"Put the card back and check the attempts left before you enter it again.\n" +
				"If you have forgotten the PIN, your municipal office can reset it.",
		},
	},
	{
		Code: PINLastAttempt, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"暗証番号を入力できるのはあと1回のため、送らずに中止しました。\n" +
				"まちがえるとロックされ、市区町村の窓口での再設定が必要です。\n" +
				"残りの回数は減っていません。",
			"1 attempt is left. No PIN was sent to the card.\n" +
				"A wrong PIN would lock it until the municipal office resets it.",
		},
		Next: Text{
			"暗証番号に自信がないときは、ここでやめて、市区町村の窓口にご相談ください。",
			"If you are not sure of the PIN, stop here. Your municipal office can reset it.",
		},
	},
	{
		Code: PINLocked, Group: Clerk, Attempt: AttemptNotUsed,
		What: Text{
			"利用者証明用電子証明書の暗証番号がロックされています。\n" +
				"時間がたっても解除されません。",
			"The user-authentication PIN is locked.\nIt does not unlock by itself.",
		},
		Next: Text{
			resetJA + "\n" +
				"お持ちのカードが「顔認証マイナンバーカード」のときは、暗証番号がないため、\n" +
				"ここではご利用になれません。",
			resetEN + "\n" +
				"A face-authentication card has no PIN and cannot be used here.",
		},
	},
	{
		Code: PINOutcomeUnknown, Group: Holder, Attempt: AttemptUnknown,
		What: Text{
			lostJA + "残りの回数が減ったかどうかは、わかりません。",
			lostEN + "Whether an attempt was used is not known.",
		},
		Next: Text{
			"カードを置き直し、残りの回数を確かめてから、もう一度お試しください。",
			"Put the card back and check the attempts left before you try again.",
		},
	},
	{
		Code: PINCounterUnknown, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"暗証番号の残りの回数を、カードから読み取れません。\n" +
				"暗証番号は送っていません。残りの回数は減っていません。",
			"The card does not say how many attempts are left.\nNo PIN was sent; no attempt was used.",
		},
		Next: Text{readAgainJA, readAgainEN},
	},
}

const (
	resetJA = "住民票のある市区町村の窓口で、再設定の手続きをしてください。"
	resetEN = "Have it reset at the municipal office where you are registered."

	lostJA = "暗証番号を送った直後に、カードの応答が途切れました。\n"
	lostEN = "The card's response was lost just after the PIN was sent.\n"
)

var pinWording = wording{
	last: PINLastAttempt, locked: PINLocked, unknown: PINOutcomeUnknown,
	lockedByWrong: Text{
		"暗証番号が違ったため、ロックされました。\n時間がたっても解除されません。",
		"That PIN was wrong, and it was the last attempt.\nThe PIN is now locked. It does not unlock by itself.",
	},
	lockedBySending: Text{
		"暗証番号を送ったあと、ロックされました。\n時間がたっても解除されません。",
		"The PIN was sent, and is now locked.\nIt does not unlock by itself.",
	},
	reset:   Text{resetJA, resetEN}, // a face-authentication card takes no PIN
	notSent: Text{"暗証番号は送っていません。残りの回数は減っていません。", "No PIN was sent; no attempt was used."},
	lost:    Text{lostJA, lostEN},
	left:    pinAttempts,
	wrong:   wrongPIN,
}

// wrongPIN returns the message for a wrong PIN, with the attempts left. If attempts are
// left, the kiosk shows its own text: the template "wrong-pin" in cmd/kiosk/internal/web/screens.html.
func wrongPIN(e *credential.Error) Message {
	m := named(PINWrong)
	switch {
	case !e.Known:
	case e.Remaining == 1:
		m.What = Text{
			"暗証番号が違います。\n次にまちがえると、暗証番号がロックされます（入力できるのは、あと1回です）。",
			"Wrong PIN.\nThe next wrong entry will lock the PIN (1 attempt left).",
		}
		m.Next = named(PINLastAttempt).Next
	default:
		m.What = Text{
			fmt.Sprintf("暗証番号が違います。\nあと%d回まちがえると、暗証番号がロックされます。", e.Remaining),
			fmt.Sprintf("Wrong PIN.\n%d more wrong entries will lock the PIN.", e.Remaining),
		}
		m.Next = Text{
			"利用者証明用の数字4けたを確かめて、もう一度お試しください。\n" +
				"お忘れのときは、市区町村の窓口で再設定できます。",
			"Check the 4 digits for user authentication and try again.\n" +
				"If you have forgotten them, your municipal office can reset them.",
		}
	}
	return m
}

// pinAttempts says how many attempts are left.
func pinAttempts(e *credential.Error) Text {
	return Text{fmt.Sprintf("残りは%d回です。", e.Remaining), attempts(e.Remaining) + " left."}
}
