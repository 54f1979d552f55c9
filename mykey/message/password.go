package message

import (
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/credential"
)

// The codes of failures of the signature password.
const (
	PasswordFormat         Code = "PASSWORD_FORMAT"
	PasswordWrong          Code = "PASSWORD_WRONG"
	PasswordLastAttempt    Code = "PASSWORD_LAST_ATTEMPT"
	PasswordLocked         Code = "PASSWORD_LOCKED"
	PasswordOutcomeUnknown Code = "PASSWORD_OUTCOME_UNKNOWN"
)

// resetPassword says where the password is reset. A convenience store's kiosk does
// that for this one, with the smartphone app.
var resetPassword = Text{
	"住民票のある市区町村の窓口か、スマートフォンのアプリを使ってコンビニの端末で、\n再設定できます。",
	"It can be reset at your municipal office, or at a convenience-store kiosk with\nthe smartphone app.",
}

var passwordFormat = Message{
	Code: PasswordFormat,
	What: Text{
		"署名用電子証明書の暗証番号は、英数字6〜16文字です。\n" +
			"カードには送っていません。残りの回数は減っていません。",
		"The signature password is 6 to 16 letters and digits.\n" +
			"It was not sent to the card; no attempt was used.",
	},
	Next: Text{
		"署名用電子証明書に設定した暗証番号を確かめて、もう一度入力してください。",
		"Check the password that you set for signatures and enter it again.",
	},
}

// forPassword says why the signature password did not open the card, and what is
// left of its 5 attempts.
func forPassword(e *credential.Error) Message {
	switch {
	case errors.Is(e, credential.ErrLocked):
		return passwordLocked(errors.Is(e, credential.ErrWrong))
	case errors.Is(e, credential.ErrLastAttempt):
		return Message{
			Code: PasswordLastAttempt,
			What: Text{
				"署名用電子証明書の暗証番号を入力できるのは、あと1回です。\n" +
					"まちがえるとロックされます。カードには送っていません。",
				"One attempt is left for the signature password. It was not sent.\n" +
					"A wrong password would lock it.",
			},
			Next: Text{
				"自信がないときは、ここでやめて、先に再設定してください。\n" + resetPassword.JA,
				"Stop here unless you are sure of the password, and have it reset first.\n" + resetPassword.EN,
			},
		}
	case errors.Is(e, credential.ErrAttemptsChanged), errors.Is(e, credential.ErrOtherCard):
		m := named(CardChanged)
		m.What.JA += "\n署名用電子証明書の暗証番号は送っていません。"
		m.What.EN += "\nThe signature password was not sent."
		return m
	case errors.Is(e, credential.ErrOutcomeUnknown):
		return Message{
			Code: PasswordOutcomeUnknown,
			What: Text{
				"署名用電子証明書の暗証番号を送った直後に、応答が途切れました。\n" + attemptsLeft(e).JA,
				"The card's response was lost just after the signature password was\nsent. " + attemptsLeft(e).EN,
			},
			Next: Text{
				"カードを置き直し、残りの回数を確かめてから、もう一度お試しください。",
				"Put the card back and check the attempts left before you try again.",
			},
		}
	}
	return wrongPassword(e)
}

func passwordLocked(now bool) Message {
	m := Message{
		Code: PasswordLocked,
		What: Text{
			"署名用電子証明書の暗証番号がロックされています。\n" +
				"5回続けてまちがえるとロックされ、時間がたっても解除されません。",
			"The signature password is locked, as after 5 wrong entries.\nIt does not unlock by itself.",
		},
		Next: resetPassword,
	}
	if now {
		m.What = Text{
			"署名用電子証明書の暗証番号が違ったため、ロックされました。\n時間がたっても解除されません。",
			"That password was wrong, and it was the last of 5 attempts.\n" +
				"The signature password is now locked. It does not unlock by itself.",
		}
	}
	return m
}

func wrongPassword(e *credential.Error) Message {
	left := attemptsLeft(e)
	m := Message{
		Code: PasswordWrong,
		What: Text{"署名用電子証明書の暗証番号が違います。\n" + left.JA, "Wrong signature password.\n" + left.EN},
		Next: Text{
			"英字と数字（6〜16文字）を確かめて、もう一度お試しください。\n" + resetPassword.JA,
			"Check its 6 to 16 letters and digits and try again.\n" + resetPassword.EN,
		},
	}
	if e.Known && e.Remaining == 1 {
		m.What.JA += "\n次にまちがえるとロックされます。"
		m.What.EN += " The next wrong entry will lock it."
		m.Next = Text{
			"自信がないときは、ここでやめてください。\n" + resetPassword.JA,
			"Stop here unless you are sure of the password.\n" + resetPassword.EN,
		}
	}
	return m
}

// attemptsLeft says how many attempts are left, or that it is not known.
func attemptsLeft(e *credential.Error) Text {
	if !e.Known {
		return Text{
			fmt.Sprintf("残りの回数は、わかりません（最大%d回）。", e.Max),
			fmt.Sprintf("How many of the %d attempts are left is not known.", e.Max),
		}
	}
	return Text{
		fmt.Sprintf("残りは%d回です（最大%d回）。", e.Remaining, e.Max),
		fmt.Sprintf("%d of %d attempts left.", e.Remaining, e.Max),
	}
}
