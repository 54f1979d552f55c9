// Package terminal is a kiosk's visit from card to application, without a page: a
// machine that is told of cards and of what people do, and says what to show.
//
// One goroutine ([Terminal.Run]) has the state. Cards come by reader.Driver.Watch,
// people's actions by [Terminal.Do], and what takes time, as a card's work or the
// registry's, is done beside it and comes back as a result. Everything of a visit
// lives in one value that is dropped when the card is taken, another comes, nobody
// does anything for a time, or something fails; results of a visit that is over
// come to nobody.
//
// A PIN goes from an action to the card and nowhere else. It is asked for only
// while a card is there whose attempts left are on the screen, and it goes to that
// card alone (jpki.ForCard): a PIN that waited for a card would be sent to whoever's
// card came next.
package terminal

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

var (
	// ErrStale: an action that does not belong to what is shown now. Nothing was done.
	ErrStale = errors.New("not for what is shown now")
	// ErrUnread reports that an application was agreed to before anybody could have
	// read what was read back. Nothing was done.
	ErrUnread = errors.New("agreed to before it could be read")
)

// Registry is what a terminal needs of a registry.Registry.
type Registry interface {
	Find(ctx context.Context, holder *jpki.Authentication) (*registry.Reservation, error)
	Reserve(ctx context.Context, operation registry.Operation, holder *jpki.Authentication, code registry.RecoveryCode) (*registry.Reservation, error)
	Preview(ctx context.Context, holder *jpki.Authentication, account registry.Account) (registry.Preview, error)
	Confirm(ctx context.Context, operation registry.Operation, p registry.Preview) (*registry.Reservation, error)
	Renew(ctx context.Context, operation registry.Operation, holder *jpki.Authentication, proof registry.Proof, code registry.RecoveryCode) (*registry.Reservation, error)
	NewCode(ctx context.Context, operation registry.Operation, holder *jpki.Authentication, code registry.RecoveryCode) (*registry.Reservation, error)
	Ping(ctx context.Context) error
}

// Config is what a terminal is made of.
type Config struct {
	Driver   reader.Driver
	Reader   string // the one to use; "" is any
	Campaign *campaign.Campaign
	Registry Registry
	Chain    []jpki.CardOption // whose certificates are believed
	Language message.Language
	// NoPrinter leaves out what prints.
	NoPrinter bool
	// AfterVisit is called a moment after each visit, when nothing refers to what it
	// held any more. It may be nil.
	AfterVisit func()
	// Log is told of what happens. Several goroutines may call it. It may be nil.
	Log func(Event)
}

// How long things take that people do.
const (
	patience   = 90 * time.Second // without any action
	warning    = 30 * time.Second // of which the page warns that long
	farewell   = 10 * time.Second // for what is said after a visit
	afterVisit = time.Second
	toRead     = time.Second // before what was read back can be agreed to
)

// Terminal is a kiosk.
type Terminal struct {
	config  Config
	actions chan request
	results chan result
	working sync.WaitGroup // what beside does

	// Used by Run's goroutine only.
	life    context.Context // Run's
	cards   map[string]cardState
	came    map[string]int // how many cards came to each reader
	service error          // why there are no readers to know of
	closed  error          // why no visit can begin, of the registry
	left    string         // the reader with a card that its holder has to take
	visit   *visit
	screen  View
	timer   *time.Timer
	kinder  bool // the warning was shown

	mu      sync.Mutex
	current View
	changed chan struct{} // closed when current is not any more
	logged  loggedVisit
}

// visit is everything that is known of somebody.
type visit struct {
	ctx        context.Context
	end        context.CancelFunc
	language   message.Language
	renewing   bool   // an earlier card's identifier is to be taken over
	card       string // the reader it is in; "" before one is there
	ready      *jpki.Readiness
	wrong      bool            // the card is of another kind, or can't be read
	plugged    map[string]bool // readers that came during the visit, perhaps with a card in them
	lastTry    bool            // one is left, and may be spent
	holder     *jpki.Authentication
	reserved   *registry.Reservation
	recovery   hidden.Bytes
	account    hidden.Bytes  // that is read back
	writable   chan struct{} // closed when the registry has answered that it can write
	wrongCodes int
	service    campaign.Service
	preview    registry.Preview
}

type result struct {
	of *visit // nil: nobody's, whoever is there by then
	do func()
}

// New makes a terminal. It does nothing before Run.
func New(config Config) *Terminal {
	if config.Log == nil {
		config.Log = func(Event) {}
	}
	t := &Terminal{
		config: config, actions: make(chan request), results: make(chan result),
		cards: map[string]cardState{}, came: map[string]int{}, changed: make(chan struct{}), timer: time.NewTimer(time.Hour),
	}
	t.timer.Stop()
	t.show(View{Screen: Problem, Notice: problem(reader.ErrNoService)})
	return t
}

