package message

// The codes about signatures.
const (
	SignatureUnsupported Code = "SIGNATURE_UNSUPPORTED"
	SignatureNoPSS       Code = "SIGNATURE_NO_PSS"
	SignerClosed         Code = "SIGNER_CLOSED"
)

var signatureMessages = [...]Message{
	{
		Code: SignatureUnsupported, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"求められた署名の方式には、対応していません。\nカードには何も送っていません。",
			"The requested kind of signature is not supported.\nNothing was sent to the card.",
		},
		Next: Text{
			"担当者の方へ: 署名を求めたソフトウェアで、SHA-256、SHA-384、SHA-512 の\n" +
				"いずれかを選んでください。",
			"For staff: set the software that requested the signature to SHA-256, SHA-384\n" +
				"or SHA-512.",
		},
	},
	{
		Code: SignatureNoPSS, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"このカードは、求められた署名の方式（RSA-PSS）に対応していません。\n署名していません。",
			"This card does not support RSA-PSS signatures. Nothing was signed.",
		},
		Next: Text{
			"担当者の方へ: PKCS #1 v1.5 の署名を使ってください（TLSはバージョン1.2まで）。",
			"For staff: use PKCS #1 v1.5 signatures (with TLS, up to version 1.2).",
		},
	},
	{
		Code: SignerClosed, Group: Holder, Attempt: AttemptNone,
		What: Text{
			"カードの使用を終了したため、署名していません。",
			"The card is no longer in use, so nothing was signed.",
		},
		Next: Text{restartJA, restartEN},
	},
}
