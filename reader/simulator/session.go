package simulator

import (
	"bytes"
	"context"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
)

// session is one connection to the card in a reader.
type session struct {
	reader *Reader
	card   *Card
	life   *life

	// Guarded by the driver's mutex.
	sent      bool // a command was sent, so the card has state to clear
	secret    bool // a command with a secret was sent
	keepPower bool
	closed    bool // closed or abandoned
	depth     int  // of nested transactions, while the session owns the card
}

var (
	_ reader.Card        = (*session)(nil)
	_ reader.PowerKeeper = (*session)(nil)
)

func (s *session) ATR() []byte { return s.card.ATR() }

// KeepPower implements reader.PowerKeeper.
func (s *session) KeepPower() {
	defer s.reader.lock()()
	s.keepPower = true
}

// cutsPower reports whether the card's power is cut when the session ends.
func (s *session) cutsPower() bool { return s.secret || s.sent && !s.keepPower }

// check returns the reason why the session is over, or nil if it is not.
func (s *session) check() error {
	if s.closed {
		return reader.ErrClosed
	}
	return s.life.cause
}

// wait blocks until s (nil: a new session) may use the card, and then calls act with the
// driver's mutex held. Like pcscd it blocks while another session has a transaction.
func (r *Reader) wait(ctx context.Context, s *session, act func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mu := &r.driver.mu
	mu.Lock()
	defer mu.Unlock()
	for {
		r.resetIdle()
		if s != nil {
			if err := s.check(); err != nil {
				return err
			}
		}
		if r.freeFor(s) {
			return act()
		}
		changed := r.changed
		mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// join connects to the card. It blocks while a session has a transaction.
func (r *Reader) join(ctx context.Context) (s *session, err error) {
	err = r.wait(ctx, nil, func() (err error) {
		s, err = r.connect()
		return err
	})
	return s, err
}

// end ends the session. If it sent anything, the card's power is cut as soon as no other
// session uses the card, also if another program has reset the card.
func (s *session) end() {
	r := s.reader
	if !s.closed {
		r.open--
	}
	reset := s.life.cause == reader.ErrChanged && r.card == s.card
	if s.closed || s.life.cause != nil && !reset {
		s.closed = true
		return
	}
	s.closed = true
	if r.owner == s {
		r.owner = nil
	}
	r.cut = r.cut || s.cutsPower()
	r.released()
}

func (s *session) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < 4 {
		return nil, apdu.ErrCommand
	}
	return s.perform(ctx, Transmit, command, func() ([]byte, error) { return s.exchange(ctx, command) })
}

// perform performs an operation of the session. If ctx ends during it, the session ends.
// If the session ends during it, perform returns the reason instead of the response.
func (s *session) perform(ctx context.Context, on Operation, command []byte, next func() ([]byte, error)) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	response, err := s.reader.perform(ctx, on, command, next)
	defer s.reader.lock()()
	if err != nil && ctx.Err() != nil {
		s.end()
		return nil, ctx.Err()
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// exchange sends the command to the card.
func (s *session) exchange(ctx context.Context, command []byte) ([]byte, error) {
	r := s.reader
	err := r.wait(ctx, s, func() error {
		parsed, parseErr := apdu.ParseCommand(command)
		r.active, s.sent = s, true
		s.secret = s.secret || parseErr != nil || parsed.Secret()
		return nil
	})
	if err != nil {
		return nil, err
	}

	own := bytes.Clone(command) // the caller may wipe the command when exchange returns
	answers := make(chan []byte, 1)
	go func() {
		answer := s.card.Exchange(own)
		clear(own)
		r.driver.mu.Lock()
		if r.active == s {
			r.active = nil
			r.touch()
			r.released()
		}
		r.driver.mu.Unlock()
		answers <- answer
	}()
	select {
	case answer := <-answers:
		switch {
		case answer != nil:
			return answer, nil
		case isOver(s.life):
			return nil, s.life.cause
		}
		return nil, reader.ErrTransport
	case <-s.life.over:
		return nil, s.life.cause
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func isOver(l *life) bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

func (s *session) Begin(ctx context.Context) error {
	begun := false
	_, err := s.perform(ctx, Begin, nil, func() ([]byte, error) {
		err := s.begin(ctx)
		begun = err == nil
		return nil, err
	})
	if err != nil && begun { // begun, but a fault returned an error
		_ = s.End()
	}
	return err
}

func (s *session) begin(ctx context.Context) error {
	return s.reader.wait(ctx, s, func() error {
		if s.reader.owner != s {
			s.reader.owner, s.depth = s, 0
		}
		s.depth++
		s.reader.touch()
		return nil
	})
}

func (s *session) End() error {
	defer s.reader.lock()()
	if s.reader.owner != s {
		return nil
	}
	if s.depth--; s.depth == 0 {
		s.reader.owner = nil
		s.reader.released()
	}
	return nil
}

func (s *session) Close() error {
	defer s.reader.lock()()
	s.end()
	if s.reader.cut && s.cutsPower() && s.reader.card == s.card {
		return reader.ErrBusy
	}
	return nil
}
