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

// How long a call of PC/SC may take before its caller is let go. A call that
// takes longer than its caller's context is given up before.
const (
	connectWithin  = 10 * time.Second
	beginWithin    = 30 * time.Second // behind another program's transaction
	transmitWithin = 30 * time.Second // a signature takes about a second
	closeWithin    = 2 * time.Second

	explainWithin = time.Second
	explainEvery  = 25 * time.Millisecond
)

// session is a connection to a card, with a context and a goroutine of its
// own. The goroutine runs one call after the other; when the session is over,
// it takes everything down.
type session struct {
	jobs chan func()
	over chan struct{} // closed when no further call is taken
	down chan struct{} // closed when everything is taken down
	once sync.Once     // closes over

	// Used by the goroutine only.
	scope  scope
	card   handle
	depth  int   // of our transaction; 0: there is none
	sent   bool  // a command was sent, so there may be something to forget
	secret bool  // among them one with a secret
	lost   error // why the card is not the one any more that was connected

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
				s.takeDown()
				return
			}
		}
	}()
	return s
}

// call runs f on the session's goroutine. If ctx or the session ends or the
// limit passes first, the session is given up, and f's results must not be
// looked at. taken tells whether f runs or ran.
func (s *session) call(ctx context.Context, limit time.Duration, late error, f func() error) (taken bool, err error) {
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
		s.giveUp()
		return true, ctx.Err()
	case <-timer.C:
		s.giveUp()
		return true, tooLate()
	}
}

// giveUp lets the goroutine take everything down when it is through with what
// it does.
func (s *session) giveUp() { s.once.Do(func() { close(s.over) }) }

// takeDown ends the connection and the context. If a command was sent it cuts
// the card's power. A transaction ends with the connection, not before: nobody
// comes between while the card may be verified. With KeepPower it ends before, for
// PC/SC may reset a card whose transaction ends with its context. After a removed
// card some of it fails, and that is no news.
func (s *session) takeDown() {
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

// open is the session's first call.
func (s *session) open(ctx context.Context, b binding, name string) error {
	var atr []byte
	_, err := s.call(ctx, connectWithin, reader.ErrBusy, func() (err error) {
		if s.scope, err = b.establish(); err != nil {
			return serviceError("SCardEstablishContext", err)
		}
		if err = s.connect(name); err != nil {
			return connectError(err)
		}
		// Without an ATR a card works as well: it is known by its applications.
		atr, _ = s.card.status()
		return nil
	})
	if err == nil {
		s.atr = answerToReset(atr)
	}
	return err
}

// onCard does f, on the session's goroutine, while the card is the one that was
// connected: a session does not go on with the next card, whatever the system
// would let it do.
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

// connect connects, and again where that may help: a card that was just put in
// may not be ready, and another program may have it for itself for a moment.
// Nothing was sent yet, so nothing can go wrong by it.
func (s *session) connect(name string) (err error) {
	for waited := time.Duration(0); ; waited += settleEvery {
		s.card, err = s.scope.connect(name)
		var code Code
		if !errors.As(err, &code) || waited >= settles[code] {
			return err
		}
		select {
		case <-time.After(settleEvery):
		case <-s.over:
			return err
		}
	}
}

// settles is how long to wait for what a code says to pass.
var settles = map[Code]time.Duration{
	codeSharingViolation: time.Second,
	codeNoSmartcard:      250 * time.Millisecond, // often true
	codeUnresponsiveCard: 500 * time.Millisecond,
	// pcscd says so from when a program connected while another's disconnecting
	// cut the power until it has looked two or three times more.
	codeUnpoweredCard: 1500 * time.Millisecond,
	codeNotReady:      500 * time.Millisecond,
}

const settleEvery = 25 * time.Millisecond

func (s *session) ATR() []byte { return s.atr }

// KeepPower implements reader.PowerKeeper.
func (s *session) KeepPower() { s.keepPower.Store(true) }

func (s *session) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < 4 {
		return nil, apdu.ErrCommand // the binding panics on none
	}
	// The caller may wipe its bytes as soon as we return; PC/SC may still be
	// sending then.
	own := bytes.Clone(command)
	var response []byte
	taken, err := s.call(ctx, transmitWithin, reader.ErrTransport, func() error {
		defer clear(own)
		return s.onCard(func() (err error) {
			response, err = s.exchange(own)
			return err
		})
	})
	if !taken {
		clear(own)
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// exchange sends a command, on the session's goroutine.
func (s *session) exchange(command []byte) ([]byte, error) {
	s.sent = true
	s.secret = s.secret || carriesSecret(command)
	answer, err := s.card.transmit(command)
	if err != nil {
		return nil, s.explain(cardError("SCardTransmit", err))
	}
	if len(answer) < 2 {
		// PC/SC reports success when a card is pulled while it computes.
		return nil, s.explain(fmt.Errorf("%w: answer of %d bytes", reader.ErrTransport, len(answer)))
	}
	// The binding's buffer holds 64 KiB; what is kept should not.
	return bytes.Clone(answer), nil
}

// carriesSecret also holds for what is no command of ISO/IEC 7816-4.
func carriesSecret(command []byte) bool {
	parsed, err := apdu.ParseCommand(command)
	return err != nil || parsed.Secret()
}

// explain looks for the cause of a failed exchange: where the card was pulled
// PC/SC may report a failure first and the removal when it looks the next
// time, two to three times a second.
func (s *session) explain(err error) error {
	if !errors.Is(err, reader.ErrTransport) {
		return err
	}
	for range int(explainWithin / explainEvery) {
		if _, status := s.card.status(); status != nil {
			// A status that fails as well explains nothing.
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
					_ = s.card.end() // it may have begun all the same
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
	case errors.Is(err, codeNotTransacted), // as after the system slept
		errors.Is(err, reader.ErrRemoved), errors.Is(err, reader.ErrChanged),
		errors.Is(err, reader.ErrNoService), errors.Is(err, reader.ErrClosed):
		return nil // the transaction went with the card
	}
	return err
}

// Close waits a moment for a call that was given up, and for another program's
// transaction: only after that can the card's power be cut.
func (s *session) Close() error {
	s.giveUp()
	select {
	case <-s.down:
		return nil
	case <-time.After(closeWithin):
		return fmt.Errorf("%w: the connection ends when PC/SC lets it", reader.ErrBusy)
	}
}
