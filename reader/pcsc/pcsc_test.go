package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
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
func (h fakeHandle) end() error              { return codeRemovedCard }
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

func TestCodesHaveMeanings(t *testing.T) {
	for _, tt := range []struct {
		code          Code
		service, card error
	}{
		{codeNoService, reader.ErrNoService, reader.ErrNoService},
		{codeServiceStopped, reader.ErrNoService, reader.ErrNoService},
		{codeCommError, reader.ErrNoService, reader.ErrTransport},
		{codeSecurityViolation, reader.ErrNoService, reader.ErrTransport},
		{codeInvalidHandle, reader.ErrNoService, reader.ErrNoService},
		{codeUnknownReader, reader.ErrNoReader, reader.ErrRemoved},
		{codeReaderUnavailable, reader.ErrNoReader, reader.ErrRemoved},
		{codeNoReadersAvailable, reader.ErrNoReader, reader.ErrTransport},
		{codeNoSmartcard, reader.ErrNoCard, reader.ErrRemoved},
		{codeRemovedCard, reader.ErrNoCard, reader.ErrRemoved},
		{codeResetCard, reader.ErrTransport, reader.ErrChanged},
		{codeUnpoweredCard, reader.ErrTransport, reader.ErrChanged},
		{codeSharingViolation, reader.ErrBusy, reader.ErrBusy},
		{codeProtoMismatch, reader.ErrTransport, reader.ErrTransport},
		{codeNotTransacted, reader.ErrTransport, reader.ErrTransport},
		{codeUnresponsiveCard, reader.ErrTransport, reader.ErrTransport},
		{0x80100063, reader.ErrTransport, reader.ErrTransport},
	} {
		for err, want := range map[error]error{
			serviceError("SCardConnect", tt.code): tt.service, cardError("SCardTransmit", tt.code): tt.card,
		} {
			assert.ErrorIs(t, err, want)
			assert.ErrorIs(t, err, tt.code)
			var typed *Error
			require.ErrorAs(t, err, &typed)
			assert.Contains(t, err.Error(), fmt.Sprintf("%08X", uint32(tt.code)))
		}
	}
	assert.NoError(t, cardError("SCardTransmit", nil))
}

func TestTransmit(t *testing.T) {
	ctx := context.Background()
	command := []byte{0x00, 0x20, 0x00, 0x98}
	for _, tt := range []struct {
		name     string
		answer   []byte
		err      error
		status   error
		want     error
		panicked bool
	}{
		{name: "an answer", answer: []byte{0x63, 0xC3}},
		{name: "nothing, card gone", status: codeRemovedCard, want: reader.ErrRemoved},
		{name: "nothing, card there", want: reader.ErrTransport},
		{name: "one byte", answer: []byte{0x90}, want: reader.ErrTransport},
		{name: "card removed", err: codeRemovedCard, want: reader.ErrRemoved},
		{name: "card reset", err: codeResetCard, want: reader.ErrChanged},
		{name: "not transacted", err: codeNotTransacted, want: reader.ErrTransport},
		{name: "another error", err: errors.New("of the binding"), want: nil},
		{name: "panic", panicked: true, want: reader.ErrTransport},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newService("Reader")
			s.transmitFn = func([]byte) ([]byte, error) {
				if tt.panicked {
					panic("unknown protocol")
				}
				return tt.answer, tt.err
			}
			card := connected(t, s)
			s.statusErr = tt.status
			answer, err := card.Transmit(ctx, command)
			switch {
			case tt.want != nil:
				require.ErrorIs(t, err, tt.want)
				assert.Nil(t, answer)
			case tt.err != nil:
				require.ErrorIs(t, err, tt.err)
			default:
				require.NoError(t, err)
				assert.Equal(t, tt.answer, answer)
			}
			require.NoError(t, card.Close())
			require.NoError(t, card.Close())
			s.clean(t)
			assert.Equal(t, 1, s.unpowers)
		})
	}
}

