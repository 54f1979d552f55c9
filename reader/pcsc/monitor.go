package pcsc

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
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
)

// pnpReader is the reader that PC/SC reports new readers by.
const pnpReader = `\\?PnP?\Notification`

// monitor is the process's one wait for readers and cards. It runs while
// somebody watches.
type monitor struct {
	binding binding
	feed    feed.Feed

	// waits is held around getStatusChange: with two waits on one reader the
	// binding frees the memory of the first.
	waits sync.Mutex

	mu       sync.Mutex
	watchers int
	run      *run // nil while nobody watches
}

// run is one life of the monitor's goroutine.
type run struct {
	stop  context.CancelFunc
	ready chan struct{} // closed when the feed's state is true
	err   error         // why watching is impossible; set before ready
}

func newMonitor(b binding) *monitor { return &monitor{binding: b} }

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
		if r.err != nil {
			yield(reader.Event{}, r.err)
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
		m.run = &run{stop: stop, ready: make(chan struct{})}
		go m.loop(ctx, m.run)
	}
	return m.run
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

// look returns the state of now: the watching goroutine's if there is one, and
// otherwise from a look of its own.
func (m *monitor) look(ctx context.Context) (feed.State, error) {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r != nil {
		select {
		case <-r.ready:
			state := m.feed.State()
			switch {
			case r.err != nil:
				return feed.State{}, r.err
			case state.ServiceDown:
				return feed.State{}, reader.ErrNoService
			}
			return state, nil
		case <-ctx.Done():
			return feed.State{}, ctx.Err()
		}
	}

	type result struct {
		state feed.State
		err   error
	}
	if err := ctx.Err(); err != nil {
		return feed.State{}, err
	}
	results := make(chan result, 1)
	go func() { // PC/SC may hang in any call
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
	if err := v.list(); err != nil {
		return feed.State{}, err
	}
	if err := m.wait(&v, 0); err != nil {
		return feed.State{}, err
	}
	return v.state(), nil
}

// loop keeps the feed true until ctx ends, over any number of contexts and
// restarts of the service.
func (m *monitor) loop(ctx context.Context, r *run) {
	known := sync.OnceFunc(func() { close(r.ready) })
	for ctx.Err() == nil {
		s, err := m.binding.establish()
		if errors.Is(err, reader.ErrUnsupported) {
			r.err = err
			known()
			return
		}
		if err == nil {
			m.follow(ctx, s, known)
			_ = s.release()
		}
		if ctx.Err() != nil {
			return
		}
		m.feed.Set(feed.State{ServiceDown: true})
		known()
		select {
		case <-time.After(serviceEvery):
		case <-ctx.Done():
		}
	}
}

// follow waits for changes in one context until ctx ends or the context is of
// no more use.
func (m *monitor) follow(ctx context.Context, s scope, known func()) {
	stopCancelling := cancelWhenDone(ctx, s)
	defer stopCancelling()
	v := view{scope: s, plugAndPlay: runtime.GOOS != "darwin"}
	for ctx.Err() == nil {
		if err := v.list(); err != nil {
			return
		}
		timeout := waitSlice
		if v.fresh() {
			timeout = 0
		}
		if err := m.wait(&v, timeout); err != nil || ctx.Err() != nil {
			return
		}
		m.feed.Set(v.state())
		known()
	}
}

// wait is the only caller of getStatusChange.
func (m *monitor) wait(v *view, timeout time.Duration) error {
	m.waits.Lock()
	defer m.waits.Unlock()
	return v.wait(timeout)
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

// view is what one context shows.
type view struct {
	scope       scope
	plugAndPlay bool
	states      []readerState
}

// list brings the readers up to date; states of readers that stay are kept.
func (v *view) list() error {
	names, err := v.scope.listReaders()
	var code Code
	if errors.As(err, &code) && code == codeNoReadersAvailable {
		names, err = nil, nil
	}
	if err != nil {
		return serviceError("SCardListReaders", err)
	}
	if v.plugAndPlay {
		names = append(names, pnpReader)
	}
	old := v.states
	v.states = nil
	for _, name := range names {
		state := readerState{name: name}
		if i := slices.IndexFunc(old, func(s readerState) bool { return s.name == name }); i >= 0 {
			state = old[i]
		}
		v.states = append(v.states, state)
	}
	return nil
}

// fresh tells whether some reader's state is not known yet.
func (v *view) fresh() bool {
	return slices.ContainsFunc(v.states, func(s readerState) bool {
		return s.current == stateUnaware && s.name != pnpReader
	})
}

// wait waits for a change and takes it in. The end of the time is none, and
// neither is a reader that went away meanwhile: the next list tells.
func (v *view) wait(timeout time.Duration) error {
	if len(v.states) == 0 {
		time.Sleep(min(timeout, waitSlice)) // no reader and nothing that tells of new ones
		return nil
	}
	err := v.scope.getStatusChange(v.states, timeout)
	var code Code
	if errors.As(err, &code) {
		switch code {
		case codeTimeout, codeUnknownReader, codeCancelled:
			return nil
		}
	}
	if err != nil {
		return serviceError("SCardGetStatusChange", err)
	}
	for i := range v.states {
		// Echoing the whole event, counter and all, keeps the next wait from
		// returning at once.
		v.states[i].current = v.states[i].event
	}
	return nil
}

func (v *view) state() feed.State {
	var state feed.State
	for _, s := range v.states {
		if s.name == pnpReader || s.current&(stateUnknown|stateIgnore) != 0 {
			continue
		}
		present := s.current&statePresent != 0
		slot := feed.Slot{Reader: reader.Reader{Name: s.name, Present: present}, Count: uint64(s.current >> 16)}
		if present {
			slot.ATR = s.atr
		}
		state.Slots = append(state.Slots, slot)
	}
	return state
}
