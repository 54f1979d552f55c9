package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The codes of failures.
const (
	ReaderNotFound    Code = "READER_NOT_FOUND"
	PCSCUnavailable   Code = "PCSC_UNAVAILABLE"
	PCSCDenied        Code = "PCSC_DENIED"
	PCSCUnsupported   Code = "PCSC_UNSUPPORTED"
	CardAbsent        Code = "CARD_ABSENT"
	CardRemoved       Code = "CARD_REMOVED"
	CardChanged       Code = "CARD_CHANGED"
	SeveralCards      Code = "SEVERAL_CARDS"
	SeveralReaders    Code = "SEVERAL_READERS"
	ReaderBusy        Code = "READER_BUSY"
	ReadFailed        Code = "READ_FAILED"
	ExchangeFailed    Code = "EXCHANGE_FAILED"
	NotMyNumberCard   Code = "NOT_MYNUMBER_CARD"
	NoAuthCert        Code = "NO_AUTH_CERT"
	CertMalformed     Code = "CERT_MALFORMED"
	CertWrongKind     Code = "CERT_WRONG_KIND"
	CertExpired       Code = "CERT_EXPIRED"
	CertNotYetValid   Code = "CERT_NOT_YET_VALID"
	CertNeedsPIN      Code = "CERT_NEEDS_PIN"
	KeyUnsupported    Code = "KEY_UNSUPPORTED"
	ChainUnknown      Code = "CHAIN_UNKNOWN"
	IssuerExpired     Code = "ISSUER_EXPIRED"
	PossessionFailed  Code = "POSSESSION_FAILED"
	CardStillVerified Code = "CARD_STILL_VERIFIED"
	PINFormat         Code = "PIN_FORMAT"
	PINWrong          Code = "PIN_WRONG"
	PINLastTry        Code = "PIN_LAST_TRY"
	PINLocked         Code = "PIN_LOCKED"
	PINOutcomeUnknown Code = "PIN_OUTCOME_UNKNOWN"
	PINCounterUnknown Code = "PIN_COUNTER_UNKNOWN"
	PINUsed           Code = "PIN_USED"
	CardRefused       Code = "CARD_REFUSED"
	CardDataMalformed Code = "CARD_DATA_MALFORMED"
	RequestInvalid    Code = "REQUEST_INVALID"
	SignatureUnknown  Code = "SIGNATURE_UNSUPPORTED"
	SignatureNoPSS    Code = "SIGNATURE_NO_PSS"
	SignerClosed      Code = "SIGNER_CLOSED"
	NoAttributes      Code = "NO_ATTRIBUTES"
	AttributesDamaged Code = "ATTRIBUTES_MALFORMED"
	CACertificate     Code = "CA_CERTIFICATE"
	IDFormat          Code = "ID_FORMAT"
	IDCheckSymbol     Code = "ID_CHECK_SYMBOL"
	SimulatorOccupied Code = "SIMULATOR_OCCUPIED"
	NamespaceKey      Code = "NAMESPACE_KEY"
	NamespaceName     Code = "NAMESPACE_NAME"
	Interrupted       Code = "INTERRUPTED"
	Failed            Code = "FAILED"
)

var readAgain = Text{
	"カードを置き直して、もう一度お試しください。終わるまで動かさないでください。",
	"Put the card back and try again. Keep it still until the end.",
}

var askTheOffice = Text{
	"もう一度試しても同じときは、市区町村の窓口にご相談ください。",
	"If it happens again, ask at your municipal office.",
}

