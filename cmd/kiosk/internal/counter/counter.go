// Package counter implements the check of a card at a counter, without a page: a customer shows a My
// Number Card, a clerk types what is printed on it, and the package publishes the [View] to show, with
// the photograph and the data of the chip.
//
// One goroutine ([Counter.Run]) takes one card after the other. Everything that was read from a card is
// wiped when the card is taken, when the page is replaced, or when nobody does anything for a while.
//
// Verification number B goes from an action to the card and nowhere else. The package asks for it only
// while the attempts left are on the screen, and sends it once, to that card.
//
// # Where a screen is
//
//   - The list of all screens: view.go ([Screen]).
//   - What follows which screen: check.go.
//   - The text and layout: the template with the screen's name in web/counter.html.
package counter

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

const (
	idleTimeout = 3 * time.Minute  // ends a check without actions
	idleWarning = 30 * time.Second // how long before that the page warns
	lookAgain   = time.Second      // between two looks for a usable card
	afterDelay  = time.Second      // before AfterCheck
)

// ErrStale reports that an action does not belong to the current view. Nothing was done.
var ErrStale = errors.New("the action does not belong to the current view")

// Config configures a counter.
type Config struct {
	Driver   reader.Driver
	Reader   string     // name of the reader to use; "" uses any
	Policy   cvc.Policy // which authorities may have issued the cards' keys
	Language message.Language
	// Keep, if not nil, keeps the record of a check. The screen says that it was kept only after
	// Keep has returned nil.
	Keep func(Record) error
	// AfterCheck, if not nil, is called shortly after each check, when nothing refers to the data of
	// the card anymore.
	AfterCheck func()
	// Log, if not nil, receives the names of events, with the code of the reason if there is one. They
	// contain no personal data. Log must be safe for concurrent use.
	Log func(event string, reason message.Code)
}

// The names of actions.
const (
	EnterNumber    = "number"           // the clerk has typed the number
	UseLastAttempt = "use-last-attempt" // agree to use the last attempt
	TryAgain       = "try-again"        // after a wrong number, or a record that was not kept
	SamePerson     = "same-person"      // the customer is the person in the photograph
	OtherPerson    = "other-person"     // or is not
	Finish         = "finish"           // end the check
	MoreTime       = "more-time"        // restart the idle timeout, also while typing
	SetLanguage    = "language"         // change the language
)

// Action is what the clerk does on a view.
type Action struct {
	Step     string // of the view
	Name     string
	Language message.Language
	Entry    Entry
}

// Counter is a counter.
type Counter struct {
	config Config
	active chan struct{} // an action that restarts the idle timeout

	mu      sync.Mutex
	view    View
	changed chan struct{} // closed when view changes
	actions chan Action   // the action of the view
	acted   bool          // there was one
	end     context.CancelCauseFunc
}

// New returns a counter. It does nothing until Run is called.
func New(config Config) *Counter {
	if config.Log == nil {
		config.Log = func(string, message.Code) {}
	}
	c := &Counter{config: config, active: make(chan struct{}, 1), changed: make(chan struct{}), end: func(error) {}}
	c.view.Language = config.Language
	c.show(View{Screen: Place})
	return c
}

// View returns the current view and a channel that is closed when the view changes.
func (c *Counter) View() (View, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view, c.changed
}

// Run runs the counter until ctx is done. It returns ctx's error, or the error that stopped it from
// watching the readers. Before it returns, the card is logged out and what was read is wiped.
func (c *Counter) Run(ctx context.Context) error {
	for {
		found, err := c.wait(ctx)
		if err == nil {
			err = c.serve(ctx, found)
		}
		if err != nil {
			return err
		}
	}
}

// wait blocks until there is a card, and shows what is missing.
func (c *Counter) wait(ctx context.Context) (reader.Reader, error) {
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer stop()
	watch.Go(func() {
		c.showMissing(watching)
		for range c.config.Driver.Watch(watching) {
			c.showMissing(watching)
		}
	})
	for {
		found, err := reader.Wait(ctx, c.config.Driver, c.config.Reader, jpki.Present)
		if err == nil || ctx.Err() != nil {
			return found, err
		}
		c.showProblem(err) // more than one card, or more than one reader of that name
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return reader.Reader{}, ctx.Err()
		}
	}
}

// showMissing shows what a check needs: the service, a reader, or a card.
func (c *Counter) showMissing(ctx context.Context) {
	readers, err := c.config.Driver.Readers(ctx)
	now, _ := c.View()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.showProblem(err)
	case len(readers) == 0:
		c.showProblem(reader.ErrNoReader)
	case now.Screen != Place:
		c.show(View{Screen: Place})
	}
}

// showProblem shows an error until it is solved. It does not show the same one again.
func (c *Counter) showProblem(err error) {
	notice := noticeFor(err)
	if now, _ := c.View(); now.Screen == Problem && now.Notice.Code == notice.Code {
		return
	}
	c.config.Log("problem", notice.Code)
	c.show(View{Screen: Problem, Notice: notice})
}

// show publishes a view and returns the channel of its actions.
func (c *Counter) show(v View) <-chan Action {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropAction()
	v.Records = c.config.Keep != nil
	v.Language, v.Step, v.At = c.view.Language, rand.Text(), time.Now()
	c.actions, c.acted = make(chan Action, 1), false
	c.publish(v)
	return c.actions
}

func (c *Counter) publish(v View) {
	c.view = v
	close(c.changed)
	c.changed = make(chan struct{})
}

// dropAction wipes the number of an action that nobody takes anymore.
func (c *Counter) dropAction() {
	select {
	case a := <-c.actions:
		a.Entry.Number.Wipe()
	default:
	}
}

// await shows a view and blocks until one of its actions was performed. It returns ctx's cause, or
// errIdle.
func (c *Counter) await(ctx context.Context, v View) (Action, error) {
	actions := c.show(v)
	idle := time.NewTimer(idleTimeout - idleWarning)
	defer idle.Stop()
	for {
		select {
		case a := <-actions:
			return a, nil
		case <-c.active:
			c.setEnding(false)
			idle.Reset(idleTimeout - idleWarning)
		case <-idle.C:
			if now, _ := c.View(); now.Ending {
				return Action{}, errIdle
			}
			c.setEnding(true)
			idle.Reset(idleWarning)
		case <-ctx.Done():
			return Action{}, context.Cause(ctx)
		}
	}
}

// setEnding says whether the check ends soon.
func (c *Counter) setEnding(ending bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view.Ending != ending {
		v := c.view
		v.Ending = ending
		c.publish(v)
	}
}

// Do performs an action. It returns [ErrStale] if the view has changed, so a double tap acts once. In
// every case it uses or wipes the number. It does not block.
func (c *Counter) Do(a Action) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.perform(a)
	if err != nil || a.Name != EnterNumber {
		a.Entry.Number.Wipe()
	}
	return err
}

func (c *Counter) perform(a Action) error {
	v := c.view
	switch {
	case a.Step != v.Step:
		return ErrStale
	case a.Name == SetLanguage:
		v.Language, v.Step = message.English, rand.Text()
		if a.Language == message.Japanese {
			v.Language = message.Japanese
		}
		c.publish(v)
	case a.Name == MoreTime:
		select {
		case c.active <- struct{}{}:
		default:
		}
	case !slices.Contains(actionsOn[v.Screen], a.Name) || c.acted:
		return ErrStale
	default:
		c.acted = true
		c.actions <- a
	}
	return nil
}

// Abandon ends a check because its page was replaced.
func (c *Counter) Abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(errAbandoned)
}
