package terminal

import (
	"context"
	"time"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

const (
	idleTimeout     = 90 * time.Second // ends a visit without actions
	idleWarning     = 30 * time.Second // how long before that the page warns
	clearedTimeout  = 10 * time.Second // how long the page says that a visit ended
	afterVisitDelay = time.Second
	minReadTime     = time.Second // before an application can be confirmed
	// maxChallengeAge is how long a challenge waits for a PIN before a new one replaces it. A
	// verifier accepts older ones, for the time that the card and the network need.
	maxChallengeAge = 2 * time.Minute
)

// visit is all data of one visit.
type visit struct {
	ctx              context.Context
	end              context.CancelFunc
	language         message.Language
	renewing         bool   // the resident wants to move an earlier card's identifier
	reader           string // the reader with the visit's card; "" before there is one
	ready            *jpki.Readiness
	wrongCard        bool            // the card is of another kind or unreadable
	newReaders       map[string]bool // readers connected during the visit, perhaps with a card in them
	allowLastAttempt bool            // the resident agreed to use the last attempt
	challenge        proof.Challenge // for the card
	challengeAt      time.Time       // when it came
	identified       fleet.Visit
	reservation      *registry.Reservation
	recovery         hidden.Bytes
	account          hidden.Bytes  // the account ID to confirm
	writable         chan struct{} // closed when the registry has proved writable
	wrongCodes       int
	service          campaign.Service
	pending          pendingApplication
	changing         bool // the registry is making a change; its result is not known yet
}

// startVisit starts a visit after the resident has consented.
func (t *Terminal) startVisit(l message.Language, renewing bool) {
	if l != message.Japanese {
		l = message.English
	}
	ctx, end := context.WithCancel(t.runCtx)
	t.visit = &visit{ctx: ctx, end: end, language: l, renewing: renewing, newReaders: map[string]bool{}, writable: make(chan struct{})}
	t.logVisit(newLoggedVisit())
	t.log("begun", "")
	t.show(View{Screen: Place})
	t.fetchChallenge()
	t.reconcile()
}

// endVisit ends the visit, if there is one, and wipes its data.
func (t *Terminal) endVisit() {
	if t.visit == nil {
		return
	}
	t.log("ended", "")
	t.logVisit(loggedVisit{})
	t.visit.end()
	t.visit.recovery.Wipe()
	t.visit.account.Wipe()
	t.cardToTake = t.visit.reader
	t.outcomeUnknown = t.visit.changing
	t.visit = nil
	if t.config.AfterVisit != nil {
		time.AfterFunc(afterVisitDelay, t.config.AfterVisit)
	}
}

// endVisitWith ends the visit and shows the reason for a moment, or thanks the resident
// if notice is nil.
func (t *Terminal) endVisitWith(notice *message.Message) {
	language := t.config.Language
	if t.visit != nil {
		language = t.visit.language
	}
	code := message.Code("")
	if notice != nil {
		code = notice.Code
	}
	t.log("cleared", code)
	t.endVisit()
	t.show(View{Screen: Cleared, Language: language, Notice: notice})
}

// finish ends the visit and asks the resident to take the card if it is still there.
func (t *Terminal) finish() {
	t.log("finished", "")
	language := t.visit.language
	t.endVisit()
	if t.cardToTake != "" {
		t.show(View{Screen: Take, Language: language})
		return
	}
	t.show(View{Screen: Cleared, Language: language})
}

// handleCardTaken ends the visit because its card was taken or replaced.
func (t *Terminal) handleCardTaken() {
	switch t.screen.Screen {
	case Result, Done, Take:
		t.endVisitWith(nil)
	case Problem:
		t.endVisit()
		t.cardToTake = ""
		t.showIdle()
	default:
		t.endVisitWith(cardTaken(t.visit))
	}
	t.cardToTake = ""
}

// handleTimeout warns that the visit is idle, and later ends it.
func (t *Terminal) handleTimeout() {
	switch {
	case t.visit == nil:
		t.showIdle()
	case t.screen.KeepCard:
		t.endVisit() // the screen stays for the staff until the card is taken
	case !t.idleWarned:
		t.idleWarned = true
		t.screen.Ending = true
		t.publish(t.screen)
		t.timer.Reset(idleWarning)
	default:
		t.endVisitWith(idleEnded(t.visit))
	}
}

// extend restarts the idle timeout and removes the idle warning.
func (t *Terminal) extend() {
	if t.visit == nil {
		return
	}
	t.idleWarned = false
	t.timer.Reset(idleTimeout - idleWarning)
	if t.screen.Ending {
		t.screen.Ending = false
		t.publish(t.screen)
	}
}

// showIdle shows the screen between visits.
func (t *Terminal) showIdle() {
	switch _, err := t.card(); {
	case err != nil:
		t.showProblem(err)
	case t.registryErr != nil:
		t.showProblem(t.registryErr)
	case t.cardToTake != "":
		t.show(View{Screen: Take})
	default:
		t.show(View{Screen: Welcome})
	}
}

// showProblem shows an error that prevents visits. It logs the error once, even if
// cards and readers come and go in the meantime.
func (t *Terminal) showProblem(err error) {
	notice := screenNotice(err)
	if t.screen.Screen != Problem || t.screen.Notice.Code != notice.Code {
		t.log("problem", notice.Code)
	}
	t.show(View{Screen: Problem, Notice: notice})
}