// messages are the failures that say the same whatever the numbers. A list, and no
// map, is made when the program is built, and not each time that it starts.
var messages = []Message{
	{
		Code: ReaderNotFound,
		What: Text{"カードリーダーが見つかりません。", "No card reader was found."},
		Next: Text{"USBの接続を確かめてください。", "Check the USB connection of the reader."},
	},
	{
		Code: PCSCUnavailable,
		What: Text{"スマートカードサービス（PC/SC）に接続できません。", "The smart-card service (PC/SC) cannot be reached."},
		Next: Text{
			"担当者の方へ: サービスを起動してください（Linux: systemctl start pcscd）。",
			"For staff: start the service (on Linux: systemctl start pcscd).",
		},
	},
	{
		Code: PCSCDenied,
		What: Text{
			"スマートカードサービス（PC/SC）の使用が許可されていません。",
			"The smart-card service (PC/SC) refuses this program.",
		},
		Next: Text{
			"担当者の方へ: このパソコンに直接ログインして実行するか、polkit の規則\n" +
				"（org.debian.pcsc-lite.access_pcsc）で、この利用者に許可してください。",
			"For staff: run it in a local login session, or allow this user in polkit\n" +
				"(org.debian.pcsc-lite.access_pcsc and access_card).",
		},
	},
	{
		Code: PCSCUnsupported,
		What: Text{"このプログラムは、カードリーダーに対応していません。", "This program was built without support for card readers."},
		Next: Text{
			"担当者の方へ: libpcsclite-dev と pkg-config をインストールし、\n" +
				"cgoを有効にして作り直してください。",
			"For staff: install libpcsclite-dev and pkg-config, and build it with cgo.",
		},
	},
	{
		Code: CardAbsent,
		What: Text{"カードがセットされていません。", "There is no card in the reader."},
		Next: Text{
			"マイナンバーカードをカードリーダーにセットしてください。",
			"Place your My Number Card on the reader.",
		},
	},
	{
		Code: CardRemoved,
		What: Text{"読み取り中にカードが離れました。", "The card moved away during reading."},
		Next: readAgain,
	},
	{
		Code: CardChanged,
		What: Text{
			"ほかのプログラムがカードを使ったか、カードが入れ替わりました。",
			"Another program used the card, or the card was exchanged.",
		},
		Next: readAgain,
	},
	{
		Code: SeveralCards,
		What: Text{"カードが2枚以上あります。どのカードを使うのか判断できません。", "There are several cards."},
		Next: Text{
			"使うカードだけを残すか、--reader でカードリーダーの名前を指定してください。",
			"Leave only the one to be used, or name its reader with --reader.",
		},
	},
	{
		Code: SeveralReaders,
		What: Text{"その名前に当てはまるカードリーダーが2台以上あります。", "That name matches several card readers."},
		Next: Text{"1台だけに当てはまるように、名前をもっと長く入力してください。", "Type more of the name, so that it matches only one."},
	},
	{
		Code: ReaderBusy,
		What: Text{"ほかのプログラムがカードを使っています。", "Another program is using the card."},
		Next: Text{
			"ほかのプログラムを終えてから、もう一度お試しください。",
			"Close the other program and try again.",
		},
	},
	{
		Code: ReadFailed,
		What: Text{"カードをうまく読み取れませんでした。", "The card could not be read."},
		Next: readAgain,
	},
	{
		Code: ExchangeFailed,
		What: Text{
			"カードリーダーが、256バイトのデータを正しく送れません。\n暗証番号は使っていません。",
			"The reader does not carry 256 bytes correctly. No PIN was used.",
		},
		Next: Text{
			"担当者の方へ: ドライバーを更新するか、別のリーダーを使ってください。",
			"For staff: update the reader's driver, or use another reader.",
		},
	},
	{
		Code: NotMyNumberCard,
		What: Text{"マイナンバーカードではありません。", "This is not a My Number Card."},
		Next: Text{
			"マイナンバーカードをカードリーダーにセットしてください。",
			"Place your My Number Card on the reader.",
		},
	},
	{
		Code: NoAuthCert,
		What: Text{"このカードには、利用者証明用電子証明書が入っていません。", "This card has no user-authentication certificate."},
		Next: Text{"市区町村の窓口で発行できます。", "Your municipal office can issue one."},
	},
	{
		Code: CertMalformed,
		What: Text{
			"カードの電子証明書を読み取れませんでした。\n内容がこわれている可能性があります。",
			"The card's certificate could not be read. It may be damaged.",
		},
		Next: askTheOffice,
	},
	{
		Code: CertWrongKind,
		What: Text{
			"カードの電子証明書が、利用者証明用のものではありません。",
			"The card's certificate is not one for user authentication.",
		},
		Next: askTheOffice,
	},
	{
		Code: CertNeedsPIN,
		What: Text{
			"このスマートフォンの電子証明書は、暗証番号を確認するまで\n読み取れません。暗証番号は送っていません。",
			"This phone shows its certificate only after the PIN.\nNo PIN was sent.",
		},
		Next: Text{
			"スマートフォンでは、cert は使えません。id は使えます。",
			"The cert command cannot be used with a phone; id can.",
		},
	},
	{
		Code: KeyUnsupported,
		What: Text{"このカードの鍵の種類には、まだ対応していません。", "The kind of key on this card is not supported yet."},
		Next: Text{
			"担当者の方へ: このソフトウェアの新しいバージョンを確かめてください。",
			"For staff: look for a newer version of this software.",
		},
	},
	{
		Code: ChainUnknown,
		What: Text{
			"電子証明書の発行元（J-LISの利用者証明用認証局）を確認できません。",
			"The issuer could not be verified against the J-LIS authorities.",
		},
		Next: Text{
			"担当者の方へ: スマートフォンの電子証明書と、J-LISの新しい認証局が発行した\n" +
				"電子証明書は、本物でも確認できないことがあります。\n" +
				"認証局の証明書を入手できれば、--authority で指定できます。",
			"For staff: the certificate of a phone, or one issued by a newer J-LIS\n" +
				"authority, may be genuine and still be unknown here.\n" +
				"If you have the CA certificate, give it with --authority.",
		},
	},
	{
		Code: IssuerExpired,
		What: Text{
			"電子証明書の発行元の証明書が、有効期間の外です。",
			"The issuer's own certificate is out of its time.",
		},
		Next: Text{
			"担当者の方へ: このパソコンの日付と時刻を確かめてください。\n" +
				"正しいときは、市区町村の窓口で電子証明書を更新してください。",
			"For staff: check the date and time of this machine.\n" +
				"If they are right, the municipal office can renew the certificate.",
		},
	},
	{
		Code: PossessionFailed,
		What: Text{"カードの署名を確認できませんでした。", "The card's signature did not verify."},
		Next: askTheOffice,
	},
	{
		Code: CardStillVerified,
		What: Text{
			"カードに、暗証番号を確認した状態が残っている可能性があります。",
			"The card may still be in the state after the PIN.",
		},
		Next: Text{
			"カードリーダーからカードを取り外してください。取り外すと元に戻ります。",
			"Take the card out of the reader. That ends it.",
		},
	},
	{
		Code: PINFormat,
		What: Text{
			"暗証番号は数字4桁です。\n" +
				"暗証番号はカードに送っていません。残りの回数は減っていません。",
			"The PIN is 4 digits.\nThe PIN was not sent to the card; no try was used.",
		},
		Next: Text{
			"署名用（英数字6〜16文字）ではなく、利用者証明用の数字4桁を入れてください。",
			"Enter the 4 digits for user authentication, not the signature password.",
		},
	},
	{
		Code: PINCounterUnknown,
		What: Text{
			"カードから残りの回数を読み取れません。暗証番号は送っていません。",
			"The card does not tell the tries left. No PIN was sent.",
		},
		Next: readAgain,
	},
	{
		Code: NamespaceKey,
		What: Text{
			"名前空間の鍵ファイルを使えません。\nカードには何も送っていません。",
			"The namespace key file cannot be used.\nNothing was sent to the card.",
		},
		Next: Text{
			"ファイル名を確かめてください。はじめて使うときだけ、keygen で鍵を作ります。\n" +
				"別の鍵では、同じカードでも違うIDになります。",
			"Check the file's name. Make a key (card-info keygen FILE) only the first time:\n" +
				"another key gives other identifiers for the same cards.",
		},
	},
	{
		Code: NamespaceName,
		What: Text{"名前空間の名前が正しくありません。", "The namespace's name is not valid."},
		Next: Text{
			"名前を入れ直してください（1〜255バイト。改行などの制御文字は使えません）。",
			"Use a name of 1 to 255 bytes of UTF-8 (NFC), without control characters.",
		},
	},
	{
		Code: Interrupted,
		What: Text{"中断しました。", "Interrupted."},
		Next: Text{"続けるときは、はじめからやり直してください。", "To go on, start again from the beginning."},
	},
	{
		Code: Failed,
		What: Text{"うまくいきませんでした。", "Something went wrong."},
		Next: Text{
			"もう一度お試しください。続くときは、係の方にこの画面をお見せください。",
			"Try again. If it goes on, show this screen to the staff.",
		},
	},
}