// Who sent nothing has nothing to make the card forget, and cuts nobody off.
func TestPowerIsCutOnlyAfterACommand(t *testing.T) {
	s := newService("Reader")
	card := connected(t, s)
	require.NoError(t, card.Begin(context.Background()))
	require.NoError(t, card.Begin(context.Background()))
	require.NoError(t, card.End())
	require.NoError(t, card.End())
	require.NoError(t, card.Close())
	s.clean(t)
	assert.Zero(t, s.unpowers)
}

func TestCommandsThatWouldPanic(t *testing.T) {
	s := newService("Reader")
	card := connected(t, s)
	defer card.Close()
	for _, command := range [][]byte{nil, {}, {0, 1, 2}} {
		_, err := card.Transmit(context.Background(), command)
		assert.ErrorIs(t, err, apdu.ErrCommand)
	}
}

// A call that hangs lets its caller go, and the card is taken down when it
// comes back.
func TestStuckCallsLetTheirCallersGo(t *testing.T) {
	t.Run("transmit", func(t *testing.T) {
		s := newService("Reader")
		release := make(chan struct{})
		var sent []byte
		s.transmitFn = func(command []byte) ([]byte, error) {
			<-release
			sent = bytes.Clone(command)
			return []byte{0x90, 0x00}, nil
		}
		card := connected(t, s)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		command := []byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}
		_, err := card.Transmit(ctx, command)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		clear(command) // what hangs has bytes of its own

		_, err = card.Transmit(context.Background(), command)
		require.ErrorIs(t, err, reader.ErrClosed, "an abandoned connection is unusable")
		require.NoError(t, card.End())
		close(release)
		require.NoError(t, card.Close())
		s.clean(t)
		assert.Equal(t, "1234", string(sent[5:]))
		assert.Equal(t, 1, s.unpowers)
	})
	t.Run("begin", func(t *testing.T) {
		s := newService("Reader")
		release := make(chan struct{})
		s.beginFn = func() error { <-release; return nil }
		card := connected(t, s)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(10*time.Millisecond, cancel)
		require.ErrorIs(t, card.Begin(ctx), context.Canceled)
		close(release)
		s.clean(t)
	})
	t.Run("connect", func(t *testing.T) {
		s := newService("Reader")
		b := &slowBinding{service: s, release: make(chan struct{})}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		_, err := newDriver(b).Connect(ctx, "Reader")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = newDriver(b).Readers(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(b.release)
		s.clean(t)
	})
	t.Run("close, while it is stuck", func(t *testing.T) {
		s := newService("Reader")
		release := make(chan struct{})
		s.transmitFn = func([]byte) ([]byte, error) { <-release; return nil, codeRemovedCard }
		card := connected(t, s)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		_, err := card.Transmit(ctx, []byte{0, 0, 0, 0})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, card.Close(), reader.ErrBusy)
		close(release)
		s.clean(t)
	})
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

func TestConnectFailures(t *testing.T) {
	ctx := context.Background()
	s := newService("Reader")
	for code, want := range map[Code]error{
		codeNoSmartcard: reader.ErrNoCard, codeUnknownReader: reader.ErrNoReader, codeSharingViolation: reader.ErrBusy, codeNoService: reader.ErrNoService,
	} {
		s.connectErr, s.refusals = code, 1<<30
		_, err := newDriver(s).Connect(ctx, "Reader")
		assert.ErrorIs(t, err, want)
		s.clean(t)
	}
	s.change(func() { s.down = true })
	_, err := newDriver(s).Connect(ctx, "Reader")
	assert.ErrorIs(t, err, reader.ErrNoService)
	_, err = newDriver(s).Readers(ctx)
	assert.ErrorIs(t, err, reader.ErrNoService)
}

// What passes by itself is waited for, and nothing else.
func TestConnectTriesAgain(t *testing.T) {
	for code, again := range map[Code]bool{
		codeSharingViolation: true, codeNoSmartcard: true, codeUnresponsiveCard: true, codeUnpoweredCard: true, codeNotReady: true,
		codeUnknownReader: false, codeProtoMismatch: false, codeNoService: false,
	} {
		s := newService("Reader")
		s.connectErr, s.refusals = code, 3
		card, err := newDriver(s).Connect(context.Background(), "Reader")
		if again {
			require.NoError(t, err, code)
			require.NoError(t, card.Close())
			assert.Equal(t, 4, s.connects)
		} else {
			require.ErrorIs(t, err, code)
			assert.Equal(t, 1, s.connects, code)
		}
		s.clean(t)
	}

	// It ends with its context.
	s := newService("Reader")
	s.connectErr, s.refusals = codeSharingViolation, 1<<30
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := newDriver(s).Connect(ctx, "Reader")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(start), time.Second)
	s.clean(t)
}

