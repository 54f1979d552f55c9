package terminal

import (
	"context"
	"errors"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// pendingApplication is an application that the resident is shown.
type pendingApplication struct {
	id      mykey.ID
	account registry.Account
}

// choose chooses the service to apply for.
func (t *Terminal) choose(id string) error {
	service, ok := t.config.Campaign.Service(id)
	if !ok {
		return ErrStale
	}
	t.visit.service = service
	t.show(t.accountView(Refused{}))
	return nil
}

// accountView returns the view with the account form.
func (t *Terminal) accountView(refused Refused) View {
	return View{Screen: Account, Service: &t.visit.service, ID: t.visit.reservation.ID, Refused: refused}
}

// previewApplication checks whether the account can be used in an application, and asks
// the resident to confirm it.
func (t *Terminal) previewApplication(a Action) {
	v := t.visit
	id, idOK := parseTyped(v.service.AccountID, a.Account)
	code, codeOK := parseTyped(v.service.Code, a.Code)
	defer clear(id)
	defer clear(code)
	if !idOK || !codeOK {
		t.show(t.accountView(Refused{Account: !idOK, Code: !codeOK}))
		return
	}
	account := registry.NewAccount(v.service.ID, string(id), string(code))
	t.show(View{Screen: Applying, Service: &v.service})
	t.runAsync(func(ctx context.Context) func() {
		id, err := v.identified.Preview(ctx, account)
		return func() {
			switch {
			case errors.Is(err, registry.ErrAccountUsed):
				t.show(t.accountView(Refused{Used: true}))
			case err != nil:
				t.handleError(err)
			default:
				v.pending = pendingApplication{id, account}
				v.account.Wipe()
				v.account = hidden.NewBytes([]byte(account.ID()))
				t.show(View{Screen: Confirm, Service: &v.service, Account: v.account, ID: id})
			}
		}
	})
}

// parseTyped parses typed text. The caller wipes the result.
func parseTyped(form campaign.Form, typed hidden.Bytes) (text []byte, ok bool) {
	typed.Use(func(typed []byte) { text, ok = form.Parse(typed) })
	return text, ok
}

// apply makes the application that the resident confirmed.
func (t *Terminal) apply() {
	v := t.visit
	v.changing = true
	t.show(View{Screen: Applying, Service: &v.service})
	t.runAsync(func(ctx context.Context) func() {
		reservation, err := registry.Retry(ctx, func(operation registry.Operation) (*registry.Reservation, error) {
			return v.identified.Apply(ctx, operation, v.pending.id, v.pending.account)
		})
		return func() {
			switch {
			case errors.Is(err, registry.ErrAccountUsed):
				t.show(t.accountView(Refused{Used: true}))
			case err != nil:
				t.handleError(err)
			default:
				v.reservation = reservation
				t.log("applied", "")
				t.show(View{Screen: Done, Service: &v.service, ID: reservation.ID})
			}
		}
	})
}
