package terminal

import (
	"crypto/rand"
	"time"

	"github.com/mykeykit/mykeykit/mykey/message"
)

// Event is something that happened, for a log. Nothing in it is personal.
type Event struct {
	Name string       // "begun", "identified", "applied", "refused", "ended" and others
	Code message.Code // of package message or this one, where there is a reason
	// Visit is a random number, the same in all events of a visit. It is empty
	// between visits.
	Visit    string
	Duration time.Duration // since the visit began
}

// loggedVisit is what events tell of the visit that goes on.
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

// log tells of an event. Several goroutines may call it.
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
