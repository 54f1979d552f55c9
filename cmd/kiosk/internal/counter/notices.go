package counter

import (
	"errors"

	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Codes that package message does not define.
const (
	noApplication message.Code = "NO_SUCH_APPLICATION"
	photo         message.Code = "PHOTO_UNREADABLE"
	idle          message.Code = "IDLE"
	recordNotKept message.Code = "RECORD_NOT_KEPT"
)

// notices are the messages for errors of a counter, and for those about which a clerk is told more than
// package message says.
var notices = []struct {
	err     error
	message message.Message
}{
	{face.ErrStillUnlocked, message.Message{
		Code: message.CardStillUnlocked, Group: message.Clerk, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードをログアウトできませんでした。\nカードの内容を、まだ読み取れる状態です。", EN: "The card could not be logged out: it can still be read."},
		Next: message.Text{JA: "すぐにカードを取ってください。取るとログアウトされます。", EN: "Take the card out of the reader now. That logs it out."},
	}},
	{face.ErrNoApplication, message.Message{
		Code: noApplication, Group: message.Clerk, Attempt: message.AttemptNotUsed,
		What: message.Text{
			JA: "このカードには、券面の内容を読み取るアプリケーションがありません。\nスマートフォンや、ほかのカードの可能性があります。",
			EN: "This card has no application with what is printed on a card.\nIt may be a phone or another card.",
		},
		Next: message.Text{JA: "マイナンバーカードを置いてください。", EN: "Place the customer's My Number Card."},
	}},
	{errPicture, message.Message{
		Code: photo, Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "カードの画像を表示できませんでした。", EN: "A picture of the card can't be shown."},
		Next: message.Text{JA: "このカードでは確認できません。カードをお客様にお返しし、機器の担当者に\n連絡してください。", EN: "The card can't be checked. Return it to the customer, and call whoever runs\nthis terminal."},
	}},
	{errIdle, message.Message{
		Code: idle, Group: message.Clerk, Attempt: message.AttemptNone,
		What: message.Text{JA: "操作がなかったため、表示を消しました。記録は残していません。", EN: "Nothing was done for a while, so the screen was cleared. No record was kept."},
		Next: message.Text{JA: "続けるときは、カードを置き直してください。", EN: "To go on, take the card and place it again."},
	}},
}

// noticeFor returns the message for an error.
func noticeFor(err error) *message.Message {
	for _, n := range notices {
		if errors.Is(err, n.err) {
			return &n.message
		}
	}
	m := message.For(err)
	return &m
}
