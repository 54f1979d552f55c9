// Package message holds what the programs of this module say to people: for
// each failure a stable code, what happened, what it means for the card, and
// what to do next, in Japanese and in English.
//
// [For] turns an error into a [Message]. The sentences are for residents, of
// any age, and for the clerk beside them: polite, plain, and short enough for
// a line of 78 columns.
package message

// Text is one thing said in both languages. A line feed parts its lines.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// In returns the text in a language.
func (t Text) In(l Language) string {
	if l == Japanese {
		return t.JA
	}
	return t.EN
}

// Language is one of the languages that are spoken here.
type Language string

// The languages.
const (
	Japanese Language = "ja"
	English  Language = "en"
)

// Code names a message for programs. Codes do not change.
type Code string

// Message is what is said about one failure.
type Message struct {
	Code Code
	What Text // what happened, and what it means for the card
	Next Text // what to do next
	// Remaining is the tries left, where the failure tells them.
	Remaining *int
}
