package simulator

import (
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

// Reader is a simulated reader: a slot that takes one card.
type Reader struct {
	driver *Driver
	name   string
	number uint64 // readers are listed in this order

	// These are guarded by driver.mu.
	card    *Card
	count   uint64        // insertions and removals
	life    *life         // nil while the card has no power
	owner   *session      // has the transaction
	active  *session      // has a command in progress
	used    time.Time     // when the owner last used the card, by the driver's clock
	open    int           // sessions that were not closed
	cut     bool          // cut the power as soon as no session uses the card
	changed chan struct{} // closed when one of these changes
	faults  []*rule
}

// life is the time from one power-up or reset of a card to the next. A session lasts no
// longer than the life in which it began.
type life struct {
	over  chan struct{}
	cause error // set before over is closed
}

func newLife() *life { return &life{over: make(chan struct{})} }

func newReader(d *Driver, name string) *Reader {
	return &Reader{driver: d, name: name, changed: make(chan struct{})}
}

// Name returns the reader's name in its driver.
func (r *Reader) Name() string { return r.name }

// Card returns the card in the reader, or nil if there is none.
func (r *Reader) Card() *Card {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	return r.card
}

// InUse returns the number of connections that were not closed, including those to
// removed cards, and whether one of them has a transaction. It returns 0 and false if the
// code under test has closed what it opened.
func (r *Reader) InUse() (connections int, transaction bool) {
	defer r.lock()()
	return r.open, r.owner != nil
}

// Driver returns the driver that the reader belongs to.
func (r *Reader) Driver() *Driver { return r.driver }

// ErrOccupied reports that a card was inserted into a reader that holds one.
var ErrOccupied = errors.New("simulated reader already holds a card")

// Insert inserts a card. It returns [ErrOccupied] if the reader holds one. A card must not
// be in two readers at once.
func (r *Reader) Insert(card *Card) error {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	if r.card != nil {
		return ErrOccupied
	}
	r.card = card
	r.count++
	r.driver.publish(r)
	return nil
}

// Remove removes the card and returns it, or nil if there was none. Begin and Transmit of
// connections to it return reader.ErrRemoved, including calls that are waiting.
func (r *Reader) Remove() *Card {
	r.driver.mu.Lock()
	card := r.takeOut()
	r.driver.publish(r)
	r.driver.mu.Unlock()
	powerOff(card)
	return card
}

// takeOut removes the card without publishing that; driver.mu is held.
func (r *Reader) takeOut() *Card {
	card := r.card
	if card != nil {
		r.card = nil
		r.count++
		r.endLife(reader.ErrRemoved)
	}
	return card
}

// powerOff cuts the power of a removed card, if there was one. It blocks until a command
// in progress ends, so it must be called without driver.mu.
func powerOff(card *Card) {
	if card != nil {
		card.PowerOff()
	}
}

// endLife ends all sessions with the card.
func (r *Reader) endLife(cause error) {
	if r.life != nil {
		r.life.cause = cause
		close(r.life.over)
		r.life = nil
	}
	r.owner, r.active, r.cut = nil, nil, false
	r.wake()
}

// wake wakes all sessions that wait for the card.
func (r *Reader) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// released is called when a session stops using the card. It cuts the power if that is
// due, and wakes the sessions that wait.
func (r *Reader) released() {
	if r.cut && r.owner == nil && r.active == nil {
		r.card.PowerOff()
		r.endLife(reader.ErrChanged)
		return
	}
	r.wake()
}

// touch records that the owner uses the card now.
func (r *Reader) touch() {
	if r.driver.now != nil {
		r.used = r.driver.now()
	}
}

// lock locks the driver for an access to the card, and resets an idle card first.
func (r *Reader) lock() (unlock func()) {
	r.driver.mu.Lock()
	r.resetIdle()
	return r.driver.mu.Unlock
}

// resetIdle resets a card whose transaction has been idle for too long.
func (r *Reader) resetIdle() {
	if r.driver.now == nil || r.owner == nil || r.active != nil || r.driver.now().Sub(r.used) <= idleLimit {
		return
	}
	r.reset()
}

// reset performs a warm reset, which ends all sessions with the card. The card keeps its
// power and stays unlocked, unless a cut of the power is due: that happens now.
func (r *Reader) reset() {
	if r.life == nil {
		return
	}
	cut := r.cut
	r.endLife(reader.ErrChanged)
	if cut {
		r.card.PowerOff()
		return
	}
	r.card.Reset()
	r.life = newLife()
}

// freeFor reports whether a session (nil: a new one) may use the card now.
func (r *Reader) freeFor(s *session) bool {
	return r.active == nil && (r.owner == nil || r.owner == s)
}

func (r *Reader) describe() feed.Slot {
	slot := feed.Slot{Reader: reader.Reader{Name: r.name, Present: r.card != nil, Changes: r.count}}
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
		r.life = newLife()
	}
	r.open++
	return &session{reader: r, card: r.card, life: r.life}, nil
}
