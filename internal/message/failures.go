package message

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader"
)

// The codes of failures.
const (
	ReaderNotFound    Code = "READER_NOT_FOUND"
	PCSCUnavailable   Code = "PCSC_UNAVAILABLE"
	PCSCUnsupported   Code = "PCSC_UNSUPPORTED"
	CardAbsent        Code = "CARD_ABSENT"
	CardRemoved       Code = "CARD_REMOVED"
	CardChanged       Code = "CARD_CHANGED"
	SeveralCards      Code = "SEVERAL_CARDS"
	ReaderBusy        Code = "READER_BUSY"
	ReadFailed        Code = "READ_FAILED"
	NotMyNumberCard   Code = "NOT_MYNUMBER_CARD"
	NoAuthCert        Code = "NO_AUTH_CERT"
	CertMalformed     Code = "CERT_MALFORMED"
	CertExpired       Code = "CERT_EXPIRED"
	CertNotYetValid   Code = "CERT_NOT_YET_VALID"
	CertNeedsPIN      Code = "CERT_NEEDS_PIN"
	KeyUnsupported    Code = "KEY_UNSUPPORTED"
	PossessionFailed  Code = "POSSESSION_FAILED"
	CardStillVerified Code = "CARD_STILL_VERIFIED"
	PINFormat         Code = "PIN_FORMAT"
	PINWrong          Code = "PIN_WRONG"
	PINLastTry        Code = "PIN_LAST_TRY"
	PINLocked         Code = "PIN_LOCKED"
	PINOutcomeUnknown Code = "PIN_OUTCOME_UNKNOWN"
	PINCounterUnknown Code = "PIN_COUNTER_UNKNOWN"
	NamespaceKey      Code = "NAMESPACE_KEY"
	NamespaceName     Code = "NAMESPACE_NAME"
	Interrupted       Code = "INTERRUPTED"
	Failed            Code = "FAILED"
)

var readAgain = Text{
	"カードを置き直して、もう一度お試しください。終わるまで動かさないでください。",
	"Put the card back and try again. Keep it still until the end.",
}

var atTheOffice = Text{
	"住民票のある市区町村の窓口で、暗証番号の再設定をしてください。\n" +
		"「顔認証マイナンバーカード」には暗証番号がないため、ご利用になれません。",
	"Have the PIN reset at the municipal office where you are registered.\n" +
		"Face-authentication cards have no PIN and cannot be used here.",
}

