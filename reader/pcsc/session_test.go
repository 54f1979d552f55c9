package pcsc

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
)

// Faults: F18, F21, F22, F31.
func TestTransmit(t *testing.T) {
	ctx := context.Background()
	command := []byte{0x00, 0x20, 0x00, 0x98}
	for _, tt := range []struct {
		name     string
		response []byte
		err      error
		status   error
		want     error
		panicked bool
	}{
		{name: "a response", response: []byte{0x63, 0xC3}},
		{name: "an empty response, card removed", status: codeRemovedCard, want: reader.ErrRemoved},
		{name: "an empty response, card present", want: reader.ErrTransport},
		{name: "one byte", response: []byte{0x90}, want: reader.ErrTransport},
		{name: "card removed", err: codeRemovedCard, want: reader.ErrRemoved},
		{name: "card reset", err: codeResetCard, want: reader.ErrChanged},
		{name: "not transacted", err: codeNotTransacted, want: reader.ErrTransport},
		{name: "another error", err: errors.New("of the binding"), want: nil},
		{name: "panic", panicked: true, want: reader.ErrTransport},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService("Reader")
				s.transmitFn = func([]byte) ([]byte, error) {
					if tt.panicked {
						panic("unknown protocol")
					}
					return tt.response, tt.err
				}
				card := connected(t, s)
				s.statusErr = tt.status
				response, err := card.Transmit(ctx, command)
				switch {
				case tt.want != nil:
					require.ErrorIs(t, err, tt.want)
					assert.Nil(t, response)
				case tt.err != nil:
					require.ErrorIs(t, err, tt.err)
				default:
					require.NoError(t, err)
					assert.Equal(t, tt.response, response)
				}
				require.NoError(t, card.Close())
				require.NoError(t, card.Close())
				s.clean(t)
				assert.Equal(t, 1, s.unpowers)
			})
		})
	}
}

// Close cuts the card's power only if a command was sent.
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

// The binding panics on these commands.
func TestMalformedCommands(t *testing.T) {
	s := newService("Reader")
	card := connected(t, s)
	defer card.Close()
	for _, command := range [][]byte{nil, {}, {0, 1, 2}} {
		_, err := card.Transmit(context.Background(), command)
		assert.ErrorIs(t, err, apdu.ErrCommand)
	}
}

// A call whose context ends while PC/SC hangs returns at once. The connection is
// released when PC/SC returns.
//
// Faults: F16, F23.
func TestContextEndsHangingCalls(t *testing.T) {
	t.Run("transmit", func(t *testing.T) {
		s := newService("Reader")
		release := make(chan struct{})
		var sent, kept []byte
		s.transmitFn = func(command []byte) ([]byte, error) {
			<-release
			sent, kept = bytes.Clone(command), command
			return []byte{0x90, 0x00}, nil
		}
		card := connected(t, s)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		command := []byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}
		_, err := card.Transmit(ctx, command)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		clear(command) // the hanging call has its own copy

		_, err = card.Transmit(context.Background(), command)
		require.ErrorIs(t, err, reader.ErrClosed, "an abandoned connection is unusable")
		require.NoError(t, card.End())
		close(release)
		require.NoError(t, card.Close())
		s.clean(t)
		assert.Equal(t, "1234", string(sent[5:]))
		assert.Equal(t, make([]byte, 9), kept, "the copy is wiped")
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
		_, err := newDriver(b, onLinux).Connect(ctx, "Reader")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = newDriver(b, onLinux).Readers(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(b.release)
		s.clean(t)
	})
	t.Run("close during a hanging transmit", func(t *testing.T) {
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

// Faults: F01, F15, F17.
func TestConnectFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s := newService("Reader")
		for code, want := range map[Code]error{
			codeNoSmartcard: reader.ErrNoCard, codeUnknownReader: reader.ErrNoReader, codeSharingViolation: reader.ErrBusy, codeNoService: reader.ErrNoService,
		} {
			s.connectErr, s.refusals = code, 1<<30
			_, err := newDriver(s, onLinux).Connect(ctx, "Reader")
			assert.ErrorIs(t, err, want)
			s.clean(t)
		}
		s.change(func() { s.down = true })
		_, err := newDriver(s, onLinux).Connect(ctx, "Reader")
		assert.ErrorIs(t, err, reader.ErrNoService)
		_, err = newDriver(s, onLinux).Readers(ctx)
		assert.ErrorIs(t, err, reader.ErrNoService)
	})
}

// Connect retries after errors that may be temporary, and only after those.
//
// Faults: F15, F17, F18.
func TestConnectRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for code, retried := range map[Code]bool{
			codeSharingViolation: true, codeNoSmartcard: true, codeUnresponsiveCard: true, codeUnpoweredCard: true, codeNotReady: true,
			codeUnknownReader: false, codeProtoMismatch: false, codeNoService: false,
		} {
			s := newService("Reader")
			s.connectErr, s.refusals = code, 3
			card, err := newDriver(s, onLinux).Connect(context.Background(), "Reader")
			if retried {
				require.NoError(t, err, code)
				require.NoError(t, card.Close())
				assert.Equal(t, 4, s.connects)
			} else {
				require.ErrorIs(t, err, code)
				assert.Equal(t, 1, s.connects, code)
			}
			s.clean(t)
		}

		// Retrying ends with the context.
		s := newService("Reader")
		s.connectErr, s.refusals = codeSharingViolation, 1<<30
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := newDriver(s, onLinux).Connect(ctx, "Reader")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start), time.Second)
		s.clean(t)
	})
}

func TestCloseEndsAPendingTransmit(t *testing.T) {
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

// Faults: F11.
func TestConnectRejectsInvalidNames(t *testing.T) {
	for _, name := range []string{"", "a\x00b"} {
		_, err := newDriver(newService(), onLinux).Connect(context.Background(), name)
		assert.ErrorIs(t, err, reader.ErrNoReader)
	}
}

// Every call has a time limit, even if its context has no deadline.
//
// Faults: F16, F23.
func TestCallsHaveLimits(t *testing.T) {
	for _, tt := range []struct {
		call   string // that hangs
		within time.Duration
		want   error
	}{
		{"establish", connectWithin, reader.ErrBusy},
		{"connect", connectWithin, reader.ErrBusy},
		{"status", connectWithin, reader.ErrBusy},
		{"begin", beginWithin, reader.ErrBusy},
		{"transmit", transmitWithin, reader.ErrTransport},
		{"end", transmitWithin, reader.ErrTransport},
	} {
		t.Run(tt.call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService("Reader")
				s.transmitFn = func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil }
				release := make(chan struct{})
				s.fault = func(call string) error {
					if call == tt.call {
						<-release
					}
					return nil
				}
				start := time.Now()
				card, err := newDriver(s, onLinux).Connect(t.Context(), "Reader")
				if err == nil {
					defer card.Close()
					err = card.Begin(t.Context())
				}
				if err == nil {
					_, err = card.Transmit(t.Context(), []byte{0, 0, 0, 0})
				}
				if err == nil {
					err = card.End()
				}
				assert.ErrorIs(t, err, tt.want)
				assert.Equal(t, tt.within, time.Since(start))
				close(release)
				s.clean(t)
			})
		})
	}
}
