package message

import (
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
)

// The codes about certificates, their issuers and their keys.
const (
	NoAuthCert        Code = "NO_AUTH_CERT"
	CertMalformed     Code = "CERT_MALFORMED"
	CertWrongKind     Code = "CERT_WRONG_KIND"
	CertExpired       Code = "CERT_EXPIRED"
	CertNotYetValid   Code = "CERT_NOT_YET_VALID"
	CertNeedsPIN      Code = "CERT_NEEDS_PIN"
	CertNotAccepted   Code = "CERT_NOT_ACCEPTED"
	KeyUnsupported    Code = "KEY_UNSUPPORTED"
	ChainUnknown      Code = "CHAIN_UNKNOWN"
	IssuerExpired     Code = "ISSUER_EXPIRED"
	CACertificate     Code = "CA_CERTIFICATE"
	PossessionFailed  Code = "POSSESSION_FAILED"
	NoAttributes      Code = "NO_ATTRIBUTES"
	AttributesDamaged Code = "ATTRIBUTES_MALFORMED"
)

var certificateMessages = [...]Message{
	{
		Code: NoAuthCert, Group: Clerk, Attempt: AttemptNone,
		What: Text{
			"このカードには、利用者証明用電子証明書が入っていません。",
			"This card has no user-authentication certificate.",
		},
		Next: Text{"市区町村の窓口で発行できます。", "Your municipal office can issue one."},
	},
	{
		Code: CertMalformed, Group: Clerk, Attempt: AttemptNone,
		What: Text{
			"カードの電子証明書を読み取れませんでした。\n内容がこわれている可能性があります。",
			"The card's certificate could not be read. It may be damaged.",
		},
		Next: Text{askOfficeJA, askOfficeEN},
	},
	{
		Code: CertWrongKind, Group: Clerk, Attempt: AttemptNone,
		What: Text{
			"カードの電子証明書が、利用者証明用のものではありません。",
			"The card's certificate is not a user-authentication certificate.",
		},
		Next: Text{askOfficeJA, askOfficeEN},
	},
	{
		Code: CertExpired, Group: Clerk, Attempt: AttemptNone,
		What: Text{"電子証明書の有効期限が切れています。", "The certificate has expired."},
		Next: Text{
			"市区町村の窓口で、電子証明書を更新してください。",
			"Renew the certificate at your municipal office.",
		},
	},
	{
		Code: CertNotYetValid, Group: Operator, Attempt: AttemptNone,
		What: Text{"電子証明書の有効期間が始まっていません。", "The certificate is not valid yet."},
		Next: Text{
			"担当者の方へ: このパソコンの日付と時刻を確かめてください。",
			"For staff: check the date and time of this computer.",
		},
	},
	{
		Code: CertNeedsPIN, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"このスマートフォンの電子証明書は、暗証番号を確認するまで\n" +
				"読み取れません。暗証番号は送っていません。残りの回数は減っていません。",
			"This phone shows its certificate only after the PIN.\n" +
				"No PIN was sent; no attempt was used.",
		},
		Next: Text{"マイナンバーカードをお使いください。", "Use your My Number Card instead."},
	},
	{
		Code: CertNotAccepted, Group: Operator, Attempt: AttemptNotUsed,
		What: Text{
			"接続先のサーバーは、このカードの電子証明書を受け付けません。\n" +
				"暗証番号は送っていません。残りの回数は減っていません。",
			"The server does not accept this card's certificate.\n" +
				"No PIN was sent; no attempt was used.",
		},
		Next: Text{
			"担当者の方へ: カードの電子証明書を発行した認証局を\nサーバーに設定してください。",
			"For staff: configure the server to accept the CA that issues the cards'\ncertificates.",
		},
	},
	{
		Code: KeyUnsupported, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"このカードの鍵の種類には、まだ対応していません。",
			"The kind of key on this card is not supported yet.",
		},
		Next: Text{
			"担当者の方へ: このソフトウェアの新しいバージョンを確かめてください。",
			"For staff: check for a newer version of this software.",
		},
	},
	{
		Code: ChainUnknown, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"電子証明書の発行元（J-LISの認証局）を確認できません。",
			"The certificate's issuer could not be verified against J-LIS's CAs.",
		},
		Next: Text{
			"担当者の方へ: スマートフォンの電子証明書と、J-LISの新しい認証局が発行した\n" +
				"電子証明書は、本物でも確認できないことがあります。\n" +
				"認証局の証明書を入手できれば、このソフトウェアに設定してください。",
			"For staff: the certificate of a phone, or of a newer J-LIS CA, may be genuine\n" +
				"and still not be known to this software. If you can get the CA certificate,\n" +
				"configure this software with it.",
		},
	},
	{
		Code: IssuerExpired, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"電子証明書を発行した認証局の証明書が、有効期間外です。",
			"The issuing CA's certificate is expired or not yet valid.",
		},
		Next: Text{
			"担当者の方へ: このパソコンの日付と時刻を確かめてください。\n" +
				"日付と時刻が正しいときは、ご本人に、市区町村の窓口での電子証明書の更新を\n" +
				"ご案内ください。",
			"For staff: check the date and time of this computer.\n" +
				"If they are right, refer the holder to the municipal office, which can renew\n" +
				"the certificate.",
		},
	},
	{
		Code: CACertificate, Group: Operator, Attempt: AttemptNone,
		What: Text{
			"指定された認証局の証明書は、カードの電子証明書の確認には使えません。",
			"The given CA certificate can't be used to verify cards' certificates.",
		},
		Next: Text{
			"担当者の方へ: カードの電子証明書を発行した認証局の証明書を指定してください。",
			"For staff: give the certificate of the CA that issues cards' certificates.",
		},
	},
	{
		Code: PossessionFailed, Group: Clerk, Attempt: AttemptNotUsed,
		What: Text{
			"カードの署名を確認できませんでした。\n暗証番号の残りの回数は減っていません。",
			"The card's signature did not verify. No PIN attempt was used.",
		},
		Next: Text{askOfficeJA, askOfficeEN},
	},
	{
		Code: NoAttributes, Group: Programmer, Attempt: AttemptNone,
		What: Text{
			"この電子証明書には、氏名や住所が入っていません。",
			"This certificate holds no name or address.",
		},
		Next: Text{"担当者の方へ: 署名用電子証明書を使ってください。", "For staff: use the signature certificate."},
	},
	{
		Code: AttributesDamaged, Group: Clerk, Attempt: AttemptNone,
		What: Text{
			"電子証明書の氏名や住所を読み取れませんでした。\n内容がこわれている可能性があります。",
			"The name and address in the certificate could not be read.\nThey may be damaged.",
		},
		Next: Text{askOfficeJA, askOfficeEN},
	},
}

