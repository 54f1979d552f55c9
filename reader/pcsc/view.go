package pcsc

import (
	"errors"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

// pnpReader is the reader that PC/SC reports new readers by.
const pnpReader = `\\?PnP?\Notification`

// errStale: a reader went away between listing and waiting, so that PC/SC said
// nothing of the others either. Listing again helps.
var errStale = errors.New("the readers changed meanwhile")

// view is what one context shows.
type view struct {
	scope       scope
	plugAndPlay bool
	states      []readerState
}

// list brings the readers up to date; states of readers that stay are kept.
func (v *view) list() error {
	names, err := v.scope.listReaders()
	var code Code
	if errors.As(err, &code) && code == codeNoReadersAvailable {
		names, err = nil, nil
	}
	if err != nil {
		return serviceError("SCardListReaders", err)
	}
	if v.plugAndPlay {
		names = append(names, pnpReader)
	}
	old := v.states
	v.states = nil
	for _, name := range names {
		state := readerState{name: name}
		if i := slices.IndexFunc(old, func(s readerState) bool { return s.name == name }); i >= 0 {
			state = old[i]
		}
		v.states = append(v.states, state)
	}
	return nil
}

// fresh tells whether some reader's state is not known yet.
func (v *view) fresh() bool {
	return slices.ContainsFunc(v.states, func(s readerState) bool {
		return s.current == stateUnaware && s.name != pnpReader
	})
}

// wait waits for a change and takes it in. The end of the time is none, and
// neither is a wait that was cancelled. It fails with errStale, or with what
// makes the context useless.
func (v *view) wait(timeout time.Duration) error {
	if len(v.states) == 0 {
		return nil
	}
	err := v.scope.getStatusChange(v.states, timeout)
	var code Code
	if errors.As(err, &code) {
		switch code {
		case codeTimeout, codeCancelled:
			return nil // and the states hold nothing new
		case codeUnknownReader:
			return errStale
		}
	}
	if err != nil {
		return serviceError("SCardGetStatusChange", err)
	}
	stale := false
	for i := range v.states {
		s := &v.states[i]
		if s.event&stateUnknown != 0 && s.name != pnpReader {
			s.current, stale = stateUnaware, true
			continue
		}
		// Echoing the event, counter and all, keeps the next wait from
		// returning at once; echoing IGNORE would have the reader ignored.
		s.current = s.event &^ stateIgnore
	}
	if stale {
		return errStale
	}
	return nil
}

func (v *view) state() feed.State {
	var state feed.State
	for _, s := range v.states {
		if s.name == pnpReader || s.current == stateUnaware {
			continue
		}
		present := s.current&statePresent != 0
		slot := feed.Slot{Reader: reader.Reader{Name: s.name, Present: present}, Count: uint64(s.current >> 16)}
		if present {
			slot.ATR = s.atr
		}
		state.Slots = append(state.Slots, slot)
	}
	return state
}
