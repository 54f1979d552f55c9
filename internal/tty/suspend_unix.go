//go:build unix

package tty

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Suspension decides when the signals that stop the process take effect: SIGTSTP,
// which Ctrl-Z sends, and SIGTTIN and SIGTTOU, which a process in the background gets
// when it uses its terminal. While a card is connected they are remembered. At a
// hidden prompt they are ignored: the shell that takes over would show what is typed.
//
// It is safe for concurrent use. A nil *Suspension does nothing.
type Suspension struct {
	signals []os.Signal // those that the parent process does not have ignored
	caught  chan os.Signal
	receive sync.Once // begins to read caught, when that is first used

	mu      sync.Mutex
	set     disposition
	held    int             // connections to cards
	prompts int             // hidden ones
	hidden  *systemTerminal // that does not show what is typed, or nil
	pending syscall.Signal  // remembered, or 0
}

// disposition is what happens when a stop signal comes.
type disposition int

const (
	byDefault disposition = iota
	byCatching
	byIgnoring
)

func NewSuspension() *Suspension {
	s := &Suspension{caught: make(chan os.Signal, 1)}
	for _, sig := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU} {
		if !isIgnored(sig) {
			s.signals = append(s.signals, sig)
		}
	}
	if len(s.signals) == 0 {
		return nil
	}
	return s
}

// hold remembers stop signals until the returned function is called, which stops the
// process if one came and nobody else holds.
func (s *Suspension) hold() (release func()) {
	return s.count(func(s *Suspension) *int { return &s.held })
}

// prompt ignores stop signals until the returned function is called.
func (s *Suspension) prompt() (done func()) {
	return s.count(func(s *Suspension) *int { return &s.prompts })
}

func (s *Suspension) count(of func(*Suspension) *int) (done func()) {
	if s == nil {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*of(s)++
	s.arrange()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		*of(s)--
		if s.pending != 0 && s.held == 0 && s.prompts == 0 {
			s.stop(s.pending)
		}
		s.arrange()
	}
}

// hide hides what is typed at t, until show. In the background it stops the process
// first, as long as no card is connected.
func (s *Suspension) hide(t *systemTerminal) error {
	if s == nil {
		return t.hideTyped()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.arrange()
	s.hidden = t
	return s.conceal()
}

func (s *Suspension) conceal() (err error) {
	if s.held == 0 {
		if err := s.awaitForeground(s.hidden); err != nil {
			return err
		}
	}
	s.whole(func() { err = s.hidden.hideTyped() })
	return err
}

// whole changes a terminal's modes. Stop signals take effect afterwards, but for the
// one of changing them from the background.
func (s *Suspension) whole(change func()) {
	s.dispose(byCatching)
	signal.Ignore(syscall.SIGTTOU)
	change()
	signal.Notify(s.caught, s.signals...)
}

// show gives t back as it was.
func (s *Suspension) show(t *systemTerminal) {
	if s == nil {
		t.showTyped()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.arrange()
	s.whole(t.showTyped)
	if s.hidden == t {
		s.hidden = nil
	}
}

// receiveAll receives the signals that are caught.
func (s *Suspension) receiveAll() {
	for sig := range s.caught {
		s.receiveOne(sig.(syscall.Signal))
	}
}

// receiveOne is told of a signal that was caught.
func (s *Suspension) receiveOne(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.prompts > 0: // sent before, and too late
	case s.held > 0:
		s.pending = sig
		signal.Ignore(sig) // or a write from the background would be retried for ever
	default:
		s.stop(sig)
	}
	s.arrange()
}

// stop stops the process, with its terminal as it was, until it is continued.
func (s *Suspension) stop(sig syscall.Signal) {
	s.pending = 0
	if s.hidden != nil {
		s.whole(s.hidden.showTyped)
	}
	s.raise(sig)
	if s.hidden != nil {
		_ = s.conceal() // if the terminal is lost, the prompt will say so
	}
}

// arrange disposes of stop signals as the state asks for.
func (s *Suspension) arrange() {
	switch {
	case s.prompts > 0:
		s.dispose(byIgnoring)
	case s.held > 0, s.hidden != nil:
		s.dispose(byCatching)
	default:
		s.dispose(byDefault)
	}
}

func (s *Suspension) dispose(by disposition) {
	if s.set == by {
		return
	}
	s.set = by
	s.receive.Do(func() { go s.receiveAll() })
	switch by {
	case byCatching:
		signal.Notify(s.caught, s.signals...)
	case byIgnoring:
		signal.Ignore(s.signals...)
	default:
		s.restoreDefault()
	}
}
