package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
)

// Time limits for calls of PC/SC, after which the caller stops waiting. The caller's
// context may end earlier.
const (
	connectWithin  = 10 * time.Second
	beginWithin    = 30 * time.Second // behind another program's transaction
	transmitWithin = 30 * time.Second // a signature takes about a second
	closeWithin    = 2 * time.Second

	explainWithin = time.Second
	explainEvery  = 25 * time.Millisecond
)

// session is a connection to a card with its own PC/SC context and goroutine. The
// goroutine runs one call at a time. When the session ends, it releases everything.
type session struct {
	jobs chan func()
	over chan struct{} // closed when no further call is accepted
	down chan struct{} // closed when everything is released
	once sync.Once     // closes over

	// Used by the goroutine only.
	scope  scope
	card   handle
	depth  int   // nesting depth of the transaction; 0: no transaction
	sent   bool  // a command was sent, so the card may be unlocked
	secret bool  // a command with a secret was sent
	lost   error // why the connected card is no longer available

	keepPower atomic.Bool

	atr []byte // set by open
}

var (
	_ reader.Card        = (*session)(nil)
	_ reader.PowerKeeper = (*session)(nil)
)

func newSession() *session {
	s := &session{jobs: make(chan func()), over: make(chan struct{}), down: make(chan struct{})}
	go func() {
		defer close(s.down)
		for {
			select {
			case job := <-s.jobs:
				job()
			case <-s.over:
				s.release()
				return
			}
		}
	}()
	return s
}

// call runs f on the session's goroutine. If ctx or the session ends or the limit is
// reached first, the session is abandoned and the caller must not read results of f.
// started reports whether f was started.
func (s *session) call(ctx context.Context, limit time.Duration, late error, f func() error) (started bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	tooLate := func() error { return fmt.Errorf("%w: no answer from PC/SC within %s", late, limit) }

	result := make(chan error, 1)
	select {
	case <-s.over:
		return false, reader.ErrClosed
	default:
	}
	select {
	case s.jobs <- func() { result <- f() }:
	case <-s.over:
		return false, reader.ErrClosed
	case <-ctx.Done():
		return false, ctx.Err()
	case <-timer.C:
		return false, tooLate()
	}
	select {
	case err := <-result:
		return true, err
	case <-s.over:
		return true, reader.ErrClosed
	case <-ctx.Done():
		s.abandon()
		return true, ctx.Err()
	case <-timer.C:
		s.abandon()
		return true, tooLate()
	}
}

// abandon makes the goroutine release everything after its current call.
func (s *session) abandon() { s.once.Do(func() { close(s.over) }) }

// release closes the connection and the context. If a command was sent, it cuts the
// card's power. The transaction ends with the connection and not before, so that no
// other program gets the card while it may be unlocked. With KeepPower the transaction
// ends before the connection, since PC/SC may reset a card whose transaction ends with
// its context. Errors are ignored: some calls fail after the card was removed.
func (s *session) release() {
	if s.card != nil {
		cut := s.secret || s.sent && !s.keepPower.Load()
		if !cut && s.depth > 0 {
			_ = s.card.end()
		}
		_ = s.card.disconnect(cut)
	}
	if s.scope != nil {
		_ = s.scope.release()
	}
}

// open connects to the card in the named reader, in the spare context if there is one.
func (s *session) open(ctx context.Context, b binding, kept *spare, name string) error {
	var atr []byte
	_, err := s.call(ctx, connectWithin, reader.ErrBusy, func() error {
		if err := s.connectIn(kept.take(), b, name); err != nil {
			return err
		}
		// The ATR is optional, since a card is recognized by its applications.
		atr, _ = s.card.status()
		return nil
	})
	if err == nil {
		s.atr = answerToReset(atr)
	}
	return err
}

// connectIn connects to the card in the given context. If that is nil, or the service has
// stopped since it was established, connectIn establishes one.
func (s *session) connectIn(kept scope, b binding, name string) (err error) {
	if s.scope = kept; kept != nil {
		err := connectError(s.connect(name))
		if !errors.Is(err, reader.ErrNoService) {
			return err
		}
		_ = kept.release()
	}
	if s.scope, err = b.establish(); err != nil {
		return serviceError("SCardEstablishContext", err)
	}
	return connectError(s.connect(name))
}

// onCard runs f on the session's goroutine unless the connected card was lost before. A
// session does not continue with another card, even if the system would allow it.
func (s *session) onCard(f func() error) error {
	if s.lost != nil {
		return s.lost
	}
	err := f()
	if errors.Is(err, reader.ErrRemoved) || errors.Is(err, reader.ErrChanged) || errors.Is(err, reader.ErrNoService) {
		s.lost = err
	}
	return err
}

