package pcsc

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

var (
	onLinux   = platformOf("linux")
	onMacOS   = platformOf("darwin")
	onWindows = platformOf("windows")
)

// service is a fake PC/SC service.
type service struct {
	usage

	mu      sync.Mutex
	down    bool
	stops   int              // how often it stopped; contexts from before are invalid
	names   []string         // of the readers
	readers map[string]flags // states by name
	atrs    map[string][]byte
	changed chan struct{}

	// Differences between systems.
	stopsEmpty bool   // it stops with its last reader, as on Windows
	silent     bool   // it does not report new readers
	pnp        pnp    // how it handles the pseudo-reader
	ghost      string // a reader that it lists without knowing its state
	panics     string // a reader on whose state the binding panics
	emptyList  bool   // if there are no readers, it returns an empty list instead of a code
	lostCancel bool   // cancel has no effect

	// fault is called before each call and may return an error for it or block. It
	// may be nil.
	fault func(call string) error

	waitsBegun atomic.Int32
	unknown    int // how many waits fail with UNKNOWN_READER
	unpowers   int

	connects   int
	refusals   int // how many connects fail with connectErr
	connectErr error
	atr        []byte // of a connected card
	statusErr  error
	endErr     error
	transmitFn func([]byte) ([]byte, error)
	beginFn    func() error
}

type pnp int

const (
	pnpReports pnp = iota
	pnpUnknown     // SCARD_E_UNKNOWN_READER
	pnpFlagged     // reports the state UNKNOWN
	pnpSpins       // always reports a change
)

func newService(names ...string) *service {
	s := &service{readers: map[string]flags{}, atrs: map[string][]byte{}, changed: make(chan struct{}), atr: []byte{0x3B}, endErr: codeRemovedCard}
	for _, name := range names {
		s.plug(name, 0x10)
	}
	return s
}

// plug adds a reader or changes its state.
func (s *service) plug(name string, state flags) {
	if !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
	s.readers[name] = state
}

func (s *service) unplug(names ...string) {
	for _, name := range names {
		s.names = slices.DeleteFunc(s.names, func(n string) bool { return n == name })
		delete(s.readers, name)
	}
}

func (s *service) stopped() bool { return s.down || s.stopsEmpty && len(s.names) == 0 }

