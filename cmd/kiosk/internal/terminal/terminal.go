// Package terminal implements a kiosk visit from card to application, without a page.
// It receives card events and user actions, and publishes the [View] to show.
//
// One goroutine ([Terminal.Run]) owns the state. Card events come from
// reader.Driver.Watch and user actions from [Terminal.Do]. Slow work, such as card and
// registry access, runs in other goroutines that report their results to Run. All data
// of a visit lives in one value. It is dropped when the card is taken, another card is
// inserted, the visit is idle for too long, or something fails. Results that arrive
// after their visit are discarded.
//
// A PIN goes from an action to the card and nowhere else. The terminal asks for it only
// while the card's remaining attempts are on the screen, and sends it only to that card
// (jpki.ForCard).
//
// # Where a screen is
//
//   - The list of all screens: view.go ([Screen]).
//   - The actions that are valid on a screen, and what they do: actions.go (validOn and
//     perform).
//   - The text and layout: the template with the screen's name in web/screens.html.
//   - The screen's step in the progress indicator: web/parts.go (stepOf).
//   - Texts for errors: notices.go (residents replaces texts of package message, notices
//     has the kiosk's own errors) and registry_notices.go. A wrong PIN with attempts left is
//     a screen of its own: wrong-pin and attempts in web/screens.html.
//   - Appearance, and what the script knows of screens: web/static/style.css and
//     web/static/app.js. Furigana of messages: web/readings.go.
package terminal

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

var (
	// ErrStale reports that an action does not belong to the current view. Nothing
	// was done.
	ErrStale = errors.New("the action does not belong to the current view")
	// ErrUnread reports that an application was confirmed before the resident could
	// have read it. Nothing was done.
	ErrUnread = errors.New("confirmed too soon after it was shown")
)

// Config configures a terminal.
type Config struct {
	Driver   reader.Driver
	Reader   string // name of the reader to use; "" uses any
	Campaign *campaign.Campaign
	Service  fleet.Service
	Chain    []jpki.CardOption // which CA certificates to trust
	Language message.Language
	// NoPrinter removes the print buttons.
	NoPrinter bool
	// AfterVisit, if not nil, is called shortly after each visit, when nothing refers
	// to the visit's data anymore.
	AfterVisit func()
	// Log, if not nil, receives the terminal's events. It must be safe for concurrent
	// use.
	Log func(Event)
}

// Terminal is a kiosk terminal.
type Terminal struct {
	config  Config
	actions chan request
	results chan result
	async   sync.WaitGroup // goroutines started by runAsync

	// Used by Run's goroutine only.
	runCtx      context.Context // Run's context
	cards       map[string]cardState
	insertions  map[string]int // number of cards inserted into each reader
	serviceErr  error          // why the readers are unknown
	registryErr error          // why the registry keeps the terminal closed
	cardToTake  string         // the reader with the card of the last visit
	// outcomeUnknown reports that the last visit ended while the registry was making a
	// change. The screens say so until a visit can start again.
	outcomeUnknown bool
	visit          *visit
	screen         View
	timer          *time.Timer
	idleWarned     bool // the idle warning is shown

	nextCampaign atomic.Pointer[campaign.Campaign] // replaces the campaign between visits

	mu      sync.Mutex
	current View
	changed chan struct{} // closed when current changes
	logged  loggedVisit
}

// result is the result of asynchronous work.
type result struct {
	visit *visit // the visit it belongs to; nil if it applies whatever the visit
	apply func()
}

// New returns a terminal. It does nothing until Run is called.
func New(config Config) *Terminal {
	if config.Log == nil {
		config.Log = func(Event) {}
	}
	t := &Terminal{
		config: config, actions: make(chan request), results: make(chan result),
		cards: map[string]cardState{}, insertions: map[string]int{}, changed: make(chan struct{}), timer: time.NewTimer(time.Hour),
	}
	t.timer.Stop()
	t.show(View{Screen: Problem, Notice: noticeFor(reader.ErrNoService)})
	return t
}

// View returns the current view and a channel that is closed when the view changes.
func (t *Terminal) View() (View, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current, t.changed
}

// SetCampaign replaces the campaign, after the running visit if there is one. It blocks until
// Run takes note of it, or ctx is done.
func (t *Terminal) SetCampaign(ctx context.Context, c *campaign.Campaign) {
	t.nextCampaign.Store(c)
	select {
	case t.results <- result{nil, func() {
		if t.screen.Screen == Welcome {
			t.showIdle()
		}
	}}:
	case <-ctx.Done():
	}
}

// Run runs the terminal until ctx is done. It returns ctx's error, or the error that
// stopped it from watching the readers. Before it returns, it wipes the data of a
// running visit and logs its card out.
func (t *Terminal) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	events := make(chan reader.Event)
	go t.watch(ctx, events, cancel)
	defer func() {
		t.endVisit()
		t.timer.Stop()
		t.async.Wait() // until the card is logged out
	}()
	t.runCtx = ctx
	go t.checkRegistry()
	for {
		select {
		case e := <-events:
			t.handleEvent(e)
		case a := <-t.actions:
			a.done <- t.act(a.Action)
		case r := <-t.results:
			if r.visit == nil || r.visit == t.visit {
				r.apply()
			}
		case <-t.timer.C:
			t.handleTimeout()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// watch sends reader events until ctx is done. It calls fail if watching fails.
func (t *Terminal) watch(ctx context.Context, events chan<- reader.Event, fail func(error)) {
	for e, err := range t.config.Driver.Watch(ctx) {
		if err != nil {
			fail(err)
			return
		}
		select {
		case events <- e:
		case <-ctx.Done():
			return
		}
	}
}

// runAsync runs work in a goroutine, and then calls the returned function in Run's
// goroutine if the visit has not ended.
func (t *Terminal) runAsync(work func(ctx context.Context) (apply func())) {
	v := t.visit
	t.async.Go(func() {
		apply := work(v.ctx)
		select {
		case t.results <- result{v, apply}:
		case <-v.ctx.Done(): // the visit has ended
		}
	})
}

// post calls apply in Run's goroutine, whatever the visit.
func (t *Terminal) post(apply func()) {
	select {
	case t.results <- result{nil, apply}:
	case <-t.runCtx.Done():
	}
}

// show publishes a new view.
func (t *Terminal) show(v View) {
	if t.visit == nil {
		if c := t.nextCampaign.Swap(nil); c != nil {
			t.config.Campaign = c
		}
	}
	v.Step = rand.Text()
	v.At, v.Printer = time.Now(), !t.config.NoPrinter
	v.Campaign, v.Open = t.config.Campaign, t.config.Campaign.Open(v.At)
	if v.Language == "" {
		v.Language = t.config.Language
		if t.visit != nil {
			v.Language = t.visit.language
		}
	}
	if v.Screen == Welcome {
		t.outcomeUnknown = false
	}
	if t.visit == nil {
		v.OutcomeUnknown = t.outcomeUnknown
	} else if v.Screen != Applying {
		t.visit.changing = false
	}
	t.screen, t.idleWarned = v, false
	t.publish(v)
	switch {
	case v.Screen == Cleared:
		t.timer.Reset(clearedTimeout)
	case t.visit != nil:
		t.timer.Reset(idleTimeout - idleWarning)
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