// kinds of errors, the first that fits giving the code.
var kinds = []struct {
	err  error
	code Code
}{
	{jpki.ErrStillUnlocked, CardStillVerified},
	{context.Canceled, Interrupted},
	{reader.ErrUnsupported, PCSCUnsupported},
	{reader.ErrDenied, PCSCDenied},
	{reader.ErrNoService, PCSCUnavailable},
	{reader.ErrNoReader, ReaderNotFound},
	{reader.ErrNoCard, CardAbsent},
	// A card that is gone during the proof is gone, and no cheat.
	{reader.ErrRemoved, CardRemoved},
	{reader.ErrChanged, CardChanged},
	{reader.ErrBusy, ReaderBusy},
	{jpki.ErrExchange, ExchangeFailed},
	{reader.ErrTransport, ReadFailed},
	{reader.ErrClosed, ReadFailed},
	{context.DeadlineExceeded, ReadFailed},
	{jpki.ErrNoApplication, NotMyNumberCard},
	{jpki.ErrNoCertificate, NoAuthCert},
	{trust.ErrMalformed, CertMalformed},
	{trust.ErrWrongKind, CertWrongKind},
	{trust.ErrUnsupportedKey, KeyUnsupported},
	{trust.ErrUnknownIssuer, ChainUnknown},
	{trust.ErrCACertificate, ChainUnknown},
	{trust.ErrIssuerExpired, IssuerExpired},
	{jpki.ErrNoPossession, PossessionFailed},
	{jpki.ErrPINRequired, CertNeedsPIN},
	{jpki.ErrPINFormat, PINFormat},
	{jpki.ErrPasswordFormat, PasswordFormat},
	{credential.ErrFormat, PINFormat},
	{credential.ErrUsed, PINUsed},
	{credential.ErrCounterUnknown, PINCounterUnknown},
	{mykey.ErrKey, NamespaceKey},
	{mykey.ErrNamespace, NamespaceName},
	{mykey.ErrCertificate, CertMalformed},
	{trust.ErrCACertificate, CACertificate}, // where no card was looked at
	{mykey.ErrFormat, IDFormat},
	{mykey.ErrCheckSymbol, IDCheckSymbol},
	{mykey.ErrMonth, RequestInvalid},
	{jpki.ErrNoAttributes, NoAttributes},
	{jpki.ErrMalformedAttributes, AttributesDamaged},
	{jpki.ErrUnsupportedSignature, SignatureUnknown},
	{jpki.ErrNoPSS, SignatureNoPSS},
	{jpki.ErrDigestLength, RequestInvalid},
	{apdu.ErrCommand, RequestInvalid},
	{apdu.ErrAddress, RequestInvalid},
	{apdu.ErrProbe, ReadFailed},
	{apdu.ErrShortResponse, ReadFailed},
	{apdu.ErrExcessResponse, ReadFailed},
	{apdu.ErrNoProgress, ReadFailed},
	{apdu.ErrATR, ReadFailed},
	{apdu.ErrBlankFile, CardDataMalformed},
	{apdu.ErrMalformedObject, CardDataMalformed},
	{apdu.ErrObjectTooLong, CardDataMalformed},
	{tlv.ErrBlank, CardDataMalformed},
	{tlv.ErrLimit, CardDataMalformed},
	{tlv.ErrMalformed, CardDataMalformed},
	{tlv.ErrNotFound, CardDataMalformed},
	{tlv.ErrTooLong, CardDataMalformed},
	{tlv.ErrTruncated, CardDataMalformed},
	{simulator.ErrOccupied, SimulatorOccupied},
	{jpki.ErrSignerClosed, SignerClosed}, // what ended it says more
}