func TestWatchSurvivesTheService(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	steps := []func(){
		func() { s.change(func() { s.readers["Reader"] = 0x00010020 }) },                   // inserted
		func() { s.change(func() { s.readers["Reader"] = 0x00030020 }) },                   // exchanged between two looks
		func() { s.change(func() { s.readers["Second"] = 0x00010020 | 0x0100 | 0x0200 }) }, // a reader with a card, odd flags
		func() { s.change(func() { s.down = true }) },
		func() { s.change(func() { s.down = false; s.readers = map[string]uint32{"Reader": 0x10} }) },
		func() { s.change(func() { s.readers = map[string]uint32{} }) },
		cancel,
	}
	expect := [][]string{
		{"reader-added Reader"},
		{"card-inserted Reader"},
		{"card-removed Reader", "card-inserted Reader"},
		{"reader-added Second", "card-inserted Second"},
		{"service-down "},
		{"service-up ", "reader-added Reader"},
		{"reader-removed Reader"},
	}
	var seen []string
	at := 0
	for event, err := range d.Watch(ctx) {
		require.NoError(t, err)
		seen = append(seen, fmt.Sprintf("%s %s", event.Kind, event.Reader))
		last := expect[at][len(expect[at])-1]
		if seen[len(seen)-1] == last {
			if at < 4 { // readers go with the service, in any order
				assert.Equal(t, expect[at], seen[len(seen)-len(expect[at]):])
			}
			steps[at]()
			at++
		}
	}
	assert.Equal(t, len(steps), at, "%v", seen)
	s.clean(t)
}

func TestWatchersShareOneWait(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for event := range d.Watch(ctx) {
				if event.Kind == reader.CardInserted {
					return
				}
			}
		})
	}
	for range 100 {
		list, err := d.Readers(ctx)
		require.NoError(t, err)
		require.Len(t, list, 1)
	}
	s.mu.Lock()
	assert.LessOrEqual(t, s.open, 2, "one context for all watchers, perhaps one for a look")
	s.mu.Unlock()
	s.change(func() { s.readers["Reader"] = 0x00010020 })
	group.Wait()
	s.clean(t)
}

// A wait that is told less than it reported itself returns at once, for ever.
func TestWaitsEchoTheWholeState(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = 0x00050020
	v := view{}
	c, err := s.establish()
	require.NoError(t, err)
	v.scope = c
	require.NoError(t, v.list())
	require.True(t, v.fresh())
	require.NoError(t, v.wait(time.Second))
	assert.False(t, v.fresh())
	assert.Equal(t, uint32(0x00050020), v.states[0].current, "counter included")
	assert.Equal(t, uint64(5), v.state().Slots[0].Count)
	start := time.Now()
	require.NoError(t, v.wait(30*time.Millisecond))
	assert.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond, "nothing changed, so the wait waits")
}

// A look that waits for a watcher's first state finds another way when the
// watcher goes before it.
func TestLookOutlivesTheWatcher(t *testing.T) {
	s := newService("Reader")
	b := &slowBinding{service: s, release: make(chan struct{})}
	d := newDriver(b)
	watching, stop := context.WithCancel(context.Background())
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		for range d.Watch(watching) {
			t.Error("an event, with no service to tell it")
		}
	}()
	require.Eventually(t, func() bool {
		d.monitor.mu.Lock()
		defer d.monitor.mu.Unlock()
		return d.monitor.run != nil
	}, 5*time.Second, time.Millisecond)

	listed := make(chan error, 1)
	go func() {
		_, err := d.Readers(context.Background())
		listed <- err
	}()
	stop()
	<-watcher
	close(b.release)
	select {
	case err := <-listed:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the list never comes")
	}
	s.clean(t)
}

