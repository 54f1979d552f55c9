package pcsc

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// service is a PC/SC service that does as it is told.
type service struct {
	mu       sync.Mutex
	down     bool
	readers  map[string]uint32 // state flags
	changed  chan struct{}
	open     int // contexts not released
	handles  int // cards not disconnected
	unpowers int

	waiting atomic.Int32
	twice   atomic.Bool // two waits at once
	unknown int         // so many waits fail with UNKNOWN_READER

	connects   int
	refusals   int // so many connects fail with connectErr
	connectErr error
	statusErr  error
	transmitFn func([]byte) ([]byte, error)
	beginFn    func() error
}

func newService(names ...string) *service {
	s := &service{readers: map[string]uint32{}, changed: make(chan struct{})}
	for _, name := range names {
		s.readers[name] = 0x10
	}
	return s
}

// change changes the service and wakes its waits.
func (s *service) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *service) establish() (scope, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, codeNoService
	}
	s.open++
	return &fakeScope{service: s, cancelled: make(chan struct{}, 1)}, nil
}

type fakeScope struct {
	service   *service
	cancelled chan struct{}
}

func (c *fakeScope) listReaders() ([]string, error) {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	switch {
	case c.service.down:
		return nil, codeNoService
	case len(c.service.readers) == 0:
		return nil, codeNoReadersAvailable
	}
	var names []string
	for name := range c.service.readers {
		names = append(names, name)
	}
	return names, nil
}

func (c *fakeScope) getStatusChange(states []readerState, timeout time.Duration) error {
	if c.service.waiting.Add(1) > 1 {
		c.service.twice.Store(true) // here the binding would use memory that it freed
	}
	defer c.service.waiting.Add(-1)
	deadline := time.After(timeout)
	for {
		c.service.mu.Lock()
		if c.service.unknown > 0 {
			c.service.unknown--
			c.service.mu.Unlock()
			return codeUnknownReader
		}
		if c.service.down {
			c.service.mu.Unlock()
			return codeCommError
		}
		different := false
		known := 0
		for i := range states {
			flags, ok := c.service.readers[states[i].name]
			if ok {
				known++
			}
			states[i].event = flags
			different = different || ok && flags != states[i].current
		}
		different = different || known != len(c.service.readers)
		changed := c.service.changed
		c.service.mu.Unlock()
		if different {
			return nil
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

func (c *fakeScope) connect(string) (handle, error) {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	c.service.connects++
	if c.service.connectErr != nil && c.service.connects <= c.service.refusals {
		return nil, c.service.connectErr
	}
	c.service.handles++
	return fakeHandle{c.service}, nil
}

func (c *fakeScope) cancel() error {
	select {
	case c.cancelled <- struct{}{}:
	default:
	}
	return codeInvalidHandle // as when it comes beside a timeout
}

func (c *fakeScope) release() error {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	c.service.open--
	return nil
}

type fakeHandle struct{ service *service }

func (h fakeHandle) transmit(command []byte) ([]byte, error) {
	return guard(func() ([]byte, error) { return h.service.transmitFn(command) })
}

func (h fakeHandle) begin() error {
	if h.service.beginFn != nil {
		return h.service.beginFn()
	}
	return nil
}

func (h fakeHandle) end() error { return codeRemovedCard }

func (h fakeHandle) status() ([]byte, error) { return []byte{0x3B}, h.service.statusErr }

func (h fakeHandle) disconnect(unpower bool) error {
	h.service.mu.Lock()
	defer h.service.mu.Unlock()
	h.service.handles--
	if unpower {
		h.service.unpowers++
	}
	return codeRemovedCard
}

// clean waits until everything that was opened is closed.
func (s *service) clean(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.open == 0 && s.handles == 0
	}, 5*time.Second, time.Millisecond, "contexts or cards left open")
	require.False(t, s.twice.Load(), "two waits for readers at once")
}

func connected(t *testing.T, s *service) reader.Card {
	t.Helper()
	card, err := newDriver(s).Connect(context.Background(), "Reader")
	require.NoError(t, err)
	return card
}

type slowBinding struct {
	*service
	release chan struct{}
	entered atomic.Int32
}

func (b *slowBinding) establish() (scope, error) {
	b.entered.Add(1)
	<-b.release
	return b.service.establish()
}