// reasons for which a PIN did not open a card, where no [credential.Error] says of
// which one and what is left.
var reasons = []error{
	credential.ErrLocked, credential.ErrWrong, credential.ErrLastAttempt, credential.ErrAttemptsChanged, credential.ErrOtherCard, credential.ErrOutcomeUnknown,
}

// For finds the message for an error. It knows every error of the packages that it
// imports, and with them those of reader/pcsc; for any other it is [Failed].
// Where something else failed before a card could not be logged out, the message is
// about that: whoever shows it also looks for [jpki.ErrStillUnlocked] and shows
// [CardStillVerified] beside it.
func For(err error) Message {
	if cause := Cause(err); cause != nil {
		err = cause
	}
	var pin *credential.Error
	var validity *trust.ValidityError
	var several *reader.AmbiguousError
	var status apdu.Status
	switch {
	case errors.As(err, &pin):
		return forPIN(pin)
	case errors.As(err, &validity):
		return forValidity(validity)
	case errors.As(err, &several):
		return forSeveral(several)
	case errors.Is(err, reader.ErrUnknownReader):
		return forUnknownReader(err)
	case errors.Is(err, reader.ErrNoMatch):
		return forNoMatch(err)
	}
	for _, kind := range kinds {
		if errors.Is(err, kind.err) {
			return named(kind.code)
		}
	}
	for _, reason := range reasons {
		if errors.Is(err, reason) {
			return forPIN(&credential.Error{Reason: reason})
		}
	}
	switch {
	case errors.Is(err, trust.ErrExpired):
		return forValidity(&trust.ValidityError{Reason: trust.ErrExpired})
	case errors.Is(err, trust.ErrNotYetValid):
		return forValidity(&trust.ValidityError{Reason: trust.ErrNotYetValid})
	case errors.As(err, &status):
		return named(CardRefused)
	}
	return named(Failed)
}

