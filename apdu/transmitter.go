package apdu

import (
	"context"
	"errors"
)

// ErrRemoved reports that the card was taken away, and so lost its power and
// whatever state it had. A [Transmitter] returns it, wrapped or not, only where
// that is certain.
var ErrRemoved = errors.New("card removed")

// Transmitter sends one command APDU to a card and returns its response APDU.
// It is the seam on which the whole toolkit stands.
//
// The command is between 4 and 65544 bytes; the response is passed on as it
// came, status word included. Transmit does not keep the command's memory after
// it has returned: the caller may wipe it. When ctx ends, Transmit returns at
// once with ctx's error, the exchange is abandoned, and the connection is
// unusable from then on except for closing it.
type Transmitter interface {
	Transmit(ctx context.Context, command []byte) (response []byte, err error)
}

// Transactor is an optional ability of a [Transmitter], found by assertion:
// between Begin and End no other program's command reaches the card.
// A transaction is kept short; no person is waited for inside one.
//
// Transactions nest: each Begin that succeeds takes an End, and the last of these
// ends the transaction.
type Transactor interface {
	// Begin blocks until the card is reserved for the caller, or ctx ends. If it
	// fails, it began nothing.
	Begin(ctx context.Context) error
	// End gives the card back. It does not fail on a card that is gone. An End
	// without a Begin does nothing.
	End() error
}

// InTransaction calls fn between Begin and End if t is a [Transactor], and just
// calls it otherwise. The transaction also ends when fn panics. A transaction that
// the caller has begun goes on afterwards.
//
// A failing End is not reported: after a removed card it says nothing new, and
// otherwise closing the connection ends the transaction too.
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
