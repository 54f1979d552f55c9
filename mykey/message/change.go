package message

// The codes about changing a PIN or password.
const (
	PINUnchanged      Code = "PIN_UNCHANGED"
	PINChangeRejected Code = "PIN_CHANGE_REJECTED"
	PINChangeUnknown  Code = "PIN_CHANGE_UNKNOWN"
)

var changeMessages = [...]Message{
	{
		Code: PINUnchanged, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"新しい暗証番号が、今の暗証番号と同じです。\nカードには送っていません。残りの回数は減っていません。",
			"The new PIN is the same as the current one.\nIt was not sent to the card; no attempt was used.",
		},
		Next: Text{"別の暗証番号を決めて、もう一度入力してください。", "Choose another PIN and enter it again."},
	},
	{
		Code: PINChangeRejected, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"カードが、新しい暗証番号を受け付けませんでした。\n今の暗証番号を、そのまま使えます。残りの回数は減っていません。",
			"The card did not accept the new PIN.\nThe current PIN is still valid, and no attempt was used.",
		},
		Next: Text{"暗証番号は、市区町村の窓口で変更できます。", "Your municipal office can change the PIN."},
	},
	{
		Code: PINChangeUnknown, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"変更の途中で、カードの応答が途切れました。新しい暗証番号に\n変わったか、今の暗証番号のままか、どちらなのかはわかりません。",
			"The card's response was lost during the change. Either the new PIN\nor the current one is valid now; which of them is not known.",
		},
		Next: Text{
			"次に使うときは、新しい暗証番号を先に入力し、違っていたら今の暗証番号を入力して\nください。それまで、もう一度変更しないでください。",
			"Next time, enter the new PIN first, and the current one if that is wrong.\nDo not repeat the change before that.",
		},
	},
}
