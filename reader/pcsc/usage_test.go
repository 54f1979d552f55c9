package pcsc

import (
	"fmt"
	"sync"
	"time"
)

// usage records violations of the rules of the real binding: two concurrent calls in
// one context (all contexts of the process hang), a context released during a call or
// with an open connection (it hangs or uses freed memory), two concurrent waits (the
// memory of the first is freed), and calls on anything that was released.
type usage struct {
	mu              sync.Mutex
	scopes, handles int
	waits           int
	violations      []string

	last time.Time // the time of the last call
	busy int       // the number of calls at that time
}

func (u *usage) open() (scopes, handles int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.scopes, u.handles
}

// watch returns a scope that checks the calls of s.
func (u *usage) watch(s scope) scope {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.scopes++
	return &watchedScope{usage: u, scope: s}
}

type watchedScope struct {
	usage *usage
	scope scope

	// Guarded by usage's mu.
	call     string // the current call
	handles  int
	released bool
}

// enter records the beginning of a call. The returned function records its end.
func (w *watchedScope) enter(call string) (leave func()) {
	u := w.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := time.Now(); !now.Equal(u.last) {
		u.last, u.busy = now, 0
	}
	if u.busy++; u.busy > 1000 {
		panic("endless calls without a pause: the clock of synctest never advances")
	}
	if w.call != "" {
		u.violations = append(u.violations, fmt.Sprintf("%s while %s runs in the same context", call, w.call))
	}
	if w.released {
		u.violations = append(u.violations, call+" in a context that was released")
	}
	w.call = call
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		w.call = ""
	}
}

func (w *watchedScope) listReaders() ([]string, error) {
	defer w.enter("list")()
	return w.scope.listReaders()
}

func (w *watchedScope) getStatusChange(states []readerState, timeout time.Duration) error {
	defer w.enter("wait")()
	w.usage.mu.Lock()
	if w.usage.waits++; w.usage.waits > 1 {
		w.usage.violations = append(w.usage.violations, "two waits at once")
	}
	w.usage.mu.Unlock()
	defer func() {
		w.usage.mu.Lock()
		w.usage.waits--
		w.usage.mu.Unlock()
	}()
	return w.scope.getStatusChange(states, timeout)
}

func (w *watchedScope) connect(name string) (handle, error) {
	defer w.enter("connect")()
	h, err := w.scope.connect(name)
	if err != nil {
		return nil, err
	}
	w.usage.mu.Lock()
	defer w.usage.mu.Unlock()
	w.handles++
	w.usage.handles++
	return &watchedHandle{scope: w, handle: h}, nil
}

// cancel is the only call that may run concurrently with another one.
func (w *watchedScope) cancel() error {
	w.usage.mu.Lock()
	if w.released {
		w.usage.violations = append(w.usage.violations, "cancel in a context that was released")
	}
	w.usage.mu.Unlock()
	return w.scope.cancel()
}

func (w *watchedScope) release() error {
	defer w.enter("release")()
	w.usage.mu.Lock()
	if w.handles > 0 {
		w.usage.violations = append(w.usage.violations, "a context released with an open connection")
	}
	w.released = true
	w.usage.scopes--
	w.usage.mu.Unlock()
	return w.scope.release()
}

type watchedHandle struct {
	scope  *watchedScope
	handle handle
	closed bool // guarded by usage's mu
}

func (w *watchedHandle) enter(call string) (leave func()) {
	leave = w.scope.enter(call)
	w.scope.usage.mu.Lock()
	defer w.scope.usage.mu.Unlock()
	if w.closed {
		w.scope.usage.violations = append(w.scope.usage.violations, call+" on a closed connection")
	}
	return leave
}

func (w *watchedHandle) transmit(command []byte) ([]byte, error) {
	defer w.enter("transmit")()
	return w.handle.transmit(command)
}

func (w *watchedHandle) begin() error {
	defer w.enter("begin")()
	return w.handle.begin()
}

func (w *watchedHandle) end() error {
	defer w.enter("end")()
	return w.handle.end()
}

func (w *watchedHandle) status() ([]byte, error) {
	defer w.enter("status")()
	return w.handle.status()
}

func (w *watchedHandle) disconnect(unpower bool) error {
	defer w.enter("disconnect")()
	w.scope.usage.mu.Lock()
	w.closed = true
	w.scope.handles--
	w.scope.usage.handles--
	w.scope.usage.mu.Unlock()
	return w.handle.disconnect(unpower)
}
