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

// platform is what a system's PC/SC has that another's has not.
type platform struct {
	// plugAndPlay: a reader that is none reports new readers. Without it they
	// are found by listing them, every waitSlice.
	plugAndPlay bool
}

func platformOf(goos string) platform { return platform{plugAndPlay: goos != "darwin"} }

// pnpReader is the reader that PC/SC reports new readers by.
const pnpReader = `\\?PnP?\Notification`

const (
	// listAgain is how often in all readers are listed that become more
	// between the binding's asking for the list's size and for the list.
	listAgain = 3
	// maxATR is the length of an answer to reset in ISO/IEC 7816-3, 8.1.
	maxATR = 33
)

// errStale: PC/SC listed a reader that it knows nothing of, so that it said
// nothing of the others either. Mostly it went away meanwhile, and listing again
// helps.
var errStale = fmt.Errorf("%w: PC/SC says nothing of a reader that it lists", reader.ErrNoService)

// view is what one context shows.
type view struct {
	scope       scope
	plugAndPlay bool
	states      []readerState
	stale       int             // so many looks in a row were stale
	leftOut     map[string]bool // readers that hide the others
}

// look brings everything up to date. It waits for a change if there is none
// already.
func (v *view) look(timeout time.Duration) error {
	before := len(v.states)
	if err := v.list(); err != nil {
		return err
	}
	if v.fresh() || len(v.states) != before {
		timeout = 0
	}
	err := v.wait(timeout)
	if !errors.Is(err, errStale) {
		v.stale = 0
		return err
	}
	if v.stale++; v.stale > 1 {
		v.sift()
	}
	return err
}

// list brings the readers up to date; states of readers that stay are kept.
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
		if name == "" || strings.Contains(name, "\x00") || v.leftOut[name] || find(v.states, name) >= 0 {
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

// names asks PC/SC for the readers. That there are none it says in three ways:
// with a code, with an empty list, and with a list without even an end, on which
// the binding panics.
func (v *view) names() (names []string, err error) {
	for range listAgain {
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

// fresh tells whether some reader's state is not known yet.
func (v *view) fresh() bool {
	return slices.ContainsFunc(v.states, func(s readerState) bool { return !s.known && s.name != pnpReader })
}

// wait waits for a change and takes it in. The end of the time is none, and
// neither is a wait that was cancelled. It fails with errStale, or with what
// makes the context useless.
func (v *view) wait(timeout time.Duration) error {
	if len(v.states) == 0 {
		return nil
	}
	err := v.scope.getStatusChange(v.states, timeout)
	switch {
	case errors.Is(err, codeTimeout), errors.Is(err, codeCancelled):
		// The states hold nothing new.
		if v.fresh() {
			return errStale // though it had something to tell
		}
		if timeout > 0 {
			v.leftOut = nil // all is quiet, so they are given another try
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
			v.plugAndPlay = false // there is none here
		default:
			s.known, s.current, stale = false, 0, true
		}
	}
	if stale {
		return errStale
	}
	return nil
}

// sift leaves out, until all is quiet, the readers that PC/SC tells nothing of
// when it is asked for each alone. The one that reports new readers may be among
// them. If PC/SC tells nothing of any, it is not the readers' fault.
func (v *view) sift() {
	leftOut, told := map[string]bool{}, false
	for _, s := range v.states {
		alone := view{scope: v.scope, states: []readerState{{name: s.name}}}
		switch stale := errors.Is(alone.wait(0), errStale); {
		case !stale:
			told = true
		case s.name == pnpReader:
			v.plugAndPlay = false
		default:
			leftOut[s.name] = true
		}
	}
	if told {
		v.leftOut = leftOut
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

// answerToReset is PC/SC's ATR, or none if it can't be one.
func answerToReset(atr []byte) []byte {
	if len(atr) > maxATR {
		return nil
	}
	return bytes.Clone(atr)
}
