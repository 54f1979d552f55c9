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
			synctest.Test(t, func(t *testing.T) {
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
//
// Faults: F16, F23.
func TestStuckCallsLetTheirCallersGo(t *testing.T) {
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
		clear(command) // what hangs has bytes of its own

		_, err = card.Transmit(context.Background(), command)
		require.ErrorIs(t, err, reader.ErrClosed, "an abandoned connection is unusable")
		require.NoError(t, card.End())
		close(release)
		require.NoError(t, card.Close())
		s.clean(t)
		assert.Equal(t, "1234", string(sent[5:]))
		assert.Equal(t, make([]byte, 9), kept, "and are wiped")
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

// What passes by itself is waited for, and nothing else.
//
// Faults: F15, F17, F18.
func TestConnectTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for code, again := range map[Code]bool{
			codeSharingViolation: true, codeNoSmartcard: true, codeUnresponsiveCard: true, codeUnpoweredCard: true, codeNotReady: true,
			codeUnknownReader: false, codeProtoMismatch: false, codeNoService: false,
		} {
			s := newService("Reader")
			s.connectErr, s.refusals = code, 3
			card, err := newDriver(s, onLinux).Connect(context.Background(), "Reader")
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
		_, err := newDriver(s, onLinux).Connect(ctx, "Reader")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start), time.Second)
		s.clean(t)
	})
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

// Faults: F11.
func TestNamesThatAreNone(t *testing.T) {
	for _, name := range []string{"", "a\x00b"} {
		_, err := newDriver(newService(), onLinux).Connect(context.Background(), name)
		assert.ErrorIs(t, err, reader.ErrNoReader)
	}
}