// View is what is shown now, and a channel that is closed when it is no more.
func (t *Terminal) View() (View, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current, t.changed
}

// Run works until ctx ends, and returns ctx's error or why readers can't be watched.
// Before it returns, what is left of a visit is cleared and its card logged out.
func (t *Terminal) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	events := make(chan reader.Event)
	go func() {
		for e, err := range t.config.Driver.Watch(ctx) {
			if err != nil {
				cancel(err)
				return
			}
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() {
		t.forget()
		t.timer.Stop()
		t.working.Wait() // for a card that is in use to be logged out
	}()
	t.life = ctx
	go t.look()
	for {
		select {
		case e := <-events:
			t.seen(e)
		case a := <-t.actions:
			a.done <- t.act(a.Action)
		case r := <-t.results:
			if r.of == nil || r.of == t.visit {
				r.do()
			}
		case <-t.timer.C:
			t.timeout()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// beside does work that takes time, and takes what comes of it if the visit still
// goes on then.
func (t *Terminal) beside(work func(ctx context.Context) (then func())) {
	of := t.visit
	t.working.Go(func() {
		then := work(of.ctx)
		select {
		case t.results <- result{of, then}:
		case <-of.ctx.Done(): // nobody waits for it any more
		}
	})
}

// show shows a view, of the visit that goes on.
func (t *Terminal) show(v View) {
	v.Step = rand.Text()
	v.At, v.Printer = time.Now(), !t.config.NoPrinter
	v.Campaign, v.Open = t.config.Campaign, t.config.Campaign.Open(v.At)
	if v.Language == "" {
		v.Language = t.config.Language
		if t.visit != nil {
			v.Language = t.visit.language
		}
	}
	t.screen, t.kinder = v, false
	t.publish(v)
	switch {
	case v.Screen == Cleared:
		t.timer.Reset(farewell)
	case t.visit != nil:
		t.timer.Reset(patience - warning)
	default:
		t.timer.Stop()
	}
}

func (t *Terminal) publish(v View) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = v
	close(t.changed)
	t.changed = make(chan struct{})
}

// stay is activity that changes nothing on the screen, but for the warning.
func (t *Terminal) stay() {
	if t.visit == nil {
		return
	}
	t.kinder = false
	t.timer.Reset(patience - warning)
	if t.screen.Ending {
		t.screen.Ending = false
		t.publish(t.screen)
	}
}

// forget drops everything of the visit, if there is one.
func (t *Terminal) forget() {
	if t.visit == nil {
		return
	}
	t.log("ended", "")
	t.logVisit(loggedVisit{})
	t.visit.end()
	t.visit.recovery.Wipe()
	t.visit.account.Wipe()
	t.left = t.visit.card
	t.visit = nil
	if t.config.AfterVisit != nil {
		time.AfterFunc(afterVisit, t.config.AfterVisit)
	}
}

// clear ends a visit, and says why for a moment; nil says goodbye.
func (t *Terminal) clear(notice *message.Message) {
	language := t.config.Language
	if t.visit != nil {
		language = t.visit.language
	}
	code := message.Code("")
	if notice != nil {
		code = notice.Code
	}
	t.log("cleared", code)
	t.forget()
	t.show(View{Screen: Cleared, Language: language, Notice: notice})
}

// timeout is that nobody did anything for a time.
func (t *Terminal) timeout() {
	switch {
	case t.visit == nil:
		t.rest()
	case !t.kinder:
		t.kinder = true
		t.screen.Ending = true
		t.publish(t.screen)
		t.timer.Reset(warning)
	default:
		t.clear(timeOver)
	}
}

// rest is between two visits.
func (t *Terminal) rest() {
	switch _, err := t.card(); {
	case err != nil:
		t.stop(err)
	case t.closed != nil:
		t.stop(t.closed)
	case t.left != "":
		t.show(View{Screen: Take})
	default:
		t.show(View{Screen: Welcome})
	}
}

// stop shows what is in the way of any visit. It is logged once, however often cards and
// readers come and go meanwhile.
func (t *Terminal) stop(err error) {
	notice := onScreen(err)
	if t.screen.Screen != Problem || t.screen.Notice.Code != notice.Code {
		t.log("problem", notice.Code)
	}
	t.show(View{Screen: Problem, Notice: notice})
}

// gone is that the card was taken, or is another one's.
func (t *Terminal) gone() {
	switch t.screen.Screen {
	case Result, Done, Take:
		t.clear(nil)
	case Problem:
		t.forget()
		t.left = ""
		t.rest()
	default:
		t.clear(cardTaken)
	}
	t.left = ""
}
