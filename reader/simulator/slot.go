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

	// All of these are guarded by driver.mu.
	card    *Card
	count   uint64        // insertions and removals
	life    *life         // of the card while it has power
	owner   *session      // who has the transaction
	active  *session      // who has a command under way
	used    time.Time     // when the owner last used the card, by the driver's clock
	open    int           // sessions that were not closed
	cut     bool          // cut the power as soon as nobody has the card
	changed chan struct{} // closed when one of these changes
	faults  []*rule
}

// life is a card's time from one power-up to the next; sessions begin in one
// and end with it.
type life struct {
	over  chan struct{}
	cause error // set before over is closed
}

func newLife() *life { return &life{over: make(chan struct{})} }

func newReader(d *Driver, name string) *Reader {
	return &Reader{driver: d, name: name, changed: make(chan struct{})}
}

// Name is the reader's name in its driver.
func (r *Reader) Name() string { return r.name }

// Card is the card in the reader, nil if there is none.
func (r *Reader) Card() *Card {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	return r.card
}

// InUse tells what programs still have of the reader: how many connections
// were not closed, those to cards that are gone among them, and whether one of
// them has a transaction. After a test both should be nothing.
func (r *Reader) InUse() (connections int, transaction bool) {
	defer r.lock()()
	return r.open, r.owner != nil
}

// Driver is the driver that the reader belongs to.
func (r *Reader) Driver() *Driver { return r.driver }

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
	r.driver.publish(r)
	return nil
}

// Remove takes the card out and returns it, nil if there was none. Sessions
// with it fail with reader.ErrRemoved, also those that wait for an answer.
func (r *Reader) Remove() *Card {
	r.driver.mu.Lock()
	card := r.takeOut()
	r.driver.publish(r)
	r.driver.mu.Unlock()
	powerOff(card)
	return card
}

// takeOut takes the card out, without telling the watchers; driver.mu is held.
func (r *Reader) takeOut() *Card {
	card := r.card
	if card != nil {
		r.card = nil
		r.count++
		r.die(reader.ErrRemoved)
	}
	return card
}

// powerOff cuts the power of a card that was taken out, if there was one. It waits for
// a command under way; nobody waits for it.
func powerOff(card *Card) {
	if card != nil {
		card.PowerOff()
	}
}

// die ends all sessions with the card.
func (r *Reader) die(cause error) {
	if r.life != nil {
		r.life.cause = cause
		close(r.life.over)
		r.life = nil
	}
	r.owner, r.active, r.cut = nil, nil, false
	r.wake()
}

// wake tells who waits for the card to look again.
func (r *Reader) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// settle does, after somebody let go of the card, what had to wait for that.
func (r *Reader) settle() {
	if r.cut && r.owner == nil && r.active == nil {
		r.card.PowerOff()
		r.die(reader.ErrChanged)
		return
	}
	r.wake()
}

// touch notes that the owner uses the card.
func (r *Reader) touch() {
	if r.driver.now != nil {
		r.used = r.driver.now()
	}
}

// lock locks the driver for whoever comes to the card, who finds an idle
// transaction ended.
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

// reset is a warm reset, for everybody's session with the card, which keeps its
// power and with that what was verified. Power that was to be cut is cut now.
func (r *Reader) reset() {
	if r.life == nil {
		return
	}
	cut := r.cut
	r.die(reader.ErrChanged)
	if cut {
		r.card.PowerOff()
		return
	}
	r.card.Reset()
	r.life = newLife()
}

// freeFor tells whether a session (nil: a new one) may use the card now.
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
