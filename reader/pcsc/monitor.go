package pcsc

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

const (
	// waitSlice bounds one wait of PC/SC, for cancelling it may fail.
	waitSlice = time.Second
	// serviceEvery is how often a service that is down is looked for.
	serviceEvery = 250 * time.Millisecond
	// cancelEvery is how often a wait is cancelled until it ends: a cancel
	// that comes before its wait is lost.
	cancelEvery = 10 * time.Millisecond
	// wakeEvery is the time from one look at the readers to the next, at the
	// least: waits that return at once, again and again, must not keep the
	// processor busy. An inserted card should show within 50 ms.
	wakeEvery = 20 * time.Millisecond
	// lookAgain is how often in a row PC/SC may disagree with itself about
	// the readers.
	lookAgain = 10
)

// monitor is the process's one wait for readers and cards. It runs while
// somebody watches.
type monitor struct {
	binding  binding
	platform platform
	feed     feed.Feed

	// turn holds a token while somebody lists readers and waits for them:
	// with two waits on one reader the binding frees the memory of the first.
	turn chan struct{}

	mu       sync.Mutex
	watchers int
	run      *run          // nil while nobody watches
	began    chan struct{} // closed when the next run begins
}

// run is one life of the monitor's goroutine.
type run struct {
	stop  context.CancelFunc
	ready chan struct{} // closed when the feed's state is true, or err is set
	ended chan struct{} // closed when the goroutine ends

	// Guarded by the monitor's mu.
	err   error // why watching is impossible
	cause error // why the service is down
}

func newMonitor(b binding, p platform) *monitor {
	return &monitor{binding: b, platform: p, turn: make(chan struct{}, 1), began: make(chan struct{})}
}

// take waits for the turn, or for ctx.
func (m *monitor) take(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *monitor) giveBack() { <-m.turn }

// watch yields events until ctx or the loop ends.
func (m *monitor) watch(ctx context.Context) iter.Seq2[reader.Event, error] {
	return func(yield func(reader.Event, error) bool) {
		r := m.enter()
		defer m.leave()
		select {
		case <-r.ready:
		case <-ctx.Done():
			return
		}
		if err := m.impossible(r); err != nil {
			yield(reader.Event{}, err)
			return
		}
		m.feed.Watch(ctx)(yield)
	}
}

func (m *monitor) enter() *run {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers++
	if m.run == nil {
		ctx, stop := context.WithCancel(context.Background())
		m.begin(stop)
		go m.loop(ctx, m.run)
	}
	return m.run
}

// begin makes a new run the current one, with mu held, and wakes whoever waits for
// the turn to look alone: the run keeps it from now on.
func (m *monitor) begin(stop context.CancelFunc) {
	m.run = &run{stop: stop, ready: make(chan struct{}), ended: make(chan struct{})}
	close(m.began)
	m.began = make(chan struct{})
}

func (m *monitor) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers--
	if m.watchers == 0 {
		m.run.stop()
		m.run = nil
	}
}

func (m *monitor) impossible(r *run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return r.err
}

// look returns the current state: the watching goroutine's if there is one, and
// otherwise from a look of its own. Both may change while it waits.
func (m *monitor) look(ctx context.Context) (feed.State, error) {
	for {
		if err := ctx.Err(); err != nil {
			return feed.State{}, err
		}
		m.mu.Lock()
		r, began := m.run, m.began
		m.mu.Unlock()
		if r == nil {
			select {
			case m.turn <- struct{}{}:
				return m.lookAlone(ctx)
			case <-began: // which keeps the turn
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-r.ready:
			if state, err, current := m.seen(r); current {
				return state, err
			}
		case <-r.ended: // with its last watcher: the next round finds another way
		case <-ctx.Done():
		}
	}
}

// seen is what a run knows, as long as it is the current one.
func (m *monitor) seen(r *run) (state feed.State, err error, current bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	state = m.feed.State()
	switch {
	case r.err != nil:
		return feed.State{}, r.err, true
	case m.run != r:
		return feed.State{}, nil, false
	case state.ServiceDown:
		return feed.State{}, r.cause, true
	}
	return state, nil, true
}

// lookAlone looks with the turn, which it gives back, on a goroutine: PC/SC may hang
// in any call. Whoever comes then waits for the turn as long as its context lets it.
func (m *monitor) lookAlone(ctx context.Context) (feed.State, error) {
	type result struct {
		state feed.State
		err   error
	}
	results := make(chan result, 1)
	go func() {
		defer m.giveBack()
		state, err := m.lookOnce()
		results <- result{state, err}
	}()
	select {
	case r := <-results:
		return r.state, r.err
	case <-ctx.Done():
		return feed.State{}, ctx.Err()
	}
}

func (m *monitor) lookOnce() (feed.State, error) {
	s, err := m.binding.establish()
	if err != nil {
		return feed.State{}, serviceError("SCardEstablishContext", err)
	}
	defer func() { _ = s.release() }()
	v := view{scope: s}
	for range lookAgain {
		if err = v.look(0); !errors.Is(err, errStale) {
			break
		}
		time.Sleep(wakeEvery)
	}
	return v.state(), err
}

// loop keeps the feed true until ctx ends, over any number of contexts and
// restarts of the service.
func (m *monitor) loop(ctx context.Context, r *run) {
	defer close(r.ended)
	if m.take(ctx) != nil {
		return
	}
	defer m.giveBack()
	ready := sync.OnceFunc(func() { close(r.ready) })
	for ctx.Err() == nil {
		s, err := m.binding.establish()
		err = serviceError("SCardEstablishContext", err)
		if errors.Is(err, reader.ErrUnsupported) {
			m.mu.Lock()
			r.err = err
			m.mu.Unlock()
			ready()
			return
		}
		if err == nil {
			err = m.follow(ctx, s, r, ready)
			_ = s.release()
		}
		if ctx.Err() != nil {
			return
		}
		m.publish(r, feed.State{ServiceDown: true}, err)
		ready()
		pause(ctx, serviceEvery)
	}
}

// publish makes a state the feed's, unless the run is not the current one any
// more.
func (m *monitor) publish(r *run, state feed.State, cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == r {
		r.cause = cause
		m.feed.Set(state)
	}
}

// follow waits for changes in one context until ctx ends or the context is of
// no more use, and returns why.
func (m *monitor) follow(ctx context.Context, s scope, r *run, ready func()) error {
	stopCancelling := cancelWhenDone(ctx, s)
	defer stopCancelling()
	v := view{scope: s, plugAndPlay: m.platform.plugAndPlay}
	for ctx.Err() == nil {
		next := time.Now().Add(wakeEvery)
		err := v.look(waitSlice)
		switch {
		case errors.Is(err, errStale) && v.stale < lookAgain:
		case err != nil:
			return err
		case ctx.Err() != nil:
			return nil
		default:
			m.publish(r, v.state(), nil)
			ready()
			if len(v.states) == 0 { // and nothing that tells of new ones
				next = time.Now().Add(waitSlice)
			}
		}
		pause(ctx, time.Until(next))
	}
	return nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// cancelWhenDone makes a wait in s end soon after ctx. The returned function
// ends that, and returns when s is not used any more.
func cancelWhenDone(ctx context.Context, s scope) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		for {
			_ = s.cancel() // an invalid handle, when it comes just after a timeout
			select {
			case <-over:
				return
			case <-time.After(cancelEvery):
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}
