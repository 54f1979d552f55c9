// Package reader is where cards come from: readers, the cards in them, and
// what happens to both.
//
// # Where to start
//
// A [Driver] finds readers and connects to the cards in them. There are two:
// package pcsc for real readers and package simulator for readers made of
// software. A program takes a Driver and works with either. [Find] picks the
// one reader that holds the card, [Wait] waits for there to be one, and a [Card]
// is what the other packages send commands to.
//
// # Errors
//
// Drivers report what happened with the errors of this package, wrapped around
// their own: match them with [errors.Is]. A [*AmbiguousError] lists the readers
// when several hold a card: none of them is guessed.
//
// # Concurrency
//
// A Driver may be used by any number of goroutines. A Card belongs to one
// goroutine at a time, except for Close, which may be called from any.
//
// # What is absent
//
// PIN pads, direct control of a reader, and choosing a card by its ATR: a card
// is known by the applications it has.
package reader

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/mykeykit/mykeykit/apdu"
)

// What happens to readers and cards. Each of these stands behind a driver's
// own error and is matched with [errors.Is].
var (
	// ErrNoService: the smart-card service (PC/SC) can't be reached, or fails
	// before a card is connected.
	ErrNoService = errors.New("no smart-card service")
	// ErrDenied: the smart-card service refuses this program, as pcscd does by
	// its policy. It wraps ErrNoService.
	ErrDenied = fmt.Errorf("%w for this program: access denied", ErrNoService)
	// ErrNoReader: there is no reader.
	ErrNoReader = errors.New("no card reader")
	// ErrUnknownReader: there are readers, and none of them has the name
	// asked for. It wraps ErrNoReader.
	ErrUnknownReader = fmt.Errorf("%w of that name", ErrNoReader)
	// ErrNoCard: the reader is empty.
	ErrNoCard = errors.New("no card in the reader")
	// ErrRemoved: the card was taken away while it was in use. It is
	// [apdu.ErrRemoved].
	ErrRemoved = apdu.ErrRemoved
	// ErrChanged: the card was reset by somebody else, or is another card
	// than before. Nothing that held for it may be assumed any more.
	ErrChanged = errors.New("card reset or exchanged")
	// ErrBusy: another program holds the card or the reader.
	ErrBusy = errors.New("card in use by another program")
	// ErrTransport: reader and card could not exchange a command, for a
	// reason that is none of the others.
	ErrTransport = errors.New("communication with the card failed")
	// ErrClosed: the connection was closed, or its exchange was abandoned.
	ErrClosed = errors.New("connection closed")
	// ErrUnsupported: this build has no driver. It wraps
	// [errors.ErrUnsupported].
	ErrUnsupported = fmt.Errorf("smart-card readers: %w", errors.ErrUnsupported)
)

// Reader describes a reader at the time of the call that returned it.
type Reader struct {
	Name    string // unique within one driver
	Present bool   // whether a card is in the reader
	ATR     []byte // the card's answer to reset, at most 33 bytes; may be empty

	// Changes grows with each insertion and removal of a card. It starts anew with
	// the reader or the smart-card service, and is always 0 where the system does
	// not count, as on macOS.
	Changes uint64
}

// Driver finds readers, says what happens in them, and connects.
type Driver interface {
	// Readers lists the readers of now, in the driver's order. There being
	// none is not an error.
	Readers(ctx context.Context) ([]Reader, error)

	// Watch reports first what is there (its readers added, its cards
	// inserted, or the service down) and then what changes. It goes on when
	// the service goes and comes back, and ends with ctx or the loop. Where
	// watching is impossible it yields one error.
	Watch(ctx context.Context) iter.Seq2[Event, error]

	// Connect opens the card in a reader, shared with other programs. While
	// another connection has a transaction it waits, as Begin and Transmit of
	// a Card do, until ctx ends or the driver's patience does.
	Connect(ctx context.Context, reader string) (Card, error)
}

// Card is a connection to the card in a reader. It is bound to that card: when
// the card is taken out or reset by somebody else, the connection fails from
// then on, also if the card comes back. A call whose ctx ends while it runs or
// waits is abandoned, and the connection is closed by that; a ctx that ended
// before the call does no harm. Closing a connection ends its transaction, however
// deep it is nested.
type Card interface {
	apdu.Transmitter
	apdu.Transactor

	// ATR is the card's answer to reset; may be empty.
	ATR() []byte

	// Close frees the connection, and its transaction with it. If a command
	// was sent it cuts the card's power first, so that the card forgets whose
	// PIN was verified. It does not fail on a card that is gone, and may be
	// called twice. While others hold the card it fails with ErrBusy, and the
	// power is cut when they let go.
	Close() error
}

// EventKind says what happened.
type EventKind int

// What a driver's Watch reports. Readers that go away take their cards along:
// CardRemoved comes before ReaderRemoved, and both before ServiceDown.
const (
	ServiceUp EventKind = iota + 1
	ServiceDown
	ReaderAdded
	ReaderRemoved
	CardInserted
	CardRemoved
)

var kindNames = [...]string{
	ServiceUp:     "service-up",
	ServiceDown:   "service-down",
	ReaderAdded:   "reader-added",
	ReaderRemoved: "reader-removed",
	CardInserted:  "card-inserted",
	CardRemoved:   "card-removed",
}

// String is a stable name, as in "card-inserted".
func (k EventKind) String() string {
	if k >= 0 && int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("event-%d", int(k))
}

// Event is one thing that happened.
type Event struct {
	Kind   EventKind
	Reader string // empty for events of the service
	ATR    []byte // with CardInserted; may be empty
}
