package terminal

import (
	"context"
	"errors"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// maxWrongCodes is the number of wrong recovery codes that ends a visit.
const maxWrongCodes = 5

// errTooManyCodes reports [maxWrongCodes] wrong recovery codes in one visit.
var errTooManyCodes = errors.New("too many wrong recovery codes in one visit")

// isKnown reports whether the registry knows the holder. It returns true without asking
// the registry if the answer makes no difference.
func (t *Terminal) isKnown(ctx context.Context, v *visit, identified fleet.Visit) (bool, error) {
	if !v.renewing && !t.config.Campaign.AskRenewed {
		return true, nil
	}
	_, err := identified.Find(ctx)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return false, nil
	case errors.Is(err, registry.ErrWithdrawn): // the holder may move another identifier to this card
		return !v.renewing, nil
	}
	return true, err
}

// identify shows the holder's identifier. If the registry does not know the holder, it
// first asks for an identifier of an earlier card, since a renewed card would otherwise
// get a second one.
func (t *Terminal) identify(ctx context.Context, v *visit, identified fleet.Visit) func() {
	switch known, err := t.isKnown(ctx, v, identified); {
	case err != nil:
		return func() { t.handleError(err) }
	case known:
		return t.reserveFor(ctx, v, identified)
	}
	return func() {
		v.identified = identified
		screen := FirstTime
		if v.renewing {
			screen = TakeOver
		}
		t.show(View{Screen: screen})
	}
}

// reserve makes an identifier for a holder who has none yet.
func (t *Terminal) reserve() {
	v := t.visit
	v.changing = true
	t.show(View{Screen: Applying})
	t.runAsync(func(ctx context.Context) func() { return t.reserveFor(ctx, v, v.identified) })
}

// reserveFor finds or makes the holder's identifier and shows it.
func (t *Terminal) reserveFor(ctx context.Context, v *visit, identified fleet.Visit) func() {
	code := registry.NewRecoveryCode()
	reservation, err := registry.Retry(ctx, func(operation registry.Operation) (*registry.Reservation, error) {
		return identified.Reserve(ctx, operation, code)
	})
	return func() {
		if err != nil {
			t.handleError(err)
			return
		}
		v.identified, v.reservation = identified, reservation
		if reservation.New {
			v.recovery = hidden.NewBytes([]byte(code.Reveal()))
		}
		t.log("identified", "")
		t.show(t.resultView())
	}
}

// takeOver moves an earlier card's identifier to this card.
func (t *Terminal) takeOver(a Action) {
	v := t.visit
	var id mykey.ID
	var code registry.RecoveryCode
	var idErr, codeErr error
	a.Account.Use(func(typed []byte) { id, idErr = mykey.Parse(string(typed)) })
	a.Code.Use(func(typed []byte) { code, codeErr = registry.ParseRecoveryCode(string(typed)) })
	if idErr != nil || codeErr != nil {
		t.show(View{Screen: TakeOver, Refused: Refused{Account: idErr != nil, Code: codeErr != nil}})
		return
	}
	v.changing = true
	t.show(View{Screen: Applying})
	t.runAsync(func(ctx context.Context) func() {
		newCode := registry.NewRecoveryCode()
		reservation, err := registry.Retry(ctx, func(operation registry.Operation) (*registry.Reservation, error) {
			return v.identified.Renew(ctx, operation, id, code, newCode)
		})
		return func() {
			switch {
			case errors.Is(err, registry.ErrRecovery), errors.Is(err, registry.ErrNotFound), errors.Is(err, registry.ErrWithdrawn):
				t.handleWrongCode()
			case err != nil:
				t.handleError(err)
			default:
				v.reservation, v.recovery = reservation, hidden.NewBytes([]byte(newCode.Reveal()))
				t.log("renewed", "")
				t.show(t.resultView())
			}
		}
	})
}

// handleWrongCode counts and logs an identifier and a recovery code that don't match.
// It does not say which of the two is wrong.
func (t *Terminal) handleWrongCode() {
	t.log("wrong code", noticeFor(registry.ErrRecovery).Code)
	t.visit.wrongCodes++
	if t.visit.wrongCodes >= maxWrongCodes {
		t.handleError(errTooManyCodes)
		return
	}
	t.show(View{Screen: TakeOver, Refused: Refused{Wrong: true}})
}

// canMakeCode reports whether the holder can make a new recovery code: once per visit,
// and not in the visit that made the identifier.
func (t *Terminal) canMakeCode() bool {
	return !t.visit.reservation.New && t.visit.recovery.Empty()
}

// askCode asks the holder whether to replace the recovery code.
func (t *Terminal) askCode() error {
	if !t.canMakeCode() {
		return ErrStale
	}
	t.show(View{Screen: NewCode, ID: t.visit.reservation.ID})
	return nil
}

// makeCode replaces the holder's recovery code.
func (t *Terminal) makeCode() {
	v := t.visit
	v.changing = true
	t.show(View{Screen: Applying})
	t.runAsync(func(ctx context.Context) func() {
		code := registry.NewRecoveryCode()
		reservation, err := registry.Retry(ctx, func(operation registry.Operation) (*registry.Reservation, error) {
			return v.identified.ReplaceRecoveryCode(ctx, operation, code)
		})
		return func() {
			if err != nil {
				t.handleError(err)
				return
			}
			v.reservation, v.recovery = reservation, hidden.NewBytes([]byte(code.Reveal()))
			t.log("new code", "")
			t.show(t.resultView())
		}
	})
}