// change changes the service and wakes its waits.
func (s *service) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	if s.stopped() {
		s.stops++
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// fail returns the fault of a call.
func (s *service) fail(call string) error {
	if s.fault == nil {
		return nil
	}
	_, err := guard(func() (struct{}, error) { return struct{}{}, s.fault(call) })
	return err
}

func (s *service) establish() (scope, error) {
	if err := s.fail("establish"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped() {
		return nil, codeNoService
	}
	return s.usage.watch(&fakeScope{service: s, stops: s.stops, cancelled: make(chan struct{})}), nil
}

type fakeScope struct {
	service   *service
	stops     int // of the service when the context was established
	cancelled chan struct{}
}

// invalid reports whether the service has stopped since the context was established.
func (c *fakeScope) invalid() bool { return c.stops != c.service.stops }

func (c *fakeScope) listReaders() ([]string, error) {
	if err := c.service.fail("list"); err != nil {
		return nil, err
	}
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	names := slices.Clone(c.service.names)
	if c.service.ghost != "" {
		names = append(names, c.service.ghost)
	}
	switch {
	case c.invalid() && c.service.stopsEmpty:
		return nil, codeServiceStopped
	case c.invalid():
		return nil, codeNoService
	case len(names) == 0 && !c.service.emptyList:
		return nil, codeNoReadersAvailable
	}
	return names, nil
}

func (c *fakeScope) getStatusChange(states []readerState, timeout time.Duration) error {
	c.service.waitsBegun.Add(1)
	if err := c.service.fail("wait"); err != nil {
		return err
	}
	deadline := time.After(timeout)
	for {
		c.service.mu.Lock()
		different, err := guard(func() (bool, error) { return c.look(states) })
		changed := c.service.changed
		c.service.mu.Unlock()
		if err != nil || different {
			return err
		}
		select {
		case <-changed:
		case <-deadline:
			return codeTimeout
		case <-c.cancelled:
			return codeCancelled
		}
	}
}

// look sets the current states.
func (c *fakeScope) look(states []readerState) (different bool, err error) {
	s := c.service
	switch {
	case s.unknown > 0:
		s.unknown--
		return false, codeUnknownReader
	case c.invalid() && s.stopsEmpty:
		return false, codeServiceStopped
	case c.invalid():
		return false, codeCommError
	}
	for i := range states {
		state := &states[i]
		now, ok := s.readers[state.name]
		switch {
		case state.name == pnpReader:
			if s.pnp == pnpUnknown {
				return false, codeUnknownReader
			}
			now, ok = flags(len(s.names))<<16, true
			if s.silent {
				now = state.current
			}
			switch s.pnp {
			case pnpFlagged:
				now |= stateUnknown | stateChanged
			case pnpSpins:
				now |= stateChanged
			}
		case s.panics != "" && state.name == s.panics:
			panic("index out of range")
		case s.ghost != "" && state.name == s.ghost:
			return false, codeUnknownReader
		case !ok:
			now = stateUnknown | stateChanged
		}
		state.event, state.atr = now, s.atrs[state.name]
		different = different || now != state.current
	}
	return different, nil
}

func (c *fakeScope) connect(string) (handle, error) {
	if err := c.service.fail("connect"); err != nil {
		return nil, err
	}
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	if c.invalid() {
		return nil, codeNoService
	}
	c.service.connects++
	if c.service.connectErr != nil && c.service.connects <= c.service.refusals {
		return nil, c.service.connectErr
	}
	return fakeHandle{c.service}, nil
}

func (c *fakeScope) cancel() error {
	if err := c.service.fail("cancel"); err != nil {
		return err
	}
	if !c.service.lostCancel {
		select {
		case c.cancelled <- struct{}{}:
		default: // there is no wait; the next one is not canceled
		}
	}
	return codeInvalidHandle // as if the wait had just timed out
}

func (c *fakeScope) release() error { return c.service.fail("release") }

type fakeHandle struct{ service *service }

func (h fakeHandle) transmit(command []byte) ([]byte, error) {
	if err := h.service.fail("transmit"); err != nil {
		return nil, err
	}
	return guard(func() ([]byte, error) { return h.service.transmitFn(command) })
}

func (h fakeHandle) begin() error {
	if err := h.service.fail("begin"); err != nil {
		return err
	}
	if h.service.beginFn != nil {
		return h.service.beginFn()
	}
	return nil
}

func (h fakeHandle) end() error {
	if err := h.service.fail("end"); err != nil {
		return err
	}
	return h.service.endErr
}

func (h fakeHandle) status() ([]byte, error) {
	if err := h.service.fail("status"); err != nil {
		return nil, err
	}
	return h.service.atr, h.service.statusErr
}

func (h fakeHandle) disconnect(unpower bool) error {
	if err := h.service.fail("disconnect"); err != nil {
		return err
	}
	h.service.mu.Lock()
	defer h.service.mu.Unlock()
	if unpower {
		h.service.unpowers++
	}
	return codeRemovedCard
}

// clean blocks until all contexts and connections are closed, and requires that the
// binding was used correctly.
func (u *usage) clean(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		scopes, handles := u.open()
		return scopes == 0 && handles == 0
	}, 5*time.Second, time.Millisecond, "contexts or connections are still open")
	u.mu.Lock()
	defer u.mu.Unlock()
	require.Empty(t, u.violations)
}

func connected(t *testing.T, s *service) reader.Card {
	t.Helper()
	card, err := newDriver(s, onLinux).Connect(context.Background(), "Reader")
	require.NoError(t, err)
	return card
}
