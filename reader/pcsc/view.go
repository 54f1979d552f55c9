package pcsc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

// platform describes how the PC/SC of a system differs from others.
type platform struct {
	// plugAndPlay: a pseudo-reader reports new readers. Without it, the readers are
	// listed every waitSlice.
	plugAndPlay bool
}

func platformOf(goos string) platform { return platform{plugAndPlay: goos != "darwin"} }

// pnpReader is the pseudo-reader that reports new readers.
const pnpReader = `\\?PnP?\Notification`

const (
	// maxLists is how many times the readers are listed if the list grows after the
	// binding has asked for its size.
	maxLists = 3
	// maxATR is the maximum length of an answer to reset (ISO/IEC 7816-3, 8.1).
	maxATR = 33
)

// errStale reports that PC/SC listed a reader but does not know its state, and therefore
// returned no state of the other readers either. Usually the reader was removed in the
// meantime, and listing the readers again helps.
var errStale = fmt.Errorf("%w: PC/SC reports no state for a reader that it lists", reader.ErrNoService)

// view holds the readers and their states as reported in one PC/SC context.
type view struct {
	scope       scope
	plugAndPlay bool
	states      []readerState
	stale       int             // how many calls of look in a row have failed with errStale
	excluded    map[string]bool // readers without a state
}

// look updates the readers and their states. If nothing has changed, it waits for a
// change for at most timeout.
func (v *view) look(timeout time.Duration) error {
	before := len(v.states)
	if err := v.list(); err != nil {
		return err
	}
	if v.hasUnknown() || len(v.states) != before {
		timeout = 0
	}
	err := v.wait(timeout)
	if !errors.Is(err, errStale) {
		v.stale = 0
		return err
	}
	if v.stale++; v.stale > 1 {
		v.excludeStale()
	}
	return err
}

// list updates the readers and keeps the states of those that are still there.
func (v *view) list() error {
	names, err := v.names()
	if err != nil {
		return serviceError("SCardListReaders", err)
	}
	if v.plugAndPlay {
		names = append(names, pnpReader)
	}
	old := v.states
	v.states = nil
	for _, name := range names {
		if name == "" || strings.Contains(name, "\x00") || v.excluded[name] || find(v.states, name) >= 0 {
			continue
		}
		state := readerState{name: name}
		if i := find(old, name); i >= 0 {
			state = old[i]
		}
		v.states = append(v.states, state)
	}
	return nil
}

// names returns the names of the readers. If there are none, PC/SC returns a code, an
// empty list, or a list without a terminator, on which the binding panics.
func (v *view) names() (names []string, err error) {
	for range maxLists {
		names, err = v.scope.listReaders()
		if !errors.Is(err, codeInsufficientBuffer) {
			break
		}
	}
	if errors.Is(err, codeNoReadersAvailable) || errors.Is(err, errPanicked) {
		return nil, nil
	}
	return names, err
}

func find(states []readerState, name string) int {
	return slices.IndexFunc(states, func(s readerState) bool { return s.name == name })
}

// hasUnknown reports whether the state of a reader is not known yet.
func (v *view) hasUnknown() bool {
	return slices.ContainsFunc(v.states, func(s readerState) bool { return !s.known && s.name != pnpReader })
}

// wait waits for a change and updates the states. It returns nil if the time is over or
// the wait was canceled. It returns errStale, or the error that makes the context
// unusable.
func (v *view) wait(timeout time.Duration) error {
	if len(v.states) == 0 {
		return nil
	}
	err := v.scope.getStatusChange(v.states, timeout)
	switch {
	case errors.Is(err, codeTimeout), errors.Is(err, codeCancelled):
		// The states have not changed.
		if v.hasUnknown() {
			return errStale // PC/SC should have reported this state
		}
		if timeout > 0 {
			v.excluded = nil // nothing else happens, so include these readers again
		}
		return nil
	case errors.Is(err, codeUnknownReader), errors.Is(err, codeReaderUnavailable),
		errors.Is(err, codeNoReadersAvailable), errors.Is(err, errPanicked):
		return fmt.Errorf("%w: %w", errStale, err)
	case err != nil:
		return serviceError("SCardGetStatusChange", err)
	}
	stale := false
	for i := range v.states {
		s := &v.states[i]
		switch {
		case s.event&stateUnknown == 0:
			s.known, s.current = true, s.event.echo()
		case s.name == pnpReader:
			v.plugAndPlay = false // the system does not support it
		default:
			s.known, s.current, stale = false, 0, true
		}
	}
	if stale {
		return errStale
	}
	return nil
}

// excludeStale excludes the readers, possibly the pseudo-reader too, of which PC/SC
// reports no state even when asked for each reader separately. They are included again
// after a wait without a change. If PC/SC reports no state of any reader, the readers
// are not the cause and none is excluded.
func (v *view) excludeStale() {
	excluded, anyKnown := map[string]bool{}, false
	for _, s := range v.states {
		single := view{scope: v.scope, states: []readerState{{name: s.name}}}
		switch stale := errors.Is(single.wait(0), errStale); {
		case !stale:
			anyKnown = true
		case s.name == pnpReader:
			v.plugAndPlay = false
		default:
			excluded[s.name] = true
		}
	}
	if anyKnown {
		v.excluded = excluded
	}
}

func (v *view) state() feed.State {
	var state feed.State
	for _, s := range v.states {
		if s.name == pnpReader || !s.known {
			continue
		}
		slot := feed.Slot{Reader: reader.Reader{Name: s.name, Present: s.current.present(), Changes: s.current.count()}}
		if slot.Present {
			slot.ATR = answerToReset(s.atr)
		}
		state.Slots = append(state.Slots, slot)
	}
	return state
}

// answerToReset returns a copy of an ATR, or nil if it is too long to be one.
func answerToReset(atr []byte) []byte {
	if len(atr) > maxATR {
		return nil
	}
	return bytes.Clone(atr)
}