// Cause is what failed before a card could not be logged out ([jpki.ErrStillUnlocked]),
// nil if nothing did, and err itself if no card was left so.
func Cause(err error) error {
	if err == nil || !errors.Is(err, jpki.ErrStillUnlocked) {
		return err
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Cause(e.Unwrap())
	case interface{ Unwrap() []error }:
		parts := e.Unwrap()
		if slices.Contains(parts, jpki.ErrStillUnlocked) {
			return nil // the other parts are why
		}
		for _, part := range parts {
			if cause := Cause(part); cause != nil {
				return cause
			}
		}
	}
	return nil
}

func named(code Code) Message {
	for _, list := range [][]Message{messages, ofLibrary} {
		for _, m := range list {
			if m.Code == code {
				return m
			}
		}
	}
	return Message{Code: code}
}

func forSeveral(e *reader.AmbiguousError) Message {
	m := named(SeveralCards)
	if e.Name != "" {
		m = named(SeveralReaders)
	}
	m.What = withNames(m.What, e.Readers)
	return m
}

func forUnknownReader(err error) Message {
	m := Message{
		Code: ReaderNotFound,
		What: Text{"その名前のカードリーダーは見つかりません。", "There is no card reader of that name."},
		Next: Text{"カードリーダーがつながっているか、名前をお確かめください。", "Check that the reader is connected, and its name."},
	}
	var unknown *reader.NameError
	if errors.As(err, &unknown) && len(unknown.Readers) > 0 {
		m.What = withNames(Text{m.What.JA + "今あるカードリーダー:", m.What.EN + " The readers are:"}, unknown.Readers)
	}
	return m
}

