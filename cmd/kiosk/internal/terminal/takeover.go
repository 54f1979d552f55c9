package terminal

import (
	"context"
	"errors"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// mostWrongCodes is how many wrong recovery codes a visit may have.
const mostWrongCodes = 5

// errTooManyCodes ends a visit with [mostWrongCodes].
var errTooManyCodes = errors.New("too many wrong recovery codes in one visit")

// known tells whether the registry knows a holder, where that decides what is shown.
func (t *Terminal) known(ctx context.Context, v *visit, holder *jpki.Authentication) (bool, error) {
	if !v.renewing && !t.config.Campaign.AskRenewed {
		return true, nil
	}
	_, err := t.config.Registry.Find(ctx, holder)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return false, nil
	case errors.Is(err, registry.ErrWithdrawn): // who may take over another identifier
		return !v.renewing, nil
	}
	return true, err
}

// identify shows the identifier of a holder, or asks first whether there is one of an
// earlier card: a reservation by a renewed card would be a second one.
func (t *Terminal) identify(ctx context.Context, v *visit, holder *jpki.Authentication) func() {
	switch known, err := t.known(ctx, v, holder); {
	case err != nil:
		return func() { t.refused(err) }
	case known:
		return t.reserved(ctx, v, holder)
	}
	return func() {
		v.holder = holder
		screen := FirstTime
		if v.renewing {
			screen = TakeOver
		}
		t.show(View{Screen: screen})
	}
}

// reserve makes an identifier for a holder who said that there is none yet.
func (t *Terminal) reserve() {
	v := t.visit
	t.show(View{Screen: Applying})
	t.beside(func(ctx context.Context) func() { return t.reserved(ctx, v, v.holder) })
}

// reserved takes a holder's identifier, and shows it.
func (t *Terminal) reserved(ctx context.Context, v *visit, holder *jpki.Authentication) func() {
	operation, code := registry.NewOperation(), registry.NewRecoveryCode()
	reserved, err := once(ctx, func() (*registry.Reservation, error) {
		return t.config.Registry.Reserve(ctx, operation, holder, code)
	})
	return func() {
		if err != nil {
			t.refused(err)
			return
		}
		v.holder, v.reserved = holder, reserved
		if reserved.New {
			v.recovery = hidden.NewBytes([]byte(code.Reveal()))
		}
		t.log("identified", "")
		t.show(t.result())
	}
}

// takeOver moves an earlier card's identifier to this one.
func (t *Terminal) takeOver(a Action) {
	v, operation := t.visit, registry.NewOperation()
	var id mykey.ID
	var code registry.RecoveryCode
	var idErr, codeErr error
	a.Account.Use(func(typed []byte) { id, idErr = mykey.Parse(string(typed)) })
	a.Code.Use(func(typed []byte) { code, codeErr = registry.ParseRecoveryCode(string(typed)) })
	if idErr != nil || codeErr != nil {
		t.show(View{Screen: TakeOver, Refused: Refused{Account: idErr != nil, Code: codeErr != nil}})
		return
	}
	t.show(View{Screen: Applying})
	t.beside(func(ctx context.Context) func() {
		next := registry.NewRecoveryCode()
		reserved, err := once(ctx, func() (*registry.Reservation, error) {
			return t.config.Registry.Renew(ctx, operation, v.holder, registry.ByRecoveryCode(id, code), next)
		})
		return func() {
			switch {
			case errors.Is(err, registry.ErrRecovery), errors.Is(err, registry.ErrNotFound), errors.Is(err, registry.ErrWithdrawn):
				t.wrongCode()
			case err != nil:
				t.refused(err)
			default:
				v.reserved, v.recovery = reserved, hidden.NewBytes([]byte(next.Reveal()))
				t.log("renewed", "")
				t.show(t.result())
			}
		}
	})
}

// wrongCode counts and logs an identifier and a recovery code that don't belong
// together, without telling which of the two is wrong.
func (t *Terminal) wrongCode() {
	t.log("wrong code", problem(registry.ErrRecovery).Code)
	t.visit.wrongCodes++
	if t.visit.wrongCodes >= mostWrongCodes {
		t.refused(errTooManyCodes)
		return
	}
	t.show(View{Screen: TakeOver, Refused: Refused{Wrong: true}})
}

// givesCode tells whether a new recovery code can be given now: to a holder who came
// back, once in a visit.
func (t *Terminal) givesCode() bool {
	return !t.visit.reserved.New && t.visit.recovery.Empty()
}

// makeCode gives the holder a new recovery code, in place of the earlier one.
func (t *Terminal) makeCode() {
	v, operation := t.visit, registry.NewOperation()
	t.show(View{Screen: Applying})
	t.beside(func(ctx context.Context) func() {
		code := registry.NewRecoveryCode()
		reserved, err := once(ctx, func() (*registry.Reservation, error) {
			return t.config.Registry.NewCode(ctx, operation, v.holder, code)
		})
		return func() {
			if err != nil {
				t.refused(err)
				return
			}
			v.reserved, v.recovery = reserved, hidden.NewBytes([]byte(code.Reveal()))
			t.log("new code", "")
			t.show(t.result())
		}
	})
}
