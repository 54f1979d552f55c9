package pcsc

import (
	"fmt"
	"sync"
	"time"
)

// usage watches how the package uses a binding, and takes down what the real
// one does not bear: two calls in one context at a time (all contexts of the
// process freeze), a context released under a call or with a card in it (frozen,
// or memory used after it was freed), two waits at a time (memory freed under
// the first), and calls with what was released.
type usage struct {
	mu              sync.Mutex
	scopes, handles int
	waits           int
	wrong           []string

	last time.Time // of a call
	busy int       // calls at that time
}

func (u *usage) open() (scopes, handles int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.scopes, u.handles
}

// watch stands between the package and a context.
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
	call     string // under way
	handles  int
	released bool
}

// enter begins a call, and the function that it returns ends it.
func (w *watchedScope) enter(call string) (leave func()) {
	u := w.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := time.Now(); !now.Equal(u.last) {
		u.last, u.busy = now, 0
	}
	if u.busy++; u.busy > 1000 {
		panic("calls without end or pause, in which the clock of a test never moves on")
	}
	if w.call != "" {
		u.wrong = append(u.wrong, fmt.Sprintf("%s while %s runs in the same context", call, w.call))
	}
	if w.released {
		u.wrong = append(u.wrong, call+" in a context that was released")
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
		w.usage.wrong = append(w.usage.wrong, "two waits at once")
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

// cancel is the one call that may come beside another.
func (w *watchedScope) cancel() error {
	w.usage.mu.Lock()
	if w.released {
		w.usage.wrong = append(w.usage.wrong, "cancel in a context that was released")
	}
	w.usage.mu.Unlock()
	return w.scope.cancel()
}

func (w *watchedScope) release() error {
	defer w.enter("release")()
	w.usage.mu.Lock()
	if w.handles > 0 {
		w.usage.wrong = append(w.usage.wrong, "a context released with a card in it")
	}
	w.released = true
	w.usage.scopes--
	w.usage.mu.Unlock()
	return w.scope.release()
}

type watchedHandle struct {
	scope  *watchedScope
	handle handle
	gone   bool // guarded by usage's mu
}

func (w *watchedHandle) enter(call string) (leave func()) {
	leave = w.scope.enter(call)
	w.scope.usage.mu.Lock()
	defer w.scope.usage.mu.Unlock()
	if w.gone {
		w.scope.usage.wrong = append(w.scope.usage.wrong, call+" on a card that was disconnected")
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
	w.gone = true
	w.scope.handles--
	w.scope.usage.handles--
	w.scope.usage.mu.Unlock()
	return w.handle.disconnect(unpower)
}
