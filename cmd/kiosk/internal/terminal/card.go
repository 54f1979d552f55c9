package terminal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// checkCard reads the remaining attempts and then asks for the PIN. It shows a problem
// until the card is taken if the card can't be used.
func (t *Terminal) checkCard() {
	v := t.visit
	v.ready = nil
	t.show(View{Screen: Checking})
	t.runAsync(func(ctx context.Context) func() {
		var ready jpki.Readiness
		err := jpki.DoWith(ctx, t.config.Driver.Connect, v.reader, func(a *jpki.Application) (err error) {
			ready, err = a.Ready(ctx)
			return err
		}, append(slices.Clip(t.config.Chain), jpki.AllowLastAttempt())...)
		if err == nil {
			select {
			case <-v.writable:
			case <-ctx.Done():
			}
		}
		return func() {
			if err != nil {
				t.handleError(err)
				return
			}
			v.ready = &ready
			if ready.Remaining == 1 && !v.allowLastAttempt {
				t.show(View{Screen: LastAttempt, Counter: &ready.Counter})
				return
			}
			t.show(View{Screen: EnterPIN, Counter: &ready.Counter})
		}
	})
}

// authenticate verifies the PIN, authenticates the holder in the same card session, and
// continues with the holder's identifier.
func (t *Terminal) authenticate(pin jpki.PIN) {
	v := t.visit
	challenge, isOld := v.challenge, time.Since(v.challengeAt) > maxChallengeAge
	t.show(View{Screen: Reading})
	t.runAsync(func(ctx context.Context) func() {
		defer pin.Wipe()
		var err error
		if isOld {
			if challenge, err = t.challenge(ctx); err != nil {
				return func() { t.handleError(err) }
			}
		}
		evidence, err := t.prove(ctx, v, pin, challenge)
		if errors.Is(err, jpki.ErrStillUnlocked) { // logged even if the visit has ended
			t.log("refused", message.CardStillUnlocked)
		}
		if err != nil {
			return func() { t.handleError(err) }
		}
		identified, err := t.config.Service.Identify(ctx, *evidence)
		if err != nil {
			return func() { t.handleError(err) }
		}
		return t.identify(ctx, v, identified)
	})
}

// prove verifies the PIN and has the card sign the challenge.
func (t *Terminal) prove(ctx context.Context, v *visit, pin jpki.PIN, challenge proof.Challenge) (*proof.Evidence, error) {
	card, err := t.config.Driver.Connect(ctx, v.reader)
	if err != nil {
		return nil, err
	}
	defer card.Close()
	options := append(slices.Clip(t.config.Chain), jpki.ForCard(*v.ready))
	if v.allowLastAttempt {
		options = append(options, jpki.AllowLastAttempt())
	}
	return jpki.Prove(ctx, card, pin, challenge, options...)
}

// resultView returns the view with the identifier.
func (t *Terminal) resultView() View {
	v := t.visit
	view := View{
		Screen: Result, ID: v.reservation.ID, Expiry: v.reservation.Expiry, Expiring: v.identified.Validity() == trust.Expiring, Recovery: v.recovery, NewCode: t.canMakeCode(),
	}
	if v.reservation.Application != nil {
		id := v.reservation.Application.Service
		view.Applied = &campaign.Text{JA: id, EN: id}
		if s, ok := t.config.Campaign.Service(id); ok {
			view.Applied = &s.Name
		}
	}
	return view
}

// handleError shows an error of the card or the registry.
func (t *Terminal) handleError(err error) {
	notice := screenNotice(err)
	t.log("refused", notice.Code)
	v := t.visit
	var pin *credential.Error
	switch {
	case closesTerminal(err):
		t.closeTerminal(err)
	case errors.Is(err, jpki.ErrStillUnlocked): // the card must be taken first
		t.show(View{Screen: Problem, Notice: notice, CardInside: true})
	case errors.As(err, &pin) && pin.Reason == credential.ErrWrong && pin.Known && pin.Remaining > 0:
		v.allowLastAttempt = false
		t.show(View{Screen: WrongPIN, Notice: notice, Counter: &credential.Counter{Remaining: pin.Remaining, Max: pin.Max}})
	default:
		// Another card may replace this one only before the PIN was asked for.
		v.wrongCard = v.ready == nil && (errors.Is(err, jpki.ErrNoApplication) || t.cards[v.reader] == unknownCard)
		t.show(View{
			Screen: Problem, Notice: notice, CardInside: true, KeepCard: callsStaff(notice),
			OutcomeUnknown: v.changing && notice.Code == message.Failed,
		})
	}
}
