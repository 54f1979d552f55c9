package pcsc

import (
	"errors"
	"fmt"
	"time"
)

// binding is PC/SC as this package needs it; errors are a [Code], or another
// error where the binding itself failed. It is the seam at which tests stand in
// for the service.
type binding interface {
	establish() (scope, error)
}

// scope is a PC/SC context (SCARDCONTEXT). No two goroutines use one at the same time,
// except for cancel.
type scope interface {
	listReaders() ([]string, error)
	// getStatusChange waits until one of the states differs from its current,
	// and sets event and atr of all.
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
	// status returns the card's ATR, or fails if it is not there any more.
	status() (atr []byte, err error)
	// disconnect ends the connection and its transaction, and cuts the card's
	// power if asked to. It is the last call before the scope's release, to
	// which it may leave a part of that.
	disconnect(unpower bool) error
}

type readerState struct {
	name           string
	current, event flags
	atr            []byte

	known bool // PC/SC has told of the reader; the view's own
}

// errPanicked is what a panic of the binding becomes.
var errPanicked = errors.New("the PC/SC binding panicked")

// guard calls f and turns a panic of the binding into an error.
func guard[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			var none T
			value, err = none, fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	return f()
}
