package terminal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// What people do.
const (
	Start       = "start"      // with a language, and consent
	First       = "first"      // time that an identifier is made
	HaveID      = "have-id"    // of an earlier card
	Renew       = "renew"      // the same, with an identifier of an earlier card
	GivePIN     = "pin"        // a PIN
	SpendLast   = "spend-last" // the last try, knowing that
	TryAgain    = "try-again"  // after a wrong PIN
	Apply       = "apply"      // for a service
	Choose      = "choose"     // a service
	GiveID      = "account"    // an account's ID and code
	GiveCode    = "take-over"  // an earlier card's identifier and its recovery code
	AskCode     = "ask-code"   // for a new recovery code
	MakeCode    = "make-code"  // and give up the earlier one
	Agree       = "agree"      // to what was read back
	Back        = "back"       // one screen
	Finish      = "finish"     // the visit
	Close       = "close"      // what is said after a visit
	MoreTime    = "more-time"  // is needed, or somebody is typing
	SetLanguage = "language"   // to the other
)

// Action is something that a person did on a screen.
type Action struct {
	Step string // of the view that it was done on
	Name string
	// What goes with it.
	Language message.Language
	PIN      jpki.PIN
	Service  string
	Account  hidden.Bytes
	Code     hidden.Bytes
}

type request struct {
	Action
	done chan error
}

// Do does an action. It fails with [ErrStale] if something else is shown now, so
// the second of two taps does nothing, with [ErrUnread], and with ctx's error. A PIN
// is used up or wiped, whatever happens, and what was typed is wiped.
func (t *Terminal) Do(ctx context.Context, a Action) error {
	defer a.Account.Wipe()
	defer a.Code.Wipe()
	r := request{a, make(chan error, 1)}
	select {
	case t.actions <- r:
		return <-r.done
	case <-ctx.Done():
		a.PIN.Wipe()
		return ctx.Err()
	}
}

// Abandon ends a visit whose page is gone.
func (t *Terminal) Abandon(ctx context.Context) error {
	return t.Do(ctx, Action{Name: abandon})
}

const abandon = "abandon"

// screens on which an action means something.
var screens = map[string][]Screen{
	Start: {Welcome}, Renew: {Welcome}, First: {FirstTime}, HaveID: {FirstTime}, GiveCode: {TakeOver}, GivePIN: {EnterPIN}, SpendLast: {LastTry}, TryAgain: {WrongPIN},
	AskCode: {Result}, MakeCode: {NewCode},
	Apply: {Result}, Choose: {Services}, GiveID: {Account}, Agree: {Confirm}, Back: {TakeOver, NewCode, Services, Account, Confirm},
	Close:  {Cleared},
	Finish: {Place, LastTry, EnterPIN, WrongPIN, FirstTime, TakeOver, Result, NewCode, Services, Account, Confirm, Done},
}

func (t *Terminal) act(a Action) error {
	given := false // the PIN, to the visit
	defer func() {
		if !given {
			a.PIN.Wipe()
		}
	}()
	if a.Name == abandon {
		if t.visit != nil {
			t.clear(nil)
		}
		return nil
	}
	if a.Step != t.screen.Step {
		return ErrStale
	}
	switch a.Name {
	case MoreTime:
		t.stay()
		return nil
	case SetLanguage:
		return t.speak(a.Language)
	}
	if !slices.Contains(screens[a.Name], t.screen.Screen) {
		return ErrStale
	}
	v := t.visit
	switch a.Name {
	case Start, Renew:
		t.begin(a.Language, a.Name == Renew)
	case SpendLast:
		v.lastTry = true
		t.show(View{Screen: EnterPIN, Counter: &v.ready.Counter})
	case GivePIN:
		given = true
		t.authenticate(a.PIN)
	case TryAgain:
		t.check()
	case First:
		t.reserve()
	case HaveID:
		t.show(View{Screen: TakeOver})
	case AskCode:
		if !t.givesCode() {
			return ErrStale
		}
		t.show(View{Screen: NewCode, ID: v.reserved.ID})
	case MakeCode:
		t.makeCode()
	case Apply:
		t.show(View{Screen: Services, ID: v.reserved.ID})
	case Choose:
		service, ok := t.config.Campaign.Service(a.Service)
		if !ok {
			return ErrStale
		}
		v.service = service
		t.show(t.account(Refused{}))
	case GiveID:
		t.preview(a)
	case GiveCode:
		t.takeOver(a)
	case Agree:
		if time.Since(t.screen.At) < toRead {
			return ErrUnread
		}
		t.apply()
	case Back:
		t.back()
	case Finish:
		t.finish()
	case Close:
		t.rest()
	}
	return nil
}