// connect connects to the card and retries errors that may be temporary: a card that was
// just inserted may not be ready, and another program may briefly have exclusive access.
// Retrying is safe because no command was sent yet.
func (s *session) connect(name string) (err error) {
	for waited := time.Duration(0); ; waited += retryEvery {
		s.card, err = s.scope.connect(name)
		var code Code
		if !errors.As(err, &code) || waited >= retryWithin[code] {
			return err
		}
		select {
		case <-time.After(retryEvery):
		case <-s.over:
			return err
		}
	}
}

// retryWithin is how long connecting is retried after a code.
var retryWithin = map[Code]time.Duration{
	codeSharingViolation: time.Second,
	codeNoSmartcard:      250 * time.Millisecond, // short, since it is often true
	codeUnresponsiveCard: 500 * time.Millisecond,
	// pcscd returns this after a program connects while another one cuts the power
	// by disconnecting, until pcscd has polled the reader two or three times.
	codeUnpoweredCard: 1500 * time.Millisecond,
	codeNotReady:      500 * time.Millisecond,
}

const retryEvery = 25 * time.Millisecond

func (s *session) ATR() []byte { return s.atr }

// KeepPower implements reader.PowerKeeper.
func (s *session) KeepPower() { s.keepPower.Store(true) }

func (s *session) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < 4 {
		return nil, apdu.ErrCommand // the binding panics on an empty command
	}
	// The caller may wipe its bytes after Transmit has returned, while PC/SC may
	// still be sending them.
	own := bytes.Clone(command)
	var response []byte
	started, err := s.call(ctx, transmitWithin, reader.ErrTransport, func() error {
		defer clear(own)
		return s.onCard(func() (err error) {
			response, err = s.exchange(own)
			return err
		})
	})
	if !started {
		clear(own)
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// exchange sends a command. It runs on the session's goroutine.
func (s *session) exchange(command []byte) ([]byte, error) {
	s.sent = true
	s.secret = s.secret || carriesSecret(command)
	response, err := s.card.transmit(command)
	if err != nil {
		return nil, s.explain(cardError("SCardTransmit", err))
	}
	if len(response) < 2 {
		// PC/SC reports success if a card is removed while it computes.
		return nil, s.explain(fmt.Errorf("%w: response of %d bytes", reader.ErrTransport, len(response)))
	}
	// The clone does not keep the binding's buffer of 64 KiB alive.
	return bytes.Clone(response), nil
}

// carriesSecret reports whether a command may hold a secret. Commands that can't be
// parsed may.
func carriesSecret(command []byte) bool {
	parsed, err := apdu.ParseCommand(command)
	return err != nil || parsed.Secret()
}

// explain returns the cause of a failed exchange. If the card was removed, PC/SC may
// report a general failure first and the removal only when it polls the reader again,
// two or three times a second.
func (s *session) explain(err error) error {
	if !errors.Is(err, reader.ErrTransport) {
		return err
	}
	for range int(explainWithin / explainEvery) {
		if _, status := s.card.status(); status != nil {
			// A general failure does not explain the first one.
			if cause := cardError("SCardTransmit", status); !errors.Is(cause, reader.ErrTransport) {
				return cause
			}
		}
		select {
		case <-time.After(explainEvery):
		case <-s.over:
			return err
		}
	}
	return err
}

func (s *session) Begin(ctx context.Context) error {
	_, err := s.call(ctx, beginWithin, reader.ErrBusy, func() error {
		return s.onCard(func() error {
			if s.depth == 0 {
				if err := s.card.begin(); err != nil {
					_ = s.card.end() // the transaction may have begun nevertheless
					return cardError("SCardBeginTransaction", err)
				}
			}
			s.depth++
			return nil
		})
	})
	return err
}

func (s *session) End() error {
	_, err := s.call(context.Background(), transmitWithin, reader.ErrTransport, func() error {
		if s.depth == 0 {
			return nil
		}
		if s.depth--; s.depth > 0 {
			return nil
		}
		return cardError("SCardEndTransaction", s.card.end())
	})
	switch {
	case errors.Is(err, codeNotTransacted), // for example after the system was suspended
		errors.Is(err, reader.ErrRemoved), errors.Is(err, reader.ErrChanged),
		errors.Is(err, reader.ErrNoService), errors.Is(err, reader.ErrClosed):
		return nil // the transaction has already ended
	}
	return err
}

// Close waits up to closeWithin for an abandoned call and for another program's
// transaction to end, since the card's power can only be cut after that.
func (s *session) Close() error {
	s.abandon()
	select {
	case <-s.down:
		return nil
	case <-time.After(closeWithin):
		return fmt.Errorf("%w: the connection closes as soon as PC/SC allows it", reader.ErrBusy)
	}
}
