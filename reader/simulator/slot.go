package simulator

import (
	"context"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

// Reader is a simulated reader: a slot that takes one card.
type Reader struct {
	driver *Driver
	name   string

	// All of these are guarded by driver.mu.
	card  *Card
	count uint64   // insertions and removals
	life  *life    // of the card while it has power
	owner *session // who has the transaction
	freed chan struct{}
}

// life is a card's time from one power-up to the next; sessions begin in one
// and end with it.
type life struct{ end error }

// Name is the reader's name in its driver.
func (r *Reader) Name() string { return r.name }

// ErrOccupied is returned when a card is inserted where one is.
var ErrOccupied = errors.New("simulated reader holds a card already")

// Insert puts a card in. One card should be in one reader at a time.
func (r *Reader) Insert(card *Card) error {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	if r.card != nil {
		return ErrOccupied
	}
	r.card = card
	r.count++
	r.driver.publish()
	return nil
}

// Remove takes the card out and returns it, nil if there was none. Sessions
// with it fail with reader.ErrRemoved.
func (r *Reader) Remove() *Card {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	card := r.eject()
	r.driver.publish()
	return card
}

func (r *Reader) eject() *Card {
	card := r.card
	if card == nil {
		return nil
	}
	card.PowerOff()
	r.card = nil
	r.count++
	r.die(reader.ErrRemoved)
	return card
}

// interrupt is what a stopping or starting service does to a reader.
func (r *Reader) interrupt() {
	if r.card != nil {
		r.card.PowerOff()
	}
	r.die(reader.ErrNoService)
}

// die ends all sessions with the card.
func (r *Reader) die(cause error) {
	if r.life != nil {
		r.life.end = cause
		r.life = nil
	}
	r.release(r.owner)
}

// release ends the transaction of s, if it is the owner, and wakes who waits.
func (r *Reader) release(s *session) {
	if s == nil || r.owner != s {
		return
	}
	r.owner = nil
	close(r.freed)
}

func (r *Reader) describe() feed.Slot {
	slot := feed.Slot{Reader: reader.Reader{Name: r.name, Present: r.card != nil}, Count: r.count}
	if r.card != nil {
		slot.ATR = r.card.ATR()
	}
	return slot
}

func (r *Reader) connect() (*session, error) {
	if r.driver.stopped {
		return nil, reader.ErrNoService
	}
	if r.card == nil {
		return nil, fmt.Errorf("%w %q", reader.ErrNoCard, r.name)
	}
	if r.life == nil {
		r.card.PowerOn()
		r.life = &life{}
	}
	return &session{reader: r, card: r.card, life: r.life}, nil
}

// wait calls act, with the driver's mutex held, as soon as nobody but s (nil:
// nobody at all) has the reader's transaction. Like pcscd it holds up whoever
// comes meanwhile, to connect, begin or transmit.
func (r *Reader) wait(ctx context.Context, s *session, act func() error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		freed, err := r.attempt(s, act)
		if freed == nil {
			return err
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// attempt calls act, or returns what will be closed when it is worth another
// attempt.
func (r *Reader) attempt(s *session, act func() error) (freed chan struct{}, err error) {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	if s != nil {
		if err := s.check(); err != nil {
			return nil, err
		}
	}
	if r.owner != nil && r.owner != s {
		return r.freed, nil
	}
	return nil, act()
}

// session is one connection to the card in a reader.
type session struct {
	reader *Reader
	card   *Card
	life   *life
	closed bool // guarded by the driver's mutex
}

var _ reader.Card = (*session)(nil)

func (s *session) ATR() []byte { return s.card.ATR() }

// check tells why the session is over, nil if it is not.
func (s *session) check() error {
	if s.closed {
		return reader.ErrClosed
	}
	return s.life.end
}

func (s *session) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < 4 {
		return nil, apdu.ErrCommand
	}
	if err := s.reader.wait(ctx, s, func() error { return nil }); err != nil {
		return nil, err
	}
	// The card has a lock of its own: a signature takes time, and other
	// readers go on meanwhile.
	response := s.card.Exchange(command)
	if response == nil {
		s.reader.driver.mu.Lock()
		defer s.reader.driver.mu.Unlock()
		if err := s.check(); err != nil {
			return nil, err
		}
		return nil, reader.ErrTransport
	}
	return response, nil
}

func (s *session) Begin(ctx context.Context) error {
	return s.reader.wait(ctx, s, func() error {
		if s.reader.owner == nil {
			s.reader.owner = s
			s.reader.freed = make(chan struct{})
		}
		return nil
	})
}

func (s *session) End() error {
	s.reader.driver.mu.Lock()
	defer s.reader.driver.mu.Unlock()
	s.reader.release(s)
	return nil
}

// Close cuts the card's power, which ends the sessions of others with it too.
func (s *session) Close() error {
	s.reader.driver.mu.Lock()
	defer s.reader.driver.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.reader.release(s)
	if s.life.end == nil {
		s.card.PowerOff()
		s.reader.die(reader.ErrChanged)
	}
	return nil
}