// forNoMatch says which cards are of another kind, and of those that could not be
// probed why not, and what to do about the first.
func forNoMatch(err error) Message {
	m := Message{
		Code: NotMyNumberCard,
		What: Text{"入っているカードの中に、マイナンバーカードがありません。", "None of the cards in the readers is a My Number Card."},
		Next: Text{"マイナンバーカードを置いてください。", "Place a My Number Card on a reader."},
	}
	var none *reader.NoMatchError
	if !errors.As(err, &none) {
		return m
	}
	if len(none.Causes) == 1 && len(none.Rejected) == 0 {
		return For(none.Causes[0]) // a card alone: nothing is known of its kind
	}
	for i, cause := range none.Causes {
		why := For(cause)
		if i == 0 {
			m.What = Text{"マイナンバーカードを確認できません。読み取れないカードがあります。", "No My Number Card was found. Not every card could be read."}
			m.Next = Text{why.Next.JA + "\n" + m.Next.JA, why.Next.EN + "\n" + m.Next.EN}
		}
		m.What = Text{m.What.JA + "\n" + why.What.JA, m.What.EN + "\n" + why.What.EN}
	}
	if len(none.Rejected) > 0 {
		m.What = withNames(Text{m.What.JA + "\n別のカードが入っているカードリーダー:", m.What.EN + "\nCards of other kinds are in:"}, none.Rejected)
	}
	return m
}

// withNames adds readers' names to a text, a line each.
func withNames(t Text, readers []string) Text {
	for _, name := range readers {
		t.JA += "\n  " + termtext.Printable(name)
		t.EN += "\n  " + termtext.Printable(name)
	}
	return t
}

func forValidity(e *trust.ValidityError) Message {
	name := Text{"利用者証明用電子証明書", "The user-authentication certificate"}
	if e.Signature {
		name = Text{"署名用電子証明書", "The signature certificate"}
	}
	if errors.Is(e, trust.ErrNotYetValid) {
		if e.NotBefore.IsZero() {
			return notYetValid(Text{
				name.JA + "の有効期間が始まっていません。",
				name.EN + " is not valid yet.",
			})
		}
		start := Date(e.NotBefore)
		return notYetValid(Text{
			"電子証明書の有効期間（" + start.JA + "から）が始まっていません。",
			"The certificate is not valid before " + start.EN + ".",
		})
	}
	what := Text{name.JA + "の有効期限が切れています。", name.EN + " has expired."}
	if !e.NotAfter.IsZero() {
		end := Month(mykey.MonthOf(e.NotAfter))
		what = Text{
			name.JA + "の有効期限（" + end.JA + "）が\n切れています。",
			name.EN + " expired in " + end.EN + ".",
		}
	}
	return Message{
		Code: CertExpired,
		What: what,
		Next: Text{
			"市区町村の窓口で、電子証明書を更新してください。",
			"Renew the certificate at your municipal office.",
		},
	}
}

func notYetValid(what Text) Message {
	return Message{
		Code: CertNotYetValid,
		What: what,
		Next: Text{
			"担当者の方へ: このパソコンの日付と時刻を確かめてください。",
			"For staff: check the date and time of this machine.",
		},
	}
}

// Date writes a day of Japan's calendar.
func Date(t time.Time) Text {
	t = t.In(trust.Japan)
	return Text{t.Format("2006年1月2日"), t.Format("2 January 2006")}
}

// Month writes a month of Japan's calendar.
func Month(m mykey.Month) Text {
	return Text{fmt.Sprintf("%d年%d月", m.Year(), m.Month()), fmt.Sprintf("%s %d", m.Month(), m.Year())}
}

// Locked is what is said of a locked PIN.
var Locked = Message{
	Code: PINLocked,
	What: Text{
		"利用者証明用電子証明書の暗証番号がロックされています。\n" +
			"時間がたっても解除されません。",
		"The user-authentication PIN is locked.\nIt does not unlock by itself.",
	},
	Next: Text{
		"住民票のある市区町村の窓口で、再設定の手続きをしてください。\n" +
			"お持ちのカードが「顔認証マイナンバーカード」のときは、暗証番号がないため、\n" +
			"ここではご利用になれません。",
		"Have it reset at the municipal office where you are registered.\n" +
			"A face-authentication card has no PIN and cannot be used here.",
	},
}

