package pcsc

import (
	"sync"
	"time"
)

// spareFor is how long a context is kept for a connection.
const spareFor = 100 * time.Millisecond

// spare keeps the PC/SC context in which a card was found, for the connection to the card
// that usually follows at once. Establishing a context takes longer than a command.
type spare struct {
	mu    sync.Mutex
	scope scope // nil: none
	timer *time.Timer
}

// put keeps a context until it is taken or its time is over. If there is one already, put
// releases the new one.
func (p *spare) put(s scope) {
	if !p.keep(s) {
		_ = s.release()
	}
}

func (p *spare) keep(s scope) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.scope != nil {
		return false
	}
	p.scope = s
	p.timer = time.AfterFunc(spareFor, func() {
		if p.remove(s) {
			_ = s.release()
		}
	})
	return true
}

// take returns the context and no longer keeps it, or returns nil.
func (p *spare) take() scope {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.scope
	if s != nil {
		p.scope = nil
		p.timer.Stop()
	}
	return s
}

// remove reports whether s was still kept, and no longer keeps it.
func (p *spare) remove(s scope) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.scope != s {
		return false
	}
	p.scope = nil
	return true
}
