package jpki

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
)

// errNotHeld: no card is kept verified, or no longer.
var errNotHeld = errors.New("no card is kept verified")

// session is a card that is kept verified, by a goroutine in the middle of [Do].
type session struct {
	requests chan request
	end      context.CancelFunc
	over     chan struct{} // closed at its end
	err      error         // after that
	passed   bool          // its time has passed; the goroutine's own
}

type request struct {
	ctx    context.Context
	what   toSign
	answer chan<- answer
}

type answer struct {
	signature []byte
	err       error
}

// hold keeps a card verified after first has used it. The ctx is first's, and
// the session's no longer.
func (s *Signer) hold(ctx context.Context, first func(context.Context, *Application) error, forCard Option) (*session, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end)
	h := &session{requests: make(chan request), end: end, over: make(chan struct{})}
	begun := make(chan struct{})
	over := time.Now().Add(s.config.limit)
	go func() {
		defer close(h.over)
		defer end()
		h.err = s.do(life, func(a *Application) error {
			if err := first(life, a); err != nil {
				return err
			}
			if !stop() {
				return ctx.Err()
			}
			close(begun)
			return h.serve(life, a, s, over)
		}, forCard)
		if h.passed && errors.Is(h.err, ErrStillVerified) && s.config.report != nil {
			s.config.report(h.err)
		}
	}()
	select {
	case <-begun:
		return h, nil
	case <-h.over:
		stop()
		if h.err != nil && ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", ctx.Err(), h.err)
		}
		return nil, h.err
	}
}

// serve signs until nobody asks for a time, until over, or until something fails.
func (h *session) serve(life context.Context, a *Application, s *Signer, over time.Time) error {
	side, key, idle := s.side, s.key, s.config.idle
	timer := time.NewTimer(min(idle, time.Until(over)))
	defer timer.Stop()
	for {
		select {
		case r := <-h.requests:
			if !time.Now().Before(over) { // the timer may have fired as well
				r.answer <- answer{err: errNotHeld}
				return nil
			}
			signature, err := a.sign(r.ctx, side, key, r.what)
			r.answer <- answer{signature, err}
			if err != nil {
				return nil // told to who asked
			}
			timer.Reset(min(idle, time.Until(over)))
		case <-timer.C:
			h.passed = true
			return nil
		case <-life.Done():
			return nil
		}
	}
}

// sign signs in the session. It fails with errNotHeld after the session's end, also
// if it ends by that: then the PIN has to be asked for again. Any other error comes
// joined with what leave returns.
func (h *session) sign(ctx context.Context, what toSign) ([]byte, error) {
	if h == nil {
		return nil, errNotHeld
	}
	answers := make(chan answer, 1)
	select {
	case h.requests <- request{ctx, what, answers}:
	case <-h.over:
		return nil, errNotHeld
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	got := <-answers
	if got.err == nil {
		return got.signature, nil
	}
	<-h.over // the card is logged out, before anybody else is let to it
	switch {
	case ctx.Err() != nil:
		return nil, both(ctx.Err(), h.err)
	case errors.Is(got.err, apdu.StatusSecurityNotSatisfied):
		return nil, errNotHeld // the card forgot
	case errors.Is(got.err, ErrNoPossession), errors.Is(got.err, ErrNoPSS):
		return nil, both(got.err, h.err)
	}
	return nil, errNotHeld // the connection is lost
}

// leave ends the session, and fails if the card could not be logged out.
func (h *session) leave() error {
	if h == nil {
		return nil
	}
	h.end()
	<-h.over
	return h.err
}
