package pcsc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
)

// A connection ends with its card, even if the system would continue with the next one,
// for example when cards were exchanged between two commands or while the holder typed.
//
// Faults: F25, F65.
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

				failed := false
				s.fault = func(call string) error {
					if call == at && !failed {
						failed = true
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
				assert.Equal(t, 1, sent, "no command is sent to the next card")
				require.NoError(t, card.Close())
				s.clean(t)
				assert.Equal(t, 1, s.unpowers)
			})
		}
	}
}

// A command is sent only once, even if it fails, and the error keeps its meaning and its
// cause. The effect on the card is unknown, so the connection stays open if the card may
// still be the same.
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
					response, err := card.Transmit(t.Context(), []byte{0, 0, 0, byte(n)})
					if n != failing {
						require.NoError(t, err)
						continue
					}
					require.ErrorIs(t, err, code)
					require.True(t, hasMeaning(err))
					require.Nil(t, response)
				}
				assert.Equal(t, []byte{0, 1, 2, 3}, sent)
				require.NoError(t, card.Close())
				s.clean(t)
				assert.Equal(t, 1, s.unpowers)
			})
		}
	}
}

// After a failed exchange the driver reads the card's status for a while to find the
// cause. A failure to read the status is not taken for the cause.
//
// Faults: F21, F22, F65.
func TestFailuresAreExplained(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status error         // the error of the status
		after  time.Duration // when the status begins to return it
		want   Code
		within time.Duration
	}{
		{"removed", codeRemovedCard, 0, codeRemovedCard, 0},
		{"removed, reported later", codeRemovedCard, 400 * time.Millisecond, codeRemovedCard, 450 * time.Millisecond},
		{"reset", codeResetCard, 0, codeResetCard, 0},
		{"the service is down", codeNoService, 0, codeNoService, 0},
		{"suspended", codeSystemCancelled, 0, codeSystemCancelled, 0},
		{"present", nil, 0, codeCommError, explainWithin},
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

				// An abandoned call does not delay Close.
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

// End does not fail if the transaction has ended with the card, and Close does not fail
// if disconnecting does.
//
// Faults: F24, F65.
func TestEndAfterTheCardWasRemoved(t *testing.T) {
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
		require.NoError(t, card.End(), "a surplus End")
		require.NoError(t, card.Close())
		s.clean(t)
	}
}
