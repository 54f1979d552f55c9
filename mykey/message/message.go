package message

import (
	"iter"
	"slices"
)

// Text is one text in both languages. Line feeds separate its lines.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// In returns the Japanese text if l is [Japanese], and the English text otherwise.
func (t Text) In(l Language) string {
	if l == Japanese {
		return t.JA
	}
	return t.EN
}

// And returns the text followed by lines.
func (t Text) And(lines Text) Text {
	return Text{t.JA + "\n" + lines.JA, t.EN + "\n" + lines.EN}
}

// Language is a language in which the texts exist.
type Language string

// The languages.
const (
	Japanese Language = "ja"
	English  Language = "en"
)

// Code identifies a failure. Codes are stable.
type Code string

// Group says who can act on a failure. It is the first of these who can resolve the
// failure: the holder with the card and the PIN, the clerk with the office's system, the
// operator with the computer, the programmer with the source code. So a failure that goes
// away when the card is put back is the holder's, though a faulty reader may also cause it.
type Group string

// The groups.
const (
	Holder     Group = "holder"     // the resident with the card
	Clerk      Group = "clerk"      // a clerk of the municipal office
	Operator   Group = "operator"   // whoever runs the program and its reader
	Programmer Group = "programmer" // whoever wrote or built the program
)

// Attempt says whether a failure used up an attempt for a PIN, the signature password or a
// verification number.
//
// It is [AttemptUsed] if the card rejected what was sent. It is [AttemptUnknown] if something was
// sent and no usable response came back, and for errors that don't say. It is [AttemptNotUsed] if
// the failure prevented sending, or came after the card had accepted what was sent, which resets
// the attempts. It is [AttemptNone] if no attempt was used and the failure has nothing to do with a
// secret.
type Attempt string

// What a failure can mean for the attempts.
const (
	AttemptNone    Attempt = "none"
	AttemptNotUsed Attempt = "not-used"
	AttemptUsed    Attempt = "used"
	AttemptUnknown Attempt = "unknown"
)

// Message describes one failure.
type Message struct {
	Code    Code
	Group   Group
	Attempt Attempt
	What    Text // what happened, and what it means for the card
	Next    Text // what to do next
	// Remaining is the number of attempts left, or nil if the error does not say.
	Remaining *int
}

// tables returns the messages by subject. The tables are data of the binary: a program
// that reports no failure spends no time on them.
func tables() [][]Message {
	return [][]Message{
		readerMessages[:], cardMessages[:], certificateMessages[:], pinMessages[:], passwordMessages[:], changeMessages[:], surfaceMessages[:],
		signatureMessages[:], proofMessages[:], identifierMessages[:], otherMessages[:],
	}
}

// All returns every message once, ordered by subject. Where For adds numbers, dates or
// names to a text, this is the text without them.
func All() iter.Seq[Message] { return slices.Values(slices.Concat(tables()...)) }

// Lookup returns the message that has this code, with the text that [All] returns.
func Lookup(code Code) (m Message, ok bool) {
	for _, table := range tables() {
		for _, m := range table {
			if m.Code == code {
				return m, true
			}
		}
	}
	return Message{}, false
}

// named returns the message with a code of this package.
func named(code Code) Message {
	m, _ := Lookup(code)
	return m
}
