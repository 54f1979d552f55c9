package message

// The codes about evidence of package proof, and about revocation.
const (
	ProofExpired      Code = "PROOF_EXPIRED"
	ProofRejected     Code = "PROOF_REJECTED"
	CertRevoked       Code = "CERT_REVOKED"
	RevocationUnknown Code = "REVOCATION_UNKNOWN"
)

var proofMessages = [...]Message{
	{
		Code: ProofExpired, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"時間がたちすぎたため、手続きを続けられませんでした。\n暗証番号の残りの回数は減っていません。",
			"Too much time has passed, so this request could not be completed.\nNo PIN attempt was used.",
		},
		Next: Text{restartJA, restartEN},
	},
	{
		Code: ProofRejected, Group: Operator, Attempt: AttemptNotUsed,
		What: Text{
			"サーバーが、カードの確認結果を受け付けませんでした。\n暗証番号の残りの回数は減っていません。",
			"The server did not accept what the card proved.\nNo PIN attempt was used.",
		},
		Next: Text{
			"もう一度お試しください。\nそれでもできないときは、担当者の方にこの画面をお見せください。",
			"Try again. If it fails again, show this screen to the staff.",
		},
	},
	{
		Code: CertRevoked, Group: Clerk, Attempt: AttemptNotUsed,
		What: Text{
			"利用者証明用電子証明書が失効しているため、手続きを続けられません。\n暗証番号の残りの回数は減っていません。",
			"The user-authentication certificate has been revoked.\nNo PIN attempt was used.",
		},
		Next: Text{
			"新しいカードをお持ちのときは、そのカードをお使いください。\nお持ちでないときは、市区町村の窓口にご相談ください。",
			"If you have a newer card, use that one.\nOtherwise ask at your municipal office.",
		},
	},
	{
		Code: RevocationUnknown, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"電子証明書が失効していないかどうかを、現在確認できません。\n暗証番号の残りの回数は減っていません。",
			"Whether the certificate is revoked can't be checked at the moment.\nNo PIN attempt was used.",
		},
		Next: Text{
			"しばらくたってから、もう一度お試しください。\n続くときは、担当者の方にこの画面をお見せください。",
			"Try again later.\nIf it fails again, show this screen to the staff.",
		},
	},
}
