package pcsc

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// script derives the result of each call of PC/SC and the changes of the readers from
// bytes. After its end, all calls succeed.
type script struct {
	mu    sync.Mutex
	bytes []byte
	over  chan struct{} // closed to end hanging calls
}

func (s *script) next() byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return b
}

func (s *script) more() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bytes) > 0
}

func (s *script) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes = nil
	close(s.over)
}

var scriptCodes = []Code{
	codeInternalError, codeCancelled, codeInvalidHandle, codeInsufficientBuffer, codeUnknownReader, codeTimeout,
	codeSharingViolation, codeNoSmartcard, codeProtoMismatch, codeNotReady, codeSystemCancelled, codeCommError,
	codeNotTransacted, codeReaderUnavailable, codeShutdown, codeNoService, codeServiceStopped, codeNoAccess,
	codeNoReadersAvailable, codeUnresponsiveCard, codeUnpoweredCard, codeResetCard, codeRemovedCard,
	codeSecurityViolation, 0x8010FFFF, 0x6D,
}

// fault is used as [service.fault].
func (s *script) fault(call string) error {
	switch b := s.next(); {
	case b < 0x90:
		return nil
	case b < 0xD0:
		return scriptCodes[int(s.next())%len(scriptCodes)]
	case b < 0xE8: // slow
		time.Sleep(time.Duration(b&0x0F) * 200 * time.Millisecond)
		return nil
	case b < 0xF0: // slow failure
		time.Sleep(time.Duration(b&0x0F) * 200 * time.Millisecond)
		return scriptCodes[int(s.next())%len(scriptCodes)]
	case b < 0xFC:
		switch call {
		case "establish", "list", "wait", "connect", "transmit", "status": // as the binding may
			panic(call)
		}
		return codeInternalError
	default:
		<-s.over
		return codeCommError
	}
}

// run changes the service until the script or ctx ends.
func (s *script) run(ctx context.Context, service *service) {
	names := []string{"A", "B", "\xff 00 00"}
	for ctx.Err() == nil && s.more() {
		b := s.next()
		pause(ctx, 10*time.Millisecond+time.Duration(b)*5*time.Millisecond)
		name, state := names[int(s.next())%len(names)], flags(s.next())|flags(s.next())<<8
		service.change(func() {
			switch count := service.readers[name] &^ 0xFFFF; b & 7 {
			case 0, 1:
				service.plug(name, count+1<<16|statePresent)
			case 2:
				service.plug(name, count+1<<16|0x10)
			case 3:
				service.plug(name, count|state)
			case 4:
				service.unplug(name)
			case 5:
				service.down = !service.down
			case 6:
				service.pnp = pnp(state) & 3
			case 7:
				service.atrs[name] = make([]byte, state&0x3F)
			}
		})
	}
	service.change(func() {
		service.down, service.pnp = false, pnpReports
		service.unplug(names...)
		service.plug("Reader", 0x00010020)
	})
}

// history checks that the events of a Watch are consistent.
type history struct {
	down  bool
	cards map[string]bool // of each reader
}

func (s *history) add(t *testing.T, e reader.Event) {
	card, known := s.cards[e.Reader]
	ok := false
	switch e.Kind {
	case reader.ServiceUp:
		ok, s.down = s.down, false
	case reader.ServiceDown:
		ok, s.down = !s.down && len(s.cards) == 0, true
	case reader.ReaderAdded:
		ok = !known && !s.down && e.Reader != ""
		s.cards[e.Reader] = false
	case reader.ReaderRemoved:
		ok = known && !card
		delete(s.cards, e.Reader)
	case reader.CardInserted:
		ok = known && !card && len(e.ATR) <= maxATR
		s.cards[e.Reader] = true
	case reader.CardRemoved:
		ok = card
		s.cards[e.Reader] = false
	}
	assert.True(t, ok, "%s %q after %+v", e.Kind, e.Reader, *s)
}

