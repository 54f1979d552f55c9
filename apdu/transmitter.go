package apdu

import (
	"context"
	"errors"
)

// ErrRemoved reports that the card was removed: it has lost its power and is
// logged out. A [Transmitter] returns it, wrapped or not, only if that is certain.
var ErrRemoved = errors.New("card removed")

// Transmitter sends a command APDU to a card and returns the response APDU. The
// whole toolkit is built on this interface.
//
// The command has 4 to 65544 bytes. The response is as the card sent it, with the
// status word. Transmit must not retain the command, which the caller may wipe. When ctx
// ends, Transmit abandons the exchange and returns ctx's error at once; from then
// on the connection can only be closed.
type Transmitter interface {
	Transmit(ctx context.Context, command []byte) (response []byte, err error)
}

// Transactor is an optional interface of a [Transmitter]. Between Begin and End no
// other program's command reaches the card. Keep a transaction short, and never
// wait for the user inside one.
//
// Transactions nest: each successful Begin needs an End, and the last End ends the
// transaction.
type Transactor interface {
	// Begin blocks until the card is reserved for the caller, or ctx ends. If it
	// returns an error, there is nothing to end.
	Begin(ctx context.Context) error
	// End releases the card. It returns nil if the card was removed. An End
	// without a Begin does nothing.
	End() error
}

// InTransaction calls fn, between Begin and End if t is a [Transactor]. It ends the
// transaction even if fn panics. If the caller has already begun a transaction,
// that one continues afterwards.
//
// An error of End is ignored: closing the connection ends the transaction too.
func InTransaction(ctx context.Context, t Transmitter, fn func() error) error {
	tx, ok := t.(Transactor)
	if !ok {
		return fn()
	}
	if err := tx.Begin(ctx); err != nil {
		return err
	}
	defer func() { _ = tx.End() }()
	return fn()
}
