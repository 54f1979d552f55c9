package terminal

import (
	"context"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// The names of actions.
const (
	Start          = "start"            // consent and start a visit
	First          = "first"            // this is the first identifier
	HaveID         = "have-id"          // an earlier card has an identifier
	Renew          = "renew"            // consent and move an earlier card's identifier
	GivePIN        = "pin"              // enter the PIN
	UseLastAttempt = "use-last-attempt" // agree to use the last PIN attempt
	TryAgain       = "try-again"        // after a wrong PIN
	Apply          = "apply"            // apply for a service
	Choose         = "choose"           // choose a service
	GiveID         = "account"          // enter an account's ID and code
	GiveCode       = "take-over"        // enter an earlier card's identifier and its recovery code
	AskCode        = "ask-code"         // ask for a new recovery code
	MakeCode       = "make-code"        // replace the earlier recovery code
	Agree          = "agree"            // confirm the application
	Back           = "back"             // go back one screen
	Finish         = "finish"           // finish the visit
	Close          = "close"            // close the screen that ends a visit
	MoreTime       = "more-time"        // restart the idle timeout, also while typing
	SetLanguage    = "language"         // change the language

	abandon = "abandon"
)

// Action is a user action on a view.
type Action struct {
	Step string // of the view
	Name string
	// The arguments of some actions.
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

// Do performs an action. It returns [ErrStale] if the view has changed, so a double tap
// acts once; [ErrUnread] if an application is confirmed too soon; or ctx's error. In
// every case it uses or wipes the PIN and wipes the typed text.
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

// Abandon ends the visit because its page was replaced.
func (t *Terminal) Abandon(ctx context.Context) error {
	return t.Do(ctx, Action{Name: abandon})
}

// validOn lists the screens on which each action is valid. Other actions are valid on
// every screen.
var validOn = map[string][]Screen{
	Start: {Welcome}, Renew: {Welcome}, First: {FirstTime}, HaveID: {FirstTime}, GiveCode: {TakeOver},
	GivePIN: {EnterPIN}, UseLastAttempt: {LastAttempt}, TryAgain: {WrongPIN}, AskCode: {Result}, MakeCode: {NewCode},
	Apply: {Result}, Choose: {Services}, GiveID: {Account}, Agree: {Confirm}, Back: {TakeOver, NewCode, Services, Account, Confirm},
	Close:  {Cleared},
	Finish: {Place, LastAttempt, EnterPIN, WrongPIN, FirstTime, TakeOver, Result, NewCode, Services, Account, Confirm, Done},
}

// act checks and performs an action. It wipes the PIN unless it is sent to the card.
func (t *Terminal) act(a Action) error {
	err := t.checkAction(a)
	if err == nil {
		err = t.perform(a)
	}
	if a.Name != GivePIN || err != nil {
		a.PIN.Wipe()
	}
	return err
}

// checkAction returns ErrStale if the action does not belong to the current view.
func (t *Terminal) checkAction(a Action) error {
	if a.Name == abandon {
		return nil
	}
	valid := a.Name == MoreTime || a.Name == SetLanguage || slices.Contains(validOn[a.Name], t.screen.Screen)
	if a.Step != t.screen.Step || !valid {
		return ErrStale
	}
	return nil
}

// perform performs an action that belongs to the current view.
func (t *Terminal) perform(a Action) error {
	switch a.Name {
	case abandon:
		if t.visit != nil {
			t.endVisitWith(nil)
		}
	case MoreTime:
		t.extend()
	case SetLanguage:
		return t.setLanguage(a.Language)
	case Start, Renew:
		t.startVisit(a.Language, a.Name == Renew)
	case UseLastAttempt:
		t.visit.allowLastAttempt = true
		t.show(View{Screen: EnterPIN, Counter: &t.visit.ready.Counter})
	case GivePIN:
		t.authenticate(a.PIN)
	case TryAgain:
		t.checkCard()
	case First:
		t.reserve()
	case HaveID:
		t.show(View{Screen: TakeOver})
	case AskCode:
		return t.askCode()
	case MakeCode:
		t.makeCode()
	case Apply:
		t.show(View{Screen: Services, ID: t.visit.reservation.ID})
	case Choose:
		return t.choose(a.Service)
	case GiveID:
		t.previewApplication(a)
	case GiveCode:
		t.takeOver(a)
	case Agree:
		if time.Since(t.screen.At) < minReadTime {
			return ErrUnread
		}
		t.apply()
	case Back:
		t.back()
	case Finish:
		t.finish()
	case Close:
		t.showIdle()
	}
	return nil
}

// setLanguage changes the language of the current view and the visit.
func (t *Terminal) setLanguage(l message.Language) error {
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

// back goes back one screen.
func (t *Terminal) back() {
	switch t.screen.Screen {
	case TakeOver:
		t.show(View{Screen: FirstTime})
	case Services, NewCode:
		t.show(t.resultView())
	case Account:
		t.show(View{Screen: Services, ID: t.visit.reservation.ID})
	case Confirm:
		t.show(t.accountView(Refused{}))
	}
}
