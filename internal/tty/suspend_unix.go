//go:build unix

package tty

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Suspension controls when stop signals take effect: SIGTSTP (Ctrl-Z), and SIGTTIN and
// SIGTTOU, which a background process receives when it uses its terminal. They are
// delayed while a card is connected. They are ignored at a hidden prompt, since the shell
// would echo what is typed next.
//
// It is safe for concurrent use. A nil *Suspension does nothing.
type Suspension struct {
	signals []os.Signal // the stop signals that are not ignored by inheritance
	caught  chan os.Signal
	receive sync.Once // starts receiveAll on first use

	mu      sync.Mutex
	set     disposition
	held    int             // number of card connections
	prompts int             // number of hidden prompts
	hidden  *systemTerminal // the terminal with echo off, or nil
	pending syscall.Signal  // delayed signal, or 0
}

// disposition is the disposition of stop signals.
type disposition int

const (
	byDefault disposition = iota
	byCatching
	byIgnoring
)

// NewSuspension returns a Suspension, or nil if all stop signals are ignored.
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

// hold delays stop signals until release is called. The last release stops the process
// if a signal arrived.
func (s *Suspension) hold() (release func()) {
	return s.count(func(s *Suspension) *int { return &s.held })
}

// prompt ignores stop signals until done is called.
func (s *Suspension) prompt() (done func()) {
	return s.count(func(s *Suspension) *int { return &s.prompts })
}

// count increments a counter until done is called.
func (s *Suspension) count(of func(*Suspension) *int) (done func()) {
	if s == nil {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*of(s)++
	s.update()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		*of(s)--
		if s.pending != 0 && s.held == 0 && s.prompts == 0 {
			s.stop(s.pending)
		}
		s.update()
	}
}

// hide turns the echo of t off until show. If no card is connected, a background process
// stops first.
func (s *Suspension) hide(t *systemTerminal) error {
	if s == nil {
		return t.hideTyped()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.update()
	s.hidden = t
	return s.hideAgain()
}

// hideAgain turns the echo of the hidden terminal off.
func (s *Suspension) hideAgain() (err error) {
	if s.held == 0 {
		if err := s.awaitForeground(s.hidden); err != nil {
			return err
		}
	}
	s.changeModes(func() { err = s.hidden.hideTyped() })
	return err
}

// changeModes changes a terminal's modes. Stop signals take effect afterwards, except
// SIGTTOU, which a background process receives for the change itself.
func (s *Suspension) changeModes(change func()) {
	s.dispose(byCatching)
	signal.Ignore(syscall.SIGTTOU)
	change()
	signal.Notify(s.caught, s.signals...)
}

// show restores the modes of t.
func (s *Suspension) show(t *systemTerminal) {
	if s == nil {
		t.showTyped()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.update()
	s.changeModes(t.showTyped)
	if s.hidden == t {
		s.hidden = nil
	}
}

// receiveAll receives caught signals.
func (s *Suspension) receiveAll() {
	for sig := range s.caught {
		s.receiveOne(sig.(syscall.Signal))
	}
}

// receiveOne handles a caught signal.
func (s *Suspension) receiveOne(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.prompts > 0: // sent before the prompt; ignored
	case s.held > 0:
		s.pending = sig
		signal.Ignore(sig) // or a write from the background would be retried forever
	default:
		s.stop(sig)
	}
	s.update()
}

// stop restores the terminal and stops the process until it is continued.
func (s *Suspension) stop(sig syscall.Signal) {
	s.pending = 0
	if s.hidden != nil {
		s.changeModes(s.hidden.showTyped)
	}
	s.raise(sig)
	if s.hidden != nil {
		_ = s.hideAgain() // if that fails, the prompt fails too
	}
}

// update sets the disposition of stop signals for the current state.
func (s *Suspension) update() {
	switch {
	case s.prompts > 0:
		s.dispose(byIgnoring)
	case s.held > 0, s.hidden != nil:
		s.dispose(byCatching)
	default:
		s.dispose(byDefault)
	}
}

// dispose sets the disposition of stop signals.
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
