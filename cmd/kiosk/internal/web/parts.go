package web

import (
	"strings"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
)

// step is a part of a visit, as the indicator above each screen shows it.
type step struct {
	Number int
	Name   campaign.Text
	State  string // "done", "now", or "" if it comes later
}

var stepNames = []campaign.Text{
	{JA: "カード", EN: "Card"}, {JA: "暗証番号", EN: "PIN"}, {JA: "ID", EN: "ID"}, {JA: "申込", EN: "Apply"},
}

// stepOf is the step that a screen belongs to, counted from 1; 0 is before the first.
// Screens that are no part of the way have none.
var stepOf = map[terminal.Screen]int{
	terminal.Welcome: 0,
	terminal.Place:   1, terminal.Checking: 1,
	terminal.LastTry: 2, terminal.EnterPIN: 2, terminal.Reading: 2, terminal.WrongPIN: 2,
	terminal.FirstTime: 3, terminal.TakeOver: 3, terminal.Result: 3, terminal.NewCode: 3,
	terminal.Services: 4, terminal.Account: 4, terminal.Confirm: 4, terminal.Applying: 4,
	terminal.Done: 5,
}

// steps are those of a view's screen.
func steps(v terminal.View) []step {
	now, ok := stepOf[v.Screen]
	if !ok {
		return nil
	}
	if v.Screen == terminal.Applying && v.Service == nil {
		now = 3 // an identifier is taken over
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

// keyboard has the keys for one field.
type keyboard struct {
	Field  string
	Keys   []string
	Digits bool // and nothing else
}

func keyboardFor(alphabet, field string) keyboard {
	return keyboard{Field: field, Keys: strings.Split(alphabet, ""), Digits: strings.Trim(alphabet, "0123456789") == ""}
}

func keyboardOf(f campaign.Form, field string) keyboard { return keyboardFor(f.Alphabet(), field) }

// symbols is the keyboard for an identifier, whose symbols recovery codes have too.
func symbols(field string) keyboard { return keyboardFor("1234567890ABCDEFGHJKMNPQRSTVWXYZ", field) }
