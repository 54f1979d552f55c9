package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
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
// own. The goroutine runs one call after the other; the last one takes
// everything down.
type session struct {
	jobs chan func()
	down chan struct{} // closed when everything is taken down

	mu    sync.Mutex
	ended bool // no further call is taken

	// Used by the goroutine only, until Connect has returned.
	scope scope
	card  handle
	atr   []byte
}

var _ reader.Card = (*session)(nil)

func newSession() *session {
	s := &session{jobs: make(chan func()), down: make(chan struct{})}
	go func() {
		defer close(s.down)
		for job := range s.jobs {
			job()
		}
		s.takeDown()
	}()
	return s
}

// call runs f on the session's goroutine. If ctx ends or the limit passes
// first, the session is given up, and f's results must not be looked at.
func (s *session) call(ctx context.Context, limit time.Duration, late error, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	result := make(chan error, 1)
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return reader.ErrClosed
	}
	// The goroutine is idle but for a moment: a session has one user.
	s.jobs <- func() { result <- f() }
	s.mu.Unlock()

	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		s.giveUp()
		return ctx.Err()
	case <-timer.C:
		s.giveUp()
		return fmt.Errorf("%w: no answer from PC/SC within %s", late, limit)
	}
}

// giveUp lets the goroutine take everything down when it is through with what
// it does.
func (s *session) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		close(s.jobs)
	}
}

// takeDown ends the connection, cutting the card's power, and the context. A
// transaction ends with the connection, not before: nobody comes between while
// the card may be verified. After a removed card some of it fails, and that is
// no news.
func (s *session) takeDown() {
	if s.card != nil {
		_ = s.card.disconnect()
	}
	if s.scope != nil {
		_ = s.scope.release()
	}
}

// open is the session's first call.
func (s *session) open(ctx context.Context, b binding, name string) error {
	return s.call(ctx, connectWithin, reader.ErrBusy, func() (err error) {
		if s.scope, err = b.establish(); err != nil {
			return serviceError("SCardEstablishContext", err)
		}
		if s.card, err = s.scope.connect(name); err != nil {
			return serviceError("SCardConnect", err)
		}
		// Without an ATR a card works as well: it is known by its applications.
		s.atr, _ = s.card.status()
		return nil
	})
}

func (s *session) ATR() []byte { return s.atr }

func (s *session) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < 4 {
		return nil, apdu.ErrCommand // the binding panics on none
	}
	// The caller may wipe its bytes as soon as we return; PC/SC may still be
	// sending then.
	own := bytes.Clone(command)
	var response []byte
	err := s.call(ctx, transmitWithin, reader.ErrTransport, func() error {
		defer clear(own)
		answer, err := s.card.transmit(own)
		if err != nil {
			return s.explain(cardError("SCardTransmit", err))
		}
		if len(answer) < 2 {
			// PC/SC reports success when a card is pulled while it computes.
			return s.explain(fmt.Errorf("%w: answer of %d bytes", reader.ErrTransport, len(answer)))
		}
		// The binding's buffer holds 64 KiB; what is kept should not.
		response = bytes.Clone(answer)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return response, nil
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
			return cardError("SCardTransmit", status)
		}
		time.Sleep(explainEvery)
	}
	return err
}

func (s *session) Begin(ctx context.Context) error {
	return s.call(ctx, beginWithin, reader.ErrBusy, func() error {
		return cardError("SCardBeginTransaction", s.card.begin())
	})
}

func (s *session) End() error {
	err := s.call(context.Background(), transmitWithin, reader.ErrTransport, func() error {
		return cardError("SCardEndTransaction", s.card.end())
	})
	switch {
	case errors.Is(err, reader.ErrRemoved), errors.Is(err, reader.ErrChanged),
		errors.Is(err, reader.ErrNoService), errors.Is(err, reader.ErrClosed):
		return nil // the transaction went with the card
	}
	return err
}

// Close waits a moment for a call that was given up: only after that can the
// card's power be cut.
func (s *session) Close() error {
	s.giveUp()
	select {
	case <-s.down:
		return nil
	case <-time.After(closeWithin):
		return fmt.Errorf("%w: PC/SC is stuck; the card is let go when it comes back", reader.ErrBusy)
	}
}

func serviceError(call string, err error) error { return meaning(call, err, serviceMeaning) }
func cardError(call string, err error) error    { return meaning(call, err, cardMeaning) }

// meaning wraps a code into an [*Error]; other errors are the binding's own.
func meaning(call string, err error, of func(Code) error) error {
	var code Code
	if !errors.As(err, &code) {
		return err
	}
	return &Error{Call: call, Code: code, kind: of(code)}
}
