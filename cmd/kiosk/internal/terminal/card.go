package terminal

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// check asks the card for the tries left, before anybody is asked for the PIN. What
// speaks against asking is a problem until the card is taken.
func (t *Terminal) check() {
	v := t.visit
	v.ready = nil
	t.show(View{Screen: Checking})
	t.beside(func(ctx context.Context) func() {
		var ready jpki.Readiness
		err := t.use(ctx, v.card, func(a *jpki.Application) (err error) {
			ready, err = a.Ready(ctx)
			return err
		}, jpki.AllowLastAttempt())
		if err == nil {
			select {
			case <-v.writable:
			case <-ctx.Done():
			}
		}
		return func() {
			if err != nil {
				t.refused(err)
				return
			}
			v.ready = &ready
			if ready.Remaining == 1 && !v.lastTry {
				t.show(View{Screen: LastTry, Counter: &ready.Counter})
				return
			}
			t.show(View{Screen: EnterPIN, Counter: &ready.Counter})
		}
	})
}

// use connects to the card for one use of it.
func (t *Terminal) use(ctx context.Context, name string, fn func(*jpki.Application) error, options ...jpki.CardOption) error {
	card, err := t.config.Driver.Connect(ctx, name)
	if err != nil {
		return err
	}
	defer card.Close()
	return jpki.Do(ctx, card, fn, append(options, t.config.Chain...)...)
}

// authenticate sends the PIN that was typed, in one session with the card, and goes on
// to the holder's identifier.
func (t *Terminal) authenticate(pin jpki.PIN) {
	v := t.visit
	t.show(View{Screen: Reading})
	t.beside(func(ctx context.Context) func() {
		defer pin.Wipe()
		holder, err := t.prove(ctx, v, pin)
		if errors.Is(err, jpki.ErrStillUnlocked) { // also if the visit has ended
			t.log("refused", message.CardStillUnlocked)
		}
		if err != nil {
			return func() { t.refused(err) }
		}
		return t.identify(ctx, v, holder)
	})
}

func (t *Terminal) prove(ctx context.Context, v *visit, pin jpki.PIN) (*jpki.Authentication, error) {
	card, err := t.config.Driver.Connect(ctx, v.card)
	if err != nil {
		return nil, err
	}
	defer card.Close()
	options := append(slices.Clip(t.config.Chain), jpki.ForCard(*v.ready))
	if v.lastTry {
		options = append(options, jpki.AllowLastAttempt())
	}
	return jpki.Authenticate(ctx, card, pin, options...)
}

// result is the view of the identifier.
func (t *Terminal) result() View {
	v := t.visit
	view := View{
		Screen: Result, ID: v.reserved.ID, Expiry: v.reserved.Expiry, Expiring: v.holder.Validity == trust.Expiring, Recovery: v.recovery, NewCode: t.givesCode(),
	}
	if v.reserved.Application != nil {
		id := v.reserved.Application.Service
		view.Applied = &campaign.Text{JA: id, EN: id}
		if s, ok := t.config.Campaign.Service(id); ok {
			view.Applied = &s.Name
		}
	}
	return view
}

// refused is that the card or the registry did not do what was asked of it.
func (t *Terminal) refused(err error) {
	notice := onScreen(err)
	t.log("refused", notice.Code)
	v := t.visit
	var pin *credential.Error
	switch {
	case closes(err):
		t.unavailable(err)
	case errors.Is(err, jpki.ErrStillUnlocked): // nothing goes on before the card was taken
		t.show(View{Screen: Problem, Notice: notice, CardInside: true})
	case errors.As(err, &pin) && pin.Reason == credential.ErrWrong && pin.Known && pin.Remaining > 0:
		v.lastTry = false
		t.show(View{Screen: WrongPIN, Notice: notice, Counter: &credential.Counter{Remaining: pin.Remaining, Max: pin.Max}})
	default:
		// Another card may take its place only while nothing was asked for this one.
		v.wrong = v.ready == nil && (errors.Is(err, jpki.ErrNoApplication) || t.cards[v.card] == unsureCard)
		t.show(View{Screen: Problem, Notice: notice, CardInside: true})
	}
}

// problem is what is said of an error, and of a card that may still be unlocked.
func problem(err error) *message.Message {
	m, cause := message.For(err), message.Cause(err)
	for _, own := range slices.Concat(notices, registryNotices) {
		if errors.Is(cause, own.err) {
			m = *own.message
			break
		}
	}
	own := residents[m.Code]
	if own.what != (message.Text{}) {
		m.What = own.what
	}
	if own.next != (message.Text{}) {
		m.Next = own.next
	}
	if errors.Is(err, jpki.ErrStillUnlocked) && m.Code != message.CardStillUnlocked {
		still := residents[message.CardStillUnlocked]
		m.What.JA += "\n" + still.what.JA
		m.What.EN += "\n" + still.what.EN
		m.Next.JA = still.next.JA + "\n" + m.Next.JA
		m.Next.EN = still.next.EN + "\n" + m.Next.EN
	}
	return &m
}

// onScreen is the message for an error as the page shows it: where only an operator can
// do something about it, the staff is to be called, and the code tells them of what.
func onScreen(err error) *message.Message {
	m := problem(err)
	if strings.HasPrefix(m.Next.EN, "For staff:") {
		m.Next = callTheStaff
	}
	return m
}

// MessageFor finds the message for an error of a kiosk, those of its registry and
// its campaign among them.
func MessageFor(err error) message.Message { return *problem(err) }
