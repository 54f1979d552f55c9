package terminal

import (
	"crypto/rand"
	"time"

	"github.com/mykeykit/mykeykit/mykey/message"
)

// Event is a log event. It contains no personal data.
type Event struct {
	Name string       // "begun", "identified", "applied", "refused", "ended" and others
	Code message.Code // the reason, if there is one
	// Visit is a random number that all events of a visit share. It is empty between
	// visits.
	Visit    string
	Duration time.Duration // since the start of the visit
}

// loggedVisit is the part of the current visit that events contain.
type loggedVisit struct {
	number string
	begun  time.Time
}

func newLoggedVisit() loggedVisit { return loggedVisit{rand.Text()[:10], time.Now()} }

func (t *Terminal) logVisit(v loggedVisit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logged = v
}

// log logs an event. It is safe for concurrent use.
func (t *Terminal) log(name string, code message.Code) {
	t.mu.Lock()
	v := t.logged
	t.mu.Unlock()
	e := Event{Name: name, Code: code, Visit: v.number}
	if v.number != "" {
		e.Duration = time.Since(v.begun)
	}
	t.config.Log(e)
}
