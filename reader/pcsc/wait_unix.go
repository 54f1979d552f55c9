//go:build cgo && !windows

package pcsc

import (
	"time"

	"github.com/ebfe/scard"
)

// waitForChange calls the binding, which frees the memory of a reader's name at the next
// wait with the same name. The monitor therefore allows one wait at a time.
func waitForChange(c *scard.Context, states []readerState, timeout time.Duration) error {
	list := make([]scard.ReaderState, len(states))
	for i, state := range states {
		list[i] = scard.ReaderState{Reader: state.name, CurrentState: scard.StateFlag(state.current)}
	}
	if err := c.GetStatusChange(list, timeout); err != nil {
		return codeOf(err)
	}
	for i := range states {
		states[i].event = flags(list[i].EventState)
		states[i].atr = list[i].Atr
	}
	return nil
}