// messages are the failures that say the same whatever the numbers.
var messages = map[Code]Message{
	ReaderNotFound: {
		What: Text{"カードリーダーが見つかりません。", "No card reader was found."},
		Next: Text{"USBの接続を確かめてください。", "Check the USB connection of the reader."},
	},
	PCSCUnavailable: {
		What: Text{"スマートカードサービス（PC/SC）に接続できません。", "The smart-card service (PC/SC) cannot be reached."},
		Next: Text{
			"係の方へ: サービスを起動してください（Linuxでは systemctl start pcscd）。",
			"For staff: start the service (on Linux: systemctl start pcscd).",
		},
	},
	PCSCUnsupported: {
		What: Text{"このプログラムは、カードリーダーを使わない形で作られています。", "This program was built without support for card readers."},
		Next: Text{
			"係の方へ: libpcsclite-dev と pkg-config を入れて、\n" +
				"cgoを有効にして作り直してください。",
			"For staff: install libpcsclite-dev and pkg-config, and build it with cgo.",
		},
	},
	CardAbsent: {
		What: Text{"カードがありません。", "There is no card in the reader."},
		Next: Text{"マイナンバーカードをカードリーダーに置いてください。", "Place your My Number Card on the reader."},
	},
	CardRemoved: {
		What: Text{"読み取り中にカードが離れました。", "The card moved away during reading."},
		Next: readAgain,
	},
	CardChanged: {
		What: Text{
			"ほかのプログラムがカードを使ったか、カードが入れ替わりました。",
			"Another program used the card, or the card was exchanged.",
		},
		Next: readAgain,
	},
	SeveralCards: {
		What: Text{"カードが2枚以上あります。どれを使うか決められません。", "There is more than one card, and no telling which one is meant."},
		Next: Text{
			"使うカードだけを残すか、--reader でカードリーダーの名前を指定してください。",
			"Leave only the one to be used, or name its reader with --reader.",
		},
	},
	ReaderBusy: {
		What: Text{"ほかのプログラムがカードを使っています。", "Another program is using the card."},
		Next: Text{
			"ほかのプログラムを終えてから、もう一度お試しください。",
			"Close the other program and try again.",
		},
	},
	ReadFailed: {
		What: Text{"カードをうまく読み取れませんでした。", "The card could not be read."},
		Next: readAgain,
	},
	NotMyNumberCard: {
		What: Text{"マイナンバーカードではありません。", "This is not a My Number Card."},
		Next: Text{"マイナンバーカードを置いてください。", "Place a My Number Card on the reader."},
	},
	NoAuthCert: {
		What: Text{"このカードには、利用者証明用電子証明書が入っていません。", "This card has no user-authentication certificate."},
		Next: Text{"市区町村の窓口で発行できます。", "Your municipal office can issue one."},
	},
	CertMalformed: {
		What: Text{"カードの電子証明書を読めませんでした。内容がこわれています。", "The card's certificate is damaged and could not be read."},
		Next: Text{"もう一度試しても同じときは、市区町村の窓口にご相談ください。", "If it happens again, ask at your municipal office."},
	},
	CertNeedsPIN: {
		What: Text{"この端末の電子証明書は、暗証番号を確かめてからでないと読めません。", "This device shows its certificate only after the PIN."},
	},
	KeyUnsupported: {
		What: Text{"このカードの鍵の種類には、まだ対応していません。", "The kind of key on this card is not supported yet."},
		Next: Text{"係の方へ: このソフトウェアの新しい版を確かめてください。", "For staff: look for a newer version of this software."},
	},
	PossessionFailed: {
		What: Text{"カードの署名を確認できませんでした。", "The card's signature did not verify."},
		Next: Text{"もう一度試しても同じときは、市区町村の窓口にご相談ください。", "If it happens again, ask at your municipal office."},
	},
	CardStillVerified: {
		What: Text{"カードが暗証番号を覚えたままかもしれません。", "The card may still remember the PIN."},
		Next: Text{"カードを取り出してください。取り出せば忘れます。", "Take the card out. That makes it forget."},
	},
	PINFormat: {
		What: Text{
			"暗証番号は数字4桁です。\n" +
				"カードには何も送っていません。残りの回数は減っていません。",
			"The PIN is 4 digits.\nNothing was sent to the card; no try was used.",
		},
		Next: Text{
			"署名用（英数字6〜16文字）ではなく、利用者証明用の数字4桁を入れてください。",
			"Enter the 4 digits for user authentication, not the signature password.",
		},
	},
	PINCounterUnknown: {
		What: Text{
			"カードが残りの回数を答えません。暗証番号は送っていません。",
			"The card does not tell the tries left. No PIN was sent.",
		},
		Next: readAgain,
	},
	NamespaceKey: {
		What: Text{"名前空間の鍵ファイルを使えません。カードには何も送っていません。", "The namespace key file cannot be used. Nothing was sent to the card."},
		Next: Text{"鍵は card-info keygen ファイル名 で作れます。", "Make a key with: card-info keygen FILE"},
	},
	NamespaceName: {
		What: Text{"名前空間の名前が正しくありません。", "The namespace's name is not valid."},
	},
	Interrupted: {
		What: Text{"中断しました。", "Interrupted."},
	},
	Failed: {
		What: Text{"うまくいきませんでした。", "It did not work."},
	},
}

// For finds the message for an error. It knows every error of this module's
// packages; for any other it is [Failed].
func For(err error) Message {
	var pin *jpki.PINError
	if errors.As(err, &pin) {
		return forPIN(pin)
	}
	var several *reader.AmbiguousError
	if errors.As(err, &several) {
		m := named(SeveralCards)
		for _, name := range several.Readers {
			m.What.JA += "\n  " + Printable(name)
			m.What.EN += "\n  " + Printable(name)
		}
		return m
	}
	var validity *jpki.ValidityError
	if errors.As(err, &validity) {
		return forValidity(validity)
	}
	for _, known := range []struct {
		err  error
		code Code
	}{
		{jpki.ErrStillVerified, CardStillVerified},
		{context.Canceled, Interrupted},
		{reader.ErrUnsupported, PCSCUnsupported},
		{reader.ErrNoService, PCSCUnavailable},
		{reader.ErrNoReader, ReaderNotFound},
		{reader.ErrNoCard, CardAbsent},
		{reader.ErrRemoved, CardRemoved},
		{reader.ErrChanged, CardChanged},
		{reader.ErrBusy, ReaderBusy},
		{jpki.ErrNoApplication, NotMyNumberCard},
		{jpki.ErrNoCertificate, NoAuthCert},
		{jpki.ErrMalformedCertificate, CertMalformed},
		{jpki.ErrUnsupportedKey, KeyUnsupported},
		{jpki.ErrNoPossession, PossessionFailed},
		{jpki.ErrPINRequired, CertNeedsPIN},
		{jpki.ErrPINFormat, PINFormat},
		{jpki.ErrCounterUnknown, PINCounterUnknown},
		{mykey.ErrKey, NamespaceKey},
		{mykey.ErrNamespace, NamespaceName},
		{reader.ErrTransport, ReadFailed},
		{context.DeadlineExceeded, ReadFailed},
	} {
		if errors.Is(err, known.err) {
			return named(known.code)
		}
	}
	return named(Failed)
}