// requireEnd checks that a call ended in time and that its error has a meaning.
func requireEnd(t *testing.T, ctx context.Context, start time.Time, limit time.Duration, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(start))
	}
	assert.LessOrEqual(t, time.Since(start), max(limit, 0))
	if err != nil && !hasMeaning(err) && !errors.Is(err, context.DeadlineExceeded) {
		assert.Fail(t, "an error without meaning", "%v", err)
	}
}

// runScript calls Watch, Readers and Connect concurrently while the script runs. Whatever
// PC/SC does, all calls end in time, nothing stays open, the binding is used correctly,
// and everything works again after the script.
func runScript(t *testing.T, bytes []byte) {
	s := newService("A")
	s.endErr = nil
	s.transmitFn = func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil }
	script := &script{bytes: bytes, over: make(chan struct{})}
	s.fault = script.fault
	s.stopsEmpty = script.next()&1 != 0
	d := newDriver(s, []platform{onLinux, onMacOS}[script.next()&1])

	const lasts = 60 * time.Second
	all, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var group sync.WaitGroup
	for n := range 3 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(all, time.Duration(n)*17*time.Second+7*time.Second)
			defer cancel()
			events := history{cards: map[string]bool{}}
			for event, err := range d.Watch(ctx) {
				assert.NoError(t, err)
				events.add(t, event)
			}
			deadline, _ := ctx.Deadline()
			assert.True(t, time.Now().Equal(deadline), "a Watch ends with its context")
		})
	}
	for range 2 {
		group.Go(func() {
			for all.Err() == nil {
				ctx, cancel := context.WithTimeout(all, 3*time.Second)
				start := time.Now()
				_, err := d.Readers(ctx)
				requireEnd(t, ctx, start, time.Hour, err)
				cancel()
				pause(all, 500*time.Millisecond)
			}
		})
		group.Go(func() {
			for all.Err() == nil {
				ctx, cancel := context.WithTimeout(all, 15*time.Second)
				useCard(t, ctx, d)
				cancel()
				pause(all, 500*time.Millisecond)
			}
		})
	}
	group.Go(func() { script.run(all, s) })
	group.Wait()
	script.end()
	time.Sleep(time.Minute) // slow calls return
	s.clean(t)

	w := watch(t, s, d)
	assert.Equal(t, []string{"reader-added Reader", "card-inserted Reader"}, w.within(soon))
	card, err := d.Connect(t.Context(), "Reader")
	require.NoError(t, err)
	_, err = card.Transmit(t.Context(), []byte{0, 0, 0, 0})
	assert.NoError(t, err)
	assert.NoError(t, card.Close())
	w.stop()
}

// useCard uses a card until a call fails.
func useCard(t *testing.T, ctx context.Context, d *Driver) {
	start := time.Now()
	card, err := d.Connect(ctx, "A")
	requireEnd(t, ctx, start, connectWithin, err)
	if err != nil {
		return
	}
	start = time.Now()
	requireEnd(t, ctx, start, beginWithin, card.Begin(ctx))
	for range 3 {
		start = time.Now()
		response, err := card.Transmit(ctx, []byte{0, 0, 0, 0})
		requireEnd(t, ctx, start, transmitWithin, err)
		assert.Equal(t, err == nil, len(response) == 2)
	}
	start = time.Now()
	requireEnd(t, context.Background(), start, transmitWithin, card.End())
	start = time.Now()
	requireEnd(t, context.Background(), start, closeWithin, card.Close())
}

// Faults: F08, F12, F13, F14, F16.
func TestRandomScripts(t *testing.T) {
	for seed := range uint64(150) {
		random := rand.NewChaCha8([32]byte{byte(seed)})
		bytes := make([]byte, 20+10*seed)
		_, _ = random.Read(bytes)
		synctest.Test(t, func(t *testing.T) { runScript(t, bytes) })
		require.False(t, t.Failed(), "seed %d", seed)
	}
}

// Faults: F08, F12, F13, F14, F16.
func FuzzScript(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte("\x00\xA0\x05\xA0\x01\xF8\xF0\xE7\xEF\x08"))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		synctest.Test(t, func(t *testing.T) { runScript(t, bytes) })
	})
}
