package web

import (
	"strings"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
)

// step is a step of a visit, as the progress indicator shows it.
type step struct {
	Number int
	Name   campaign.Text
	State  string // "done", "now" or "" (later)
}

var stepNames = []campaign.Text{
	{JA: "カード", EN: "Card"}, {JA: "暗証番号", EN: "PIN"}, {JA: "ID", EN: "ID"}, {JA: "申込み", EN: "Apply"},
}

// stepOf maps a screen to its step, counted from 1; 0 is before the first step. Other
// screens belong to no step.
var stepOf = map[terminal.Screen]int{
	terminal.Welcome: 0,
	terminal.Place:   1, terminal.Checking: 1,
	terminal.LastAttempt: 2, terminal.EnterPIN: 2, terminal.Reading: 2, terminal.WrongPIN: 2,
	terminal.FirstTime: 3, terminal.TakeOver: 3, terminal.Result: 3, terminal.NewCode: 3,
	terminal.Services: 4, terminal.Account: 4, terminal.Confirm: 4, terminal.Applying: 4,
	terminal.Done: 5,
}

// steps returns the progress indicator for a view, or nil.
func steps(v terminal.View) []step {
	now, ok := stepOf[v.Screen]
	if !ok {
		return nil
	}
	if v.Screen == terminal.Applying && v.Service == nil {
		now = 3 // an identifier is being moved
	}
	var list []step
	for i, name := range stepNames {
		s := step{Number: i + 1, Name: name}
		switch {
		case s.Number < now:
			s.State = "done"
		case s.Number == now:
			s.State = "now"
		}
		list = append(list, s)
	}
	return list
}

// keyboard is the on-screen keyboard of one field.
type keyboard struct {
	Field  string
	Keys   []string
	Digits bool // only digits
}

func keyboardFor(alphabet, field string) keyboard {
	return keyboard{Field: field, Keys: strings.Split(alphabet, ""), Digits: strings.Trim(alphabet, "0123456789") == ""}
}

func keyboardOf(f campaign.Form, field string) keyboard { return keyboardFor(f.Alphabet(), field) }

// symbols returns the keyboard for identifiers and recovery codes.
func symbols(field string) keyboard { return keyboardFor("1234567890ABCDEFGHJKMNPQRSTVWXYZ", field) }