// forPIN says why a PIN did not open the card, and what is left.
func forPIN(e *credential.Error) Message {
	var m Message
	switch {
	case e.Kind == credential.SignaturePassword:
		m = forPassword(e)
	case errors.Is(e, credential.ErrLocked):
		m = Locked
		if errors.Is(e, credential.ErrWrong) {
			m.What = Text{
				"暗証番号が違ったため、ロックされました。\n時間がたっても解除されません。",
				"That PIN was wrong, and it was the last try.\nThe PIN is now locked. It does not unlock by itself.",
			}
			m.Next = Text{ // a card that took a PIN is no face-authentication card
				"住民票のある市区町村の窓口で、再設定の手続きをしてください。",
				"Have it reset at the municipal office where you are registered.",
			}
		}
	case errors.Is(e, credential.ErrLastAttempt):
		m = lastTry
	case errors.Is(e, credential.ErrAttemptsChanged), errors.Is(e, credential.ErrOtherCard):
		m = named(CardChanged)
		m.What.JA += "\n暗証番号は送っていません。"
		m.What.EN += "\nNo PIN was sent."
	case errors.Is(e, credential.ErrOutcomeUnknown):
		m = outcomeUnknown(e)
	default:
		m = wrong(e)
	}
	if e.Known {
		left := e.Remaining
		m.Remaining = &left
	}
	return m
}

var lastTry = Message{
	Code: PINLastTry,
	What: Text{
		"残りは1回です。まちがえるとロックされ、窓口での再設定が必要です。\n" +
			"暗証番号はカードに送っていません。",
		"One try is left. No PIN was sent to the card.\n" +
			"A wrong PIN would lock it until the municipal office resets it.",
	},
	Next: Text{
		"暗証番号に自信がないときは、市区町村の窓口にご相談ください。\n" +
			"確かなときは、--allow-last-try を付けてください。",
		"If you are not sure of the PIN, ask at your municipal office.\n" +
			"If you are, add --allow-last-try.",
	},
}

func outcomeUnknown(e *credential.Error) Message {
	left := Text{
		"回数が減ったかどうかは、わかりません。",
		"Whether a try was used is not known.",
	}
	if e.Known {
		left = Text{fmt.Sprintf("残りは%d回です。", e.Remaining), fmt.Sprintf("Tries left: %d.", e.Remaining)}
	}
	return Message{
		Code: PINOutcomeUnknown,
		What: Text{
			"暗証番号を送った直後に、カードの返事が途切れました。\n" + left.JA,
			"The card's answer was lost just after the PIN was sent.\n" + left.EN,
		},
		Next: Text{
			"カードを置き直し、card-info で残りの回数を確かめてからお試しください。",
			"Put the card back and check the tries left with card-info before trying again.",
		},
	}
}

func wrong(e *credential.Error) Message {
	m := Message{
		Code: PINWrong,
		Next: Text{
			"利用者証明用の数字4桁を確かめて、もう一度お試しください。\n" +
				"わからないときは、市区町村の窓口で再設定できます。",
			"Check the 4 digits for user authentication and try again.\n" +
				"If you have forgotten them, your municipal office can reset them.",
		},
	}
	switch {
	case !e.Known:
		m.What = Text{
			"暗証番号が違います。\n残りの回数は、わかりません。",
			"Wrong PIN.\nThe tries left are not known.",
		}
	case e.Remaining == 1:
		m.What = Text{
			"暗証番号が違います。\n次にまちがえるとロックされます（入力できるのは、あと1回です）。",
			"Wrong PIN.\nThe next wrong entry will lock the card (one try is left).",
		}
		m.Next = Text{
			"暗証番号に自信がないときは、ここでやめて、市区町村の窓口にご相談ください。",
			"Stop here unless you are sure of the PIN; your municipal office can reset it.",
		}
	default:
		m.What = Text{
			fmt.Sprintf("暗証番号が違います。\nあと%d回まちがえるとロックされます。", e.Remaining),
			fmt.Sprintf("Wrong PIN.\n%d more wrong entries will lock the card.", e.Remaining),
		}
	}
	return m
}