// Nobody waits for ever, not even without a deadline.
//
// Faults: F16, F23.
func TestCallsHaveLimits(t *testing.T) {
	for _, tt := range []struct {
		stuck  string
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
		t.Run(tt.stuck, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService("Reader")
				s.transmitFn = func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil }
				release := make(chan struct{})
				s.fault = func(call string) error {
					if call == tt.stuck {
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

// A connection ends with its card, also where the system would go on with the
// next one: as one does that was swapped between two commands, or while its
// holder typed.
//
// Faults: F19, F20, F25, F65.
func TestConnectionsEndWithTheirCard(t *testing.T) {
	for code, want := range map[Code]error{
		codeRemovedCard: reader.ErrRemoved, codeNoSmartcard: reader.ErrRemoved, codeReaderUnavailable: reader.ErrRemoved,
		codeResetCard: reader.ErrChanged, codeUnpoweredCard: reader.ErrChanged,
		codeInvalidHandle: reader.ErrNoService, codeSystemCancelled: reader.ErrNoService, codeShutdown: reader.ErrNoService,
	} {
		for _, at := range []string{"begin", "transmit"} {
			t.Run(at+" "+code.Error(), func(t *testing.T) {
				s := newService("Reader")
				sent := 0
				s.transmitFn = func([]byte) ([]byte, error) { sent++; return []byte{0x90, 0x00}, nil }
				card := connected(t, s)
				_, err := card.Transmit(t.Context(), []byte{0, 0, 0, 0})
				require.NoError(t, err)

				met := false
				s.fault = func(call string) error {
					if call == at && !met {
						met = true
						return code
					}
					return nil
				}
				if err = card.Begin(t.Context()); err == nil {
					_, err = card.Transmit(t.Context(), []byte{0, 0, 0, 0})
				}
				require.ErrorIs(t, err, want)
				for range 3 {
					_, err = card.Transmit(t.Context(), []byte{0, 0, 0, 0})
					require.ErrorIs(t, err, want)
					require.ErrorIs(t, err, code)
					require.ErrorIs(t, card.Begin(t.Context()), want)
					require.NoError(t, card.End())
				}
				assert.Equal(t, 1, sent, "nothing goes to the next card")
				require.NoError(t, card.Close())
				s.clean(t)
				assert.Equal(t, 1, s.unpowers)
			})
		}
	}
}

// A command is sent once, whatever comes of it, and a failure has a meaning and
// its cause. What it meant for the card nobody here can know, so the connection
// goes on where the card may be the same.
//
// Faults: F21.
func TestEveryFailureAtEveryCommand(t *testing.T) {
	const commands = 4
	for _, code := range []Code{
		codeNotTransacted, codeCommError, codeInternalError, codeProtoMismatch, codeTimeout, codeInsufficientBuffer,
		codeSharingViolation, codeNotReady, codeUnresponsiveCard, codeNoAccess, 0x8010FFFF, 0x1F,
	} {
		for failing := range commands {
			synctest.Test(t, func(t *testing.T) {
				s := newService("Reader")
				var sent []byte
				s.transmitFn = func(command []byte) ([]byte, error) {
					sent = append(sent, command[3])
					if len(sent)-1 == failing {
						return nil, code
					}
					return []byte{0x90, 0x00}, nil
				}
				card := connected(t, s)
				require.NoError(t, card.Begin(t.Context()))
				for n := range commands {
					answer, err := card.Transmit(t.Context(), []byte{0, 0, 0, byte(n)})
					if n != failing {
						require.NoError(t, err)
						continue
					}
					require.ErrorIs(t, err, code)
					require.True(t, hasMeaning(err))
					require.Nil(t, answer)
				}
				assert.Equal(t, []byte{0, 1, 2, 3}, sent)
				require.NoError(t, card.Close())
				s.clean(t)
				assert.Equal(t, 1, s.unpowers)
			})
		}
	}
}

// Why an exchange failed is asked for a while, and what fails in the asking is
// not taken for the cause.
//
// Faults: F21, F22, F65.
func TestFailuresAreExplained(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status error         // what the status says
		after  time.Duration // and when
		want   Code
		within time.Duration
	}{
		{"removed", codeRemovedCard, 0, codeRemovedCard, 0},
		{"removed, seen later", codeRemovedCard, 400 * time.Millisecond, codeRemovedCard, 450 * time.Millisecond},
		{"reset", codeResetCard, 0, codeResetCard, 0},
		{"the service is gone", codeNoService, 0, codeNoService, 0},
		{"asleep", codeSystemCancelled, 0, codeSystemCancelled, 0},
		{"there", nil, 0, codeCommError, explainWithin},
		{"a status that fails", codeInsufficientBuffer, 0, codeCommError, explainWithin},
		{"a status that panics", errPanicked, 0, codeCommError, explainWithin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService("Reader")
				s.transmitFn = func([]byte) ([]byte, error) { return nil, codeCommError }
				card := connected(t, s)
				start := time.Now()
				s.fault = func(call string) error {
					if call == "status" && time.Since(start) >= tt.after {
						return tt.status
					}
					return nil
				}
				_, err := card.Transmit(t.Context(), []byte{0, 0, 0, 0})
				assert.ErrorIs(t, err, tt.want)
				assert.LessOrEqual(t, time.Since(start), tt.within)

				// Who does not wait for it holds up nobody.
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if _, err = card.Transmit(ctx, []byte{0, 0, 0, 0}); errors.Is(err, context.DeadlineExceeded) {
					closing := time.Now()
					require.NoError(t, card.Close())
					assert.LessOrEqual(t, time.Since(closing), explainEvery)
				}
				require.NoError(t, card.Close())
				s.clean(t)
			})
		})
	}
}

// A transaction that went with its card is none to complain of, and neither is
// a card that can't be disconnected from.
//
// Faults: F24, F65.
func TestEndingAfterTheCardWent(t *testing.T) {
	for code, want := range map[Code]error{
		codeRemovedCard: nil, codeResetCard: nil, codeNotTransacted: nil, codeReaderUnavailable: nil, codeInvalidHandle: nil, codeNoService: nil,
		codeCommError: reader.ErrTransport, codeInternalError: reader.ErrTransport,
	} {
		s := newService("Reader")
		s.endErr = code
		card := connected(t, s)
		require.NoError(t, card.Begin(t.Context()))
		if err := card.End(); want == nil {
			require.NoError(t, err, "%s", code)
		} else {
			require.ErrorIs(t, err, want)
		}
		require.NoError(t, card.End(), "one too many")
		require.NoError(t, card.Close())
		s.clean(t)
	}
}
