package message

import (
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// The codes about the signature password.
const (
	PasswordFormat         Code = "PASSWORD_FORMAT"
	PasswordWrong          Code = "PASSWORD_WRONG"
	PasswordLastAttempt    Code = "PASSWORD_LAST_ATTEMPT"
	PasswordLocked         Code = "PASSWORD_LOCKED"
	PasswordOutcomeUnknown Code = "PASSWORD_OUTCOME_UNKNOWN"
)

const (
	// A convenience store's terminal can reset this credential, with the smartphone app.
	resetPasswordJA = "次のどちらかで再設定できます: 住民票のある市区町村の窓口／\nコンビニの端末（スマートフォンのアプリも使います）。"
	resetPasswordEN = "It can be reset at your municipal office, or at a convenience-store kiosk with\nthe smartphone app."

	lostPasswordJA = "署名用電子証明書の暗証番号を送った直後に、応答が途切れました。\n"
	lostPasswordEN = "The card's response was lost just after the signature password was\nsent. "
)

var passwordMessages = [...]Message{
	{
		Code: PasswordFormat, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"署名用電子証明書の暗証番号は、英数字6から16文字です。\n" +
				"カードには送っていません。残りの回数は減っていません。",
			"The signature password is 6 to 16 letters and digits.\n" +
				"It was not sent to the card; no attempt was used.",
		},
		Next: Text{
			"署名用電子証明書に設定した暗証番号を確かめて、もう一度入力してください。",
			"Check the password that you set for signatures and enter it again.",
		},
	},
	{
		Code: PasswordWrong, Group: Holder, Attempt: AttemptUsed,
		What: Text{"署名用電子証明書の暗証番号が違います。", "Wrong signature password."},
		Next: Text{
			"カードを置き直し、残りの回数を確かめてから、もう一度入力してください。\nお忘れのときは、" + resetPasswordJA,
			"Put the card back and check the attempts left before you enter it again.\n" + resetPasswordEN,
		},
	},
	{
		Code: PasswordLastAttempt, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"署名用電子証明書の暗証番号を入力できるのは、あと1回です。\n" +
				"まちがえるとロックされます。\nカードには送っていません。残りの回数は減っていません。",
			"1 attempt is left for the signature password; a wrong one locks it.\n" +
				"It was not sent; no attempt was used.",
		},
		Next: Text{
			"自信がないときは、ここでやめて、先に再設定してください。\n" + resetPasswordJA,
			"If you are not sure of the password, stop here and have it reset first.\n" + resetPasswordEN,
		},
	},
	{
		Code: PasswordLocked, Group: Clerk, Attempt: AttemptNotUsed,
		What: Text{
			"署名用電子証明書の暗証番号がロックされています。\n" +
				"5回続けてまちがえるとロックされ、時間がたっても解除されません。",
			"The signature password is locked: it was wrong 5 times in a row.\nIt does not unlock by itself.",
		},
		Next: Text{resetPasswordJA, resetPasswordEN},
	},
	{
		Code: PasswordOutcomeUnknown, Group: Holder, Attempt: AttemptUnknown,
		What: Text{
			lostPasswordJA + "残りの回数が減ったかどうかは、わかりません。",
			lostPasswordEN + "Whether an attempt was used is not known.",
		},
		Next: Text{
			"カードを置き直し、残りの回数を確かめてから、もう一度お試しください。",
			"Put the card back and check the attempts left before you try again.",
		},
	},
}

var passwordWording = wording{
	last: PasswordLastAttempt, locked: PasswordLocked, unknown: PasswordOutcomeUnknown,
	lockedByWrong: Text{
		"署名用電子証明書の暗証番号が違ったため、ロックされました。\n時間がたっても解除されません。",
		"That password was wrong, and it was the last of 5 attempts.\n" +
			"The signature password is now locked. It does not unlock by itself.",
	},
	lockedBySending: Text{
		"署名用電子証明書の暗証番号を送ったあと、ロックされました。\n時間がたっても解除されません。",
		"The signature password was sent, and is now locked.\nIt does not unlock by itself.",
	},
	reset: Text{resetPasswordJA, resetPasswordEN},
	notSent: Text{
		"署名用電子証明書の暗証番号は送っていません。残りの回数は減っていません。",
		"The signature password was not sent; no attempt was used.",
	},
	lost:  Text{lostPasswordJA, lostPasswordEN},
	left:  passwordAttempts,
	wrong: wrongPassword,
}

func wrongPassword(e *credential.Error) Message {
	m := named(PasswordWrong)
	m.What = m.What.And(passwordAttempts(e))
	switch {
	case !e.Known:
	case e.Remaining == 1:
		m.What.JA += "\n次にまちがえるとロックされます。"
		m.What.EN += " The next wrong entry will lock it."
		m.Next = Text{
			"自信がないときは、ここでやめてください。\n" + resetPasswordJA,
			"Stop here unless you are sure of the password.\n" + resetPasswordEN,
		}
	default:
		m.Next = Text{
			"英字と数字（6から16文字）を確かめて、もう一度お試しください。\nお忘れのときは、" + resetPasswordJA,
			"Check its 6 to 16 letters and digits and try again.\n" + resetPasswordEN,
		}
	}
	return m
}

// passwordAttempts says how many attempts are left, or that this is not known.
func passwordAttempts(e *credential.Error) Text {
	switch {
	case !e.Known:
		return Text{"残りの回数は、わかりません。", "How many attempts are left is not known."}
	case e.Max == 0:
		return pinAttempts(e)
	}
	return Text{
		fmt.Sprintf("残りは%d回です（最大%d回）。", e.Remaining, e.Max),
		fmt.Sprintf("%d of %d attempts left.", e.Remaining, e.Max),
	}
}
