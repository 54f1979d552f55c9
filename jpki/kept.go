package jpki

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/applet"
)

// errNotKept reports that no card is kept unlocked, or no longer.
var errNotKept = errors.New("no card is kept unlocked")

// keptCard is a card that stays unlocked, held by a goroutine inside a transaction.
type keptCard struct {
	requests chan signRequest
	end      context.CancelFunc
	done     chan struct{} // closed when the card was logged out
	err      error         // valid after done
	timedOut bool          // owned by the goroutine
}

type signRequest struct {
	ctx    context.Context
	what   toSign
	answer chan<- signAnswer
}

type signAnswer struct {
	signature []byte
	err       error
}

// keep keeps a card unlocked after first has used it. ctx bounds first and not what follows.
func (s *Signer) keep(ctx context.Context, config config, first func(context.Context, *Application) error) (*keptCard, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end)
	k := &keptCard{requests: make(chan signRequest), end: end, done: make(chan struct{})}
	unlocked := make(chan struct{})
	deadline := time.Now().Add(config.signer.limit)
	go func() {
		defer close(k.done)
		defer end()
		k.err = s.connect.use(life, config, func(a *Application) error {
			if err := first(life, a); err != nil {
				return err
			}
			if !stop() {
				return ctx.Err()
			}
			close(unlocked)
			k.serve(life, a, s.choice.key(a), config.signer.idle, deadline)
			return nil
		})
		if k.timedOut && errors.Is(k.err, ErrStillUnlocked) && config.signer.report != nil {
			config.signer.report(k.err)
		}
	}()
	select {
	case <-unlocked:
		return k, nil
	case <-k.done:
		stop()
		if k.err != nil && ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", ctx.Err(), k.err)
		}
		return nil, k.err
	}
}

// serve signs until nobody asks for the idle time, until the deadline, or until a signature
// fails.
func (k *keptCard) serve(life context.Context, a *Application, key *cardKey, idle time.Duration, deadline time.Time) {
	timer := time.NewTimer(min(idle, time.Until(deadline)))
	defer timer.Stop()
	for {
		select {
		case r := <-k.requests:
			if !time.Now().Before(deadline) { // the timer may have fired as well
				r.answer <- signAnswer{err: errNotKept}
				return
			}
			signature, err := a.sign(r.ctx, key, r.what)
			r.answer <- signAnswer{signature, err}
			if err != nil {
				return // the caller has the error
			}
			timer.Reset(min(idle, time.Until(deadline)))
		case <-timer.C:
			k.timedOut = true
			return
		case <-life.Done():
			return
		}
	}
}

// sign signs with the kept card. It returns errNotKept if no card is kept any more, also if
// this call is what ended it: the PIN has to be asked for again. It joins every other error
// to that of logging the card out.
func (k *keptCard) sign(ctx context.Context, what toSign) ([]byte, error) {
	if k == nil {
		return nil, errNotKept
	}
	answers := make(chan signAnswer, 1)
	select {
	case k.requests <- signRequest{ctx, what, answers}:
	case <-k.done:
		return nil, errNotKept
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	got := <-answers
	if got.err == nil {
		return got.signature, nil
	}
	<-k.done // the card is logged out before anyone else uses it
	switch {
	case ctx.Err() != nil:
		return nil, applet.Join(ctx.Err(), k.err)
	case errors.Is(got.err, apdu.StatusSecurityNotSatisfied):
		return nil, errNotKept // the card forgot the PIN
	case errors.Is(got.err, ErrNoPossession), errors.Is(got.err, ErrNoPSS):
		return nil, applet.Join(got.err, k.err)
	}
	return nil, errNotKept // the connection is lost
}

// logOut stops keeping the card unlocked. It fails if the card could not be logged out.
func (k *keptCard) logOut() error {
	if k == nil {
		return nil
	}
	k.end()
	<-k.done
	return k.err
}
