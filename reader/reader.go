// Package reader finds smart-card readers, watches them and connects to the cards in
// them.
//
// # Where to start
//
// A [Driver] lists and watches readers and connects to cards. Package pcsc implements
// it for real readers and package simulator for simulated ones; a program works with
// either. [Find] returns the reader that holds the card, [Wait] blocks until there is
// one, and [WaitGone] blocks until the card has left. A [Card] is a connection to a
// card; the other packages send their commands to it.
//
// # Errors
//
// Drivers wrap the errors of this package in their own; match them with [errors.Is].
// If several readers hold a matching card, none of them is chosen, and an
// [*AmbiguousError] lists them.
//
// # Concurrency
//
// A Driver is safe for concurrent use. A Card must be used by one goroutine at a time,
// except for Close, which is safe for concurrent use.
//
// # Limits
//
// The package does not support PIN pads, direct control of a reader, or selection of
// cards by ATR. Cards are recognized by their applications.
package reader

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/mykeykit/mykeykit/apdu"
)

// Drivers wrap these errors; match them with [errors.Is].
var (
	// ErrNoService reports that the smart-card service (PC/SC) can't be reached or
	// has stopped.
	ErrNoService = errors.New("no smart-card service")
	// ErrDenied reports that the smart-card service denies this program access, as
	// pcscd does by its polkit policy. It wraps ErrNoService.
	ErrDenied = fmt.Errorf("%w: access denied", ErrNoService)
	// ErrNoReader reports that there is no reader.
	ErrNoReader = errors.New("no card reader")
	// ErrUnknownReader reports that no reader has the given name. It wraps
	// ErrNoReader.
	ErrUnknownReader = fmt.Errorf("%w with that name", ErrNoReader)
	// ErrNoCard reports that there is no card in the reader.
	ErrNoCard = errors.New("no card in the reader")
	// ErrRemoved reports that the card was removed while it was connected. It is
	// [apdu.ErrRemoved].
	ErrRemoved = apdu.ErrRemoved
	// ErrChanged reports that the card was replaced by another, or that another program
	// reset it. What was known about the card's state may no longer be true.
	ErrChanged = errors.New("card reset or exchanged")
	// ErrBusy reports that another program is using the card or the reader.
	ErrBusy = errors.New("card in use by another program")
	// ErrTransport reports any other failure to exchange a command with the card.
	ErrTransport = errors.New("communication with the card failed")
	// ErrClosed reports that the connection was closed, by Close or because a call
	// was abandoned.
	ErrClosed = errors.New("connection closed")
	// ErrUnsupported reports that this build has no driver. It wraps
	// [errors.ErrUnsupported].
	ErrUnsupported = fmt.Errorf("this build does not support card readers: %w", errors.ErrUnsupported)
)

// Reader describes a reader at the time of the call that returned it.
type Reader struct {
	Name    string // unique within one driver
	Present bool   // whether a card is in the reader
	ATR     []byte // the card's answer to reset, at most 33 bytes; may be empty

	// Changes grows with each insertion and removal of a card. With PC/SC it is
	// reset when the reader is plugged in again or the service restarts, and is
	// always 0 where the system does not count, as on macOS.
	Changes uint64
}

// Driver lists readers, watches them and connects to the cards in them.
type Driver interface {
	// Readers returns the current readers, in the driver's order. It returns no
	// error if there are none.
	Readers(ctx context.Context) ([]Reader, error)

	// Watch yields the current state first, as events (readers added and cards
	// inserted, or the service down), and then the changes. A slow loop does not
	// see a reader or card that has come and gone meanwhile. It does see that a
	// card was exchanged, or that the service restarted. It continues when the
	// service restarts, and ends when ctx ends or the loop is left. If watching is
	// impossible, it yields one error.
	Watch(ctx context.Context) iter.Seq2[Event, error]

	// Connect opens a connection to the card in the named reader, shared with other
	// programs. Like Begin and Transmit of a Card, it blocks while another
	// connection holds a transaction, until ctx ends or the driver's time limit is
	// reached.
	Connect(ctx context.Context, reader string) (Card, error)
}

// Card is a connection to the card in a reader. After the card has been removed, or
// reset by another program, commands to it fail, even if the same card is inserted
// again.
//
// If ctx ends while a call runs or waits, the call is abandoned and the connection is
// closed. A ctx that ended before the call leaves the connection open. Closing a
// connection ends its transaction, even if it is nested.
type Card interface {
	apdu.Transmitter
	apdu.Transactor

	// ATR returns the card's answer to reset. It may be empty.
	ATR() []byte

	// Close closes the connection and ends its transaction. If a command was sent,
	// Close cuts the card's power first, so that the card is not left unlocked. It
	// does not fail if the card was removed. Close is idempotent. If cutting the
	// power has to wait, for example for the transaction of another connection,
	// Close returns ErrBusy, and the driver cuts the power as soon as it can. Other
	// connections to the card then fail with ErrChanged.
	Close() error
}

// EventKind is the kind of an [Event].
type EventKind int

// The kinds of events that a Driver's Watch yields. If a reader is removed, CardRemoved
// comes before ReaderRemoved; if the service stops, both come before ServiceDown.
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

// String returns a stable name such as "card-inserted".
func (k EventKind) String() string {
	if k >= 0 && int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("event-%d", int(k))
}

// Event is a change of the service, a reader or a card.
type Event struct {
	Kind   EventKind
	Reader string // empty for ServiceUp and ServiceDown
	ATR    []byte // with CardInserted; may be empty
}
