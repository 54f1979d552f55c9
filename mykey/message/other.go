package message

// The codes about everything else.
const (
	RequestInvalid    Code = "REQUEST_INVALID"
	SimulatorOccupied Code = "SIMULATOR_OCCUPIED"
	Interrupted       Code = "INTERRUPTED"
	Failed            Code = "FAILED"
)

const (
	restartJA = "続けるときは、最初からやり直してください。"
	restartEN = "To continue, start again from the beginning."
)

var otherMessages = [...]Message{
	{
		Code: RequestInvalid, Group: Programmer, Attempt: AttemptNone,
		What: Text{
			"プログラムの不具合のため、処理を中止しました。\nカードへの命令は送っていません。",
			"This program stopped because of a bug in it.\nThe command was not sent to the card.",
		},
		Next: Text{
			"担当者の方へ: 表示された内容を、このソフトウェアの提供元にお知らせください。",
			"For staff: report what is shown here to the maker of this software.",
		},
	},
	{
		Code: SimulatorOccupied, Group: Programmer, Attempt: AttemptNone,
		What: Text{"模擬リーダーに、すでにカードがセットされています。", "The simulated reader already holds a card."},
		Next: Text{"セットされているカードを先に取り外してください。", "Remove that card first."},
	},
	{
		Code: Interrupted, Group: Holder, Attempt: AttemptNone,
		What: Text{"処理を中断しました。", "Interrupted."},
		Next: Text{restartJA, restartEN},
	},
	{
		// What an unknown error did to the attempts is not known either.
		Code: Failed, Group: Operator, Attempt: AttemptUnknown,
		What: Text{
			"処理を完了できませんでした。\n" +
				"暗証番号を入力したときは、残りの回数が減ったかどうかは、わかりません。",
			"The operation could not be completed.\n" +
				"If you entered a PIN, whether an attempt was used is not known.",
		},
		Next: Text{
			"暗証番号を入力したときは、残りの回数を確かめてから、もう一度お試しください。\n" +
				"続くときは、担当者の方にこの画面をお見せください。",
			"If you entered a PIN, check the attempts left before you try again.\n" +
				"If it fails again, show this screen to the staff.",
		},
	},
}