// A reader unplugged between list and wait makes PC/SC say nothing of the
// others. They are looked at again, and not reported as empty.
func TestReadersThatPCSCDoesNotAgreeAbout(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = 0x00010020
	s.unknown = 2
	list, err := newDriver(s).Readers(context.Background())
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.True(t, list[0].Present)

	s.change(func() { s.unknown = 1000 })
	_, err = newDriver(s).Readers(context.Background())
	require.Error(t, err, "and not a list of empty readers")

	s.change(func() { s.unknown = 2 })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for event := range newDriver(s).Watch(ctx) {
		if event.Kind == reader.CardInserted {
			break
		}
		assert.Equal(t, reader.ReaderAdded, event.Kind)
	}
	s.clean(t)
}

// While the service hangs, whoever gives up leaves nothing behind.
func TestAHungServiceCollectsNothing(t *testing.T) {
	s := newService("Reader")
	b := &slowBinding{service: s, release: make(chan struct{})}
	d := newDriver(b)
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := d.Readers(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for range d.Watch(ctx) {
		}
		cancel()
	}
	assert.LessOrEqual(t, b.entered.Load(), int32(2), "calls of the service under way")
	close(b.release)
	s.clean(t)
}

// Watchers come and go beside looks: never do two waits run at once, which
// clean checks.
func TestOneWaitAtATime(t *testing.T) {
	s := newService("Reader")
	d := newDriver(s)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				for range d.Watch(ctx) {
					cancel() // leaves while the run begins its next wait
				}
				cancel()
			}
		})
		group.Go(func() {
			for range 50 {
				_, err := d.Readers(context.Background())
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	s.clean(t)
}

func TestFirstStateComesAtOnce(t *testing.T) {
	s := newService()
	d := newDriver(s)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for range d.Watch(ctx) {
		}
	}()
	require.Eventually(t, func() bool {
		d.monitor.mu.Lock()
		defer d.monitor.mu.Unlock()
		return d.monitor.run != nil
	}, 5*time.Second, time.Millisecond)
	start := time.Now()
	list, err := d.Readers(ctx)
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.Less(t, time.Since(start), waitSlice/2)

	s.change(func() { s.down = true })
	require.Eventually(t, func() bool {
		_, err := d.Readers(ctx)
		var cause *Error
		return errors.As(err, &cause) && cause.Code == codeNoService && errors.Is(err, reader.ErrNoService)
	}, 5*time.Second, time.Millisecond, "the service's code is not lost")
	cancel()
	s.clean(t)
}

func TestViewsEchoNoIgnore(t *testing.T) {
	s := newService("Reader")
	s.readers["Reader"] = stateUnknown | stateIgnore
	c, err := s.establish()
	require.NoError(t, err)
	v := view{scope: c}
	require.NoError(t, v.list())
	require.ErrorIs(t, v.wait(0), errStale)
	assert.Zero(t, v.states[0].current)
	assert.Empty(t, v.state().Slots)
	s.readers["Reader"] = 0x10 | stateIgnore
	require.NoError(t, v.wait(0))
	assert.Equal(t, uint32(0x10), v.states[0].current)
}

func TestCloseFreesWhoWaits(t *testing.T) {
	s := newService("Reader")
	release := make(chan struct{})
	s.transmitFn = func([]byte) ([]byte, error) { <-release; return []byte{0x90, 0x00}, nil }
	card := connected(t, s)
	ended := make(chan error, 1)
	go func() {
		_, err := card.Transmit(context.Background(), []byte{0, 0, 0, 0})
		ended <- err
	}()
	time.AfterFunc(20*time.Millisecond, func() { _ = card.Close() })
	require.ErrorIs(t, <-ended, reader.ErrClosed)
	close(release)
	s.clean(t)
}

func TestNamesThatAreNone(t *testing.T) {
	for _, name := range []string{"", "a\x00b"} {
		_, err := newDriver(newService()).Connect(context.Background(), name)
		assert.ErrorIs(t, err, reader.ErrNoReader)
	}
}
