package message

// The codes about evidence of package proof.
const (
	ProofExpired  Code = "PROOF_EXPIRED"
	ProofRejected Code = "PROOF_REJECTED"
)

var proofMessages = [...]Message{
	{
		Code: ProofExpired, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"時間がたちすぎたため、手続きを続けられませんでした。\n暗証番号の残りの回数は減っていません。",
			"Too much time passed, so this could not continue.\nNo PIN attempt was used.",
		},
		Next: Text{restartJA, restartEN},
	},
	{
		Code: ProofRejected, Group: Operator, Attempt: AttemptNotUsed,
		What: Text{
			"カードの確認結果が、確認先のサーバーに受け付けられませんでした。\n暗証番号の残りの回数は減っていません。",
			"The server did not accept what the card proved.\nNo PIN attempt was used.",
		},
		Next: Text{
			"もう一度お試しください。同じときは、担当者の方にこの画面をお見せください。",
			"Try again. If it fails again, show this screen to the staff.",
		},
	},
}
