package pcsc

import (
	"errors"
	"fmt"
	"time"
)

// binding is the part of PC/SC that this package uses. Its errors are a [Code], or
// another error if the binding itself failed. Tests replace it.
type binding interface {
	establish() (scope, error)
}

// scope is a PC/SC context (SCARDCONTEXT). Only cancel is safe for concurrent use.
type scope interface {
	listReaders() ([]string, error)
	// getStatusChange blocks until the state of a reader differs from its current
	// field, and then sets event and atr of all states.
	getStatusChange(states []readerState, timeout time.Duration) error
	connect(reader string) (handle, error)
	cancel() error
	release() error
}

// handle is a connected card.
type handle interface {
	transmit(command []byte) ([]byte, error)
	begin() error
	end() error
	// status returns the card's ATR. It fails if the card was removed.
	status() (atr []byte, err error)
	// disconnect closes the connection, ends its transaction and, if unpower is set,
	// cuts the card's power. The scope must be released next, and disconnect may
	// leave part of its work to that.
	disconnect(unpower bool) error
}

type readerState struct {
	name           string
	current, event flags
	atr            []byte

	known bool // PC/SC has reported a state; set by view
}

// errPanicked reports that the binding panicked.
var errPanicked = errors.New("the PC/SC binding panicked")

// guard calls f and turns a panic of the binding into an error.
func guard[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			var zero T
			value, err = zero, fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	return f()
}