func named(code Code) Message {
	m := messages[code]
	m.Code = code
	return m
}

// forPIN fills in the numbers.
func forPIN(e *jpki.PINError) Message {
	var m Message
	switch {
	case errors.Is(e, jpki.ErrPINBlocked):
		m = Message{
			Code: PINLocked,
			What: Text{
				"暗証番号がロックされています。時間がたっても解除されません。",
				"The PIN is locked. It does not unlock by itself.",
			},
			Next: atTheOffice,
		}
	case errors.Is(e, jpki.ErrLastTry):
		m = Message{
			Code: PINLastTry,
			What: Text{
				"残りは1回です。まちがえるとロックされ、窓口での再設定が必要です。\n" +
					"暗証番号はカードに送っていません。",
				"One try is left. A wrong PIN would lock the card.\n" +
					"No PIN was sent to the card.",
			},
			Next: Text{
				"暗証番号に自信がないときは、市区町村の窓口にご相談ください。\n" +
					"確かなときは、--allow-last-try を付けてください。",
				"If you are not sure of the PIN, ask at your municipal office.\n" +
					"If you are, add --allow-last-try.",
			},
		}
	case errors.Is(e, jpki.ErrPINOutcomeUnknown):
		m = Message{
			Code: PINOutcomeUnknown,
			What: Text{
				"暗証番号を送った直後に、カードの返事が途切れました。" + leftJA(e),
				"The card's answer was lost just after the PIN was sent." + leftEN(e),
			},
			Next: Text{
				"カードを置き直し、card-info で残りの回数を確かめてからお試しください。",
				"Put the card back and check the tries left with card-info before trying again.",
			},
		}
	default:
		m = Message{
			Code: PINWrong,
			What: Text{"暗証番号が違います。" + lockJA(e), "Wrong PIN." + lockEN(e)},
			Next: Text{
				"利用者証明用の数字4桁を確かめて、もう一度お試しください。\n" +
					"わからないときは、市区町村の窓口で再設定できます。",
				"Check the 4 digits for user authentication and try again.\n" +
					"If you have forgotten them, your municipal office can reset them.",
			},
		}
	}
	if e.Known {
		left := e.Remaining
		m.Remaining = &left
	}
	return m
}

func forValidity(e *jpki.ValidityError) Message {
	if errors.Is(e, jpki.ErrNotYetValid) {
		start := Date(e.NotBefore)
		return Message{
			Code: CertNotYetValid,
			What: Text{
				"電子証明書の有効期間（" + start.JA + "から）が始まっていません。",
				"The certificate is not valid before " + start.EN + ".",
			},
			Next: Text{"係の方へ: この機械の日付と時刻を確かめてください。", "For staff: check the date and time of this machine."},
		}
	}
	end := Date(e.NotAfter)
	return Message{
		Code: CertExpired,
		What: Text{
			"電子証明書の有効期限（" + end.JA + "）が切れています。",
			"The certificate expired on " + end.EN + ".",
		},
		Next: Text{
			"市区町村の窓口で、電子証明書を更新してください。",
			"Renew the certificate at your municipal office.",
		},
	}
}

// Date writes a day of Japan's calendar.
func Date(t time.Time) Text {
	t = t.In(jpki.Japan)
	return Text{t.Format("2006年1月2日"), t.Format("2 January 2006")}
}

func leftJA(e *jpki.PINError) string {
	if !e.Known {
		return "\n回数が減ったかどうかは、わかりません。"
	}
	return fmt.Sprintf("\n残りは%d回です。", e.Remaining)
}

func leftEN(e *jpki.PINError) string {
	if !e.Known {
		return "\nWhether a try was used is not known."
	}
	return fmt.Sprintf("\nTries left: %d.", e.Remaining)
}

func lockJA(e *jpki.PINError) string {
	if !e.Known {
		return "\n残りの回数は、わかりません。"
	}
	return fmt.Sprintf("\nあと%d回まちがえるとロックされます。", e.Remaining)
}

func lockEN(e *jpki.PINError) string {
	switch {
	case !e.Known:
		return "\nThe tries left are not known."
	case e.Remaining == 1:
		return "\n1 more wrong entry will lock the card."
	}
	return fmt.Sprintf("\n%d more wrong entries will lock the card.", e.Remaining)
}

// Printable replaces what a terminal might act upon in names that come from
// readers and cards.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7F && r < 0xA0 || r == 0xFFFD {
			return '?'
		}
		return r
	}, s)
}