func forValidity(e *trust.ValidityError) Message {
	name := Text{"利用者証明用電子証明書", "The user-authentication certificate"}
	if e.SignatureCertificate {
		name = Text{"署名用電子証明書", "The signature certificate"}
	}
	if errors.Is(e, trust.ErrNotYetValid) {
		m := named(CertNotYetValid)
		m.What = Text{name.JA + "の有効期間が始まっていません。", name.EN + " is not valid yet."}
		if !e.NotBefore.IsZero() {
			start := Date(e.NotBefore)
			m.What = Text{
				name.JA + "の有効期間が\n始まっていません（" + start.JA + "から有効です）。",
				name.EN + " is not valid\nbefore " + start.EN + ".",
			}
		}
		return m
	}
	m := named(CertExpired)
	m.What = Text{name.JA + "の有効期限が切れています。", name.EN + " has expired."}
	if !e.NotAfter.IsZero() {
		end := Month(mykey.MonthOf(e.NotAfter))
		m.What = Text{
			name.JA + "の有効期限（" + end.JA + "）が\n切れています。",
			name.EN + " expired in " + end.EN + ".",
		}
	}
	return m
}

// Date formats the day of t in Japan's time zone, as in "2 January 2006".
func Date(t time.Time) Text {
	t = t.In(trust.Japan)
	return Text{t.Format("2006年1月2日"), t.Format("2 January 2006")}
}

// Month formats a month, as in "February 2030".
func Month(m mykey.Month) Text {
	return Text{fmt.Sprintf("%d年%d月", m.Year(), m.Month()), fmt.Sprintf("%s %d", m.Month(), m.Year())}
}
