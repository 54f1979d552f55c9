package pcsc

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/internal/feed"
)

const (
	// waitSlice bounds one wait of PC/SC, since canceling it may fail.
	waitSlice = time.Second
	// serviceEvery is the interval between attempts to reach a service that is down.
	serviceEvery = 250 * time.Millisecond
	// cancelEvery is the interval at which a wait is canceled until it ends. A cancel
	// that comes before its wait has no effect.
	cancelEvery = 10 * time.Millisecond
	// wakeEvery is the minimum interval between checks of the readers, so that waits
	// that always return at once do not keep the processor busy. An inserted card
	// should be reported within 50 ms.
	wakeEvery = 20 * time.Millisecond
	// maxStale is how many checks in a row may fail with errStale.
	maxStale = 10
)

// monitor waits for changes of readers and cards, for all watchers. Its goroutine runs
// while there are watchers.
type monitor struct {
	binding  binding
	platform platform
	feed     feed.Feed
	spare    spare

	// turn holds a token while a goroutine lists readers and waits for them. With two
	// waits for one reader, the binding would free the memory of the first.
	turn chan struct{}

	mu       sync.Mutex
	watchers int
	run      *run          // nil while there are no watchers
	began    chan struct{} // closed when the next run begins
}

// run is one run of the monitor's goroutine.
type run struct {
	stop  context.CancelFunc
	ready chan struct{} // closed when the feed holds the current state or err is set
	ended chan struct{} // closed when the goroutine ends

	// Guarded by the monitor's mu.
	err   error // why watching is impossible
	cause error // why the service is down
}

func newMonitor(b binding, p platform) *monitor {
	return &monitor{binding: b, platform: p, turn: make(chan struct{}, 1), began: make(chan struct{})}
}

// take blocks until it has the turn or ctx ends.
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
		if err := m.watchError(r); err != nil {
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

// begin starts a new run. It wakes the callers of look that wait for the turn, since the
// run now keeps it. m.mu must be held.
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

// watchError returns the error that makes watching impossible.
func (m *monitor) watchError(r *run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return r.err
}

// look returns the current state. It takes the state from the current run or, if there
// is none, asks PC/SC itself. A run may begin or end while look waits.
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
				return m.lookWithTurn(ctx)
			case <-began: // the run keeps the turn
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-r.ready:
			if state, err, current := m.stateOf(r); current {
				return state, err
			}
		case <-r.ended: // its last watcher has left
		case <-ctx.Done():
		}
	}
}

// stateOf returns the state that a run has found. current is false if the run is no
// longer the current one.
func (m *monitor) stateOf(r *run) (state feed.State, err error, current bool) {
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

// lookWithTurn asks PC/SC for the state on a goroutine, since any call of PC/SC may hang.
// It needs the turn and gives it back. Later callers wait for the turn until their
// context ends.
func (m *monitor) lookWithTurn(ctx context.Context) (feed.State, error) {
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
	v := view{scope: s}
	for range maxStale {
		if err = v.look(0); !errors.Is(err, errStale) {
			break
		}
		time.Sleep(wakeEvery)
	}
	state := v.state()
	if err == nil && slices.ContainsFunc(state.Slots, func(s feed.Slot) bool { return s.Reader.Present }) {
		m.spare.put(s)
	} else {
		_ = s.release()
	}
	return state, err
}

// loop keeps the feed up to date until ctx ends, across restarts of the service.
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

// publish sets the state of the feed if r is still the current run.
func (m *monitor) publish(r *run, state feed.State, cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == r {
		r.cause = cause
		m.feed.Set(state)
	}
}

// follow publishes changes until ctx ends or the PC/SC context becomes unusable. In the
// latter case it returns the error.
func (m *monitor) follow(ctx context.Context, s scope, r *run, ready func()) error {
	stopCancelling := cancelWhenDone(ctx, s)
	defer stopCancelling()
	v := view{scope: s, plugAndPlay: m.platform.plugAndPlay}
	for ctx.Err() == nil {
		next := time.Now().Add(wakeEvery)
		err := v.look(waitSlice)
		switch {
		case errors.Is(err, errStale) && v.stale < maxStale:
		case err != nil:
			return err
		case ctx.Err() != nil:
			return nil
		default:
			m.publish(r, v.state(), nil)
			ready()
			if len(v.states) == 0 { // there is nothing to wait for
				next = time.Now().Add(waitSlice)
			}
		}
		pause(ctx, time.Until(next))
	}
	return nil
}

// pause blocks for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// cancelWhenDone cancels the waits in s after ctx has ended. The returned function stops
// that and returns when s is no longer used.
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
			_ = s.cancel() // fails just after a timeout
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
