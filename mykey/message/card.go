package message

import (
	"errors"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/reader"
)

// The codes about the card in the reader.
const (
	CardAbsent        Code = "CARD_ABSENT"
	CardRemoved       Code = "CARD_REMOVED"
	CardChanged       Code = "CARD_CHANGED"
	SeveralCards      Code = "SEVERAL_CARDS"
	ReadFailed        Code = "READ_FAILED"
	NotMyNumberCard   Code = "NOT_MYNUMBER_CARD"
	CardRefused       Code = "CARD_REFUSED"
	CardDataMalformed Code = "CARD_DATA_MALFORMED"
	CardStillUnlocked Code = "CARD_STILL_VERIFIED"
)

const (
	readAgainJA = "カードを置き直して、もう一度お試しください。終わるまで動かさないでください。"
	readAgainEN = "Put the card back and try again. Keep it still until the end."

	askOfficeJA = "もう一度お試しください。\nそれでもできないときは、市区町村の窓口にご相談ください。"
	askOfficeEN = "Try again. If it fails again, ask at your municipal office."
)

var cardMessages = [...]Message{
	{
		Code: CardAbsent, Group: Holder, Attempt: AttemptNone,
		What: Text{"カードがセットされていません。", "There is no card in the reader."},
		Next: Text{
			"マイナンバーカードをカードリーダーにセットしてください。",
			"Place your My Number Card on the reader.",
		},
	},
	{
		Code: CardRemoved, Group: Holder, Attempt: AttemptNone,
		What: Text{"読み取り中にカードが離れました。", "The card moved away while it was being read."},
		Next: Text{readAgainJA, readAgainEN},
	},
	{
		Code: CardChanged, Group: Holder, Attempt: AttemptNone,
		What: Text{
			"ほかのプログラムがカードを使ったか、カードが入れ替わりました。",
			"Another program used the card, or a different card was inserted.",
		},
		Next: Text{readAgainJA, readAgainEN},
	},
	{
		Code: SeveralCards, Group: Holder, Attempt: AttemptNone,
		What: Text{
			"カードが2枚以上あります。どのカードを使うのか判断できません。",
			"There is more than one card. It is not clear which one to use.",
		},
		Next: Text{
			"使うカードだけを残して、ほかのカードを取り外してください。",
			"Leave only the card that you want to use, and remove the others.",
		},
	},
	{
		Code: ReadFailed, Group: Holder, Attempt: AttemptNone,
		What: Text{"カードを読み取れませんでした。", "The card could not be read."},
		Next: Text{readAgainJA, readAgainEN},
	},
	{
		Code: NotMyNumberCard, Group: Holder, Attempt: AttemptNone,
		What: Text{"マイナンバーカードではありません。", "This is not a My Number Card."},
		Next: Text{
			"マイナンバーカードをカードリーダーにセットしてください。",
			"Place your My Number Card on the reader.",
		},
	},
	{
		Code: CardRefused, Group: Holder, Attempt: AttemptNone,
		What: Text{"カードが処理を受け付けませんでした。", "The card rejected a command."},
		Next: Text{
			"カードを置き直して、もう一度お試しください。\n続くときは、市区町村の窓口にご相談ください。",
			"Put the card back and try again.\nIf it fails again, ask at your municipal office.",
		},
	},
	{
		Code: CardDataMalformed, Group: Clerk, Attempt: AttemptNone,
		What: Text{
			"カードのデータを読み取れませんでした。\n内容がこわれている可能性があります。",
			"The data on the card could not be read. They may be damaged.",
		},
		Next: Text{askOfficeJA, askOfficeEN},
	},
	{
		Code: CardStillUnlocked, Group: Holder, Attempt: AttemptNotUsed,
		What: Text{
			"カードがログアウトされていない可能性があります。\n" +
				"ほかのプログラムがカードを使えるおそれがあります。",
			"The card may still be unlocked, so that other programs could use it.",
		},
		Next: Text{
			"カードを取り外してください。取り外すとログアウトされます。",
			"Remove the card from the reader. That logs it out.",
		},
	},
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
	m := named(ReaderNotFound)
	m.What = Text{"その名前のカードリーダーは見つかりません。", "There is no card reader with that name."}
	m.Next = Text{
		"カードリーダーが接続されているか、名前が正しいかを確かめてください。",
		"Check that the card reader is plugged in, and its name.",
	}
	var unknown *reader.NameError
	if errors.As(err, &unknown) && len(unknown.Readers) > 0 {
		m.What = withNames(m.What.And(Text{"接続されているカードリーダー:", "These card readers are connected:"}), unknown.Readers)
	}
	return m
}

// forNoMatch says which readers hold other cards, why some cards could not be probed, and
// what to do about the first of those.
func forNoMatch(err error) Message {
	m := named(NotMyNumberCard)
	m.What = Text{
		"セットされているカードの中に、マイナンバーカードがありません。",
		"None of the cards in the readers is a My Number Card.",
	}
	var none *reader.NoMatchError
	if !errors.As(err, &none) {
		return m
	}
	if len(none.Causes) == 1 && len(none.Rejected) == 0 {
		return For(none.Causes[0]) // it may be a My Number Card
	}
	for i, cause := range none.Causes {
		why := For(cause)
		if i == 0 {
			m.What = Text{
				"マイナンバーカードを確認できません。読み取れないカードがあります。",
				"No My Number Card was found. Not every card could be read.",
			}
			m.Next = why.Next.And(m.Next)
		}
		m.What = m.What.And(why.What)
	}
	if len(none.Rejected) > 0 {
		m.What = withNames(m.What.And(Text{"別のカードがセットされているカードリーダー:", "These readers hold other cards:"}), none.Rejected)
	}
	return m
}

// withNames adds readers' names to a text, one on each line.
func withNames(t Text, readers []string) Text {
	for _, name := range readers {
		t = t.And(Text{"  " + termtext.Printable(name), "  " + termtext.Printable(name)})
	}
	return t
}

// forStatus describes an unexpected status word. One that answers VERIFY may tell of an
// attempt: who sent it and why is not known here.
func forStatus(s apdu.Status) Message {
	m := named(CardRefused)
	if _, counted := s.Retries(); counted || s == apdu.StatusVerificationFailedUncounted || s == apdu.StatusAuthenticationBlocked || s == apdu.StatusReferenceDataUnusable {
		m.Attempt = AttemptUnknown
		m.What = m.What.And(Text{
			"暗証番号の残りの回数が減ったかどうかは、わかりません。",
			"Whether a PIN attempt was used is not known.",
		})
		m.Next = Text{
			"カードを置き直し、残りの回数を確かめてから、もう一度お試しください。\n続くときは、市区町村の窓口にご相談ください。",
			"Put the card back and check the attempts left before you try again.\nIf it fails again, ask at your municipal office.",
		}
	}
	return m
}