// speak changes the language of what is shown.
func (t *Terminal) speak(l message.Language) error {
	if l != message.Japanese && l != message.English {
		return ErrStale
	}
	if t.visit != nil {
		t.visit.language = l
	}
	v := t.screen
	v.Language = l
	t.show(v)
	return nil
}

// begin is that somebody agreed to what is read.
func (t *Terminal) begin(l message.Language, renewing bool) {
	if l != message.Japanese {
		l = message.English
	}
	ctx, end := context.WithCancel(t.life)
	t.visit = &visit{ctx: ctx, end: end, language: l, renewing: renewing, plugged: map[string]bool{}, writable: make(chan struct{})}
	t.logVisit(newLoggedVisit())
	t.log("begun", "")
	t.show(View{Screen: Place})
	t.proveWritable()
	t.settle()
}

// once makes a change of the registry. Where its answer may be lost, and a new recovery
// code with it, it asks again: with its operation the change is made once.
func once(ctx context.Context, change func() (*registry.Reservation, error)) (*registry.Reservation, error) {
	reserved, err := change()
	if errors.Is(err, registry.ErrUnavailable) && ctx.Err() == nil {
		return change()
	}
	return reserved, err
}

// account is the view that asks for an account.
func (t *Terminal) account(refused Refused) View {
	return View{Screen: Account, Service: &t.visit.service, ID: t.visit.reserved.ID, Refused: refused}
}

// preview looks whether the account could be applied with.
func (t *Terminal) preview(a Action) {
	v := t.visit
	id, idOK := parsed(v.service.AccountID, a.Account)
	code, codeOK := parsed(v.service.Code, a.Code)
	defer clear(id)
	defer clear(code)
	if !idOK || !codeOK {
		t.show(t.account(Refused{Account: !idOK, Code: !codeOK}))
		return
	}
	account := registry.NewAccount(v.service.ID, string(id), string(code))
	t.show(View{Screen: Applying, Service: &v.service})
	t.beside(func(ctx context.Context) func() {
		preview, err := t.config.Registry.Preview(ctx, v.holder, account)
		return func() {
			switch {
			case errors.Is(err, registry.ErrAccountUsed):
				t.show(t.account(Refused{Used: true}))
			case err != nil:
				t.refused(err)
			default:
				v.preview = preview
				v.account.Wipe()
				v.account = hidden.NewBytes([]byte(preview.AccountID()))
				t.show(View{Screen: Confirm, Service: &v.service, Account: v.account, ID: preview.Identifier()})
			}
		}
	})
}

// parsed is what was typed as its form has it, for the caller to wipe.
func parsed(form campaign.Form, typed hidden.Bytes) (text []byte, ok bool) {
	typed.Use(func(typed []byte) { text, ok = form.Parse(typed) })
	return text, ok
}

// apply makes the application that was read back.
func (t *Terminal) apply() {
	v, operation := t.visit, registry.NewOperation()
	t.show(View{Screen: Applying, Service: &v.service})
	t.beside(func(ctx context.Context) func() {
		reserved, err := once(ctx, func() (*registry.Reservation, error) {
			return t.config.Registry.Confirm(ctx, operation, v.preview)
		})
		return func() {
			switch {
			case errors.Is(err, registry.ErrAccountUsed):
				t.show(t.account(Refused{Used: true}))
			case err != nil:
				t.refused(err)
			default:
				v.reserved = reserved
				t.log("applied", "")
				t.show(View{Screen: Done, Service: &v.service, ID: reserved.ID})
			}
		}
	})
}

// back goes back one screen.
func (t *Terminal) back() {
	switch t.screen.Screen {
	case TakeOver:
		t.show(View{Screen: FirstTime})
	case Services, NewCode:
		t.show(t.result())
	case Account:
		t.show(View{Screen: Services, ID: t.visit.reserved.ID})
	case Confirm:
		t.show(t.account(Refused{}))
	}
}

// finish ends a visit. Whose card is still there is asked to take it.
func (t *Terminal) finish() {
	t.log("finished", "")
	language := t.visit.language
	t.forget()
	if t.left != "" {
		t.show(View{Screen: Take, Language: language})
		return
	}
	t.show(View{Screen: Cleared, Language: language})
}
