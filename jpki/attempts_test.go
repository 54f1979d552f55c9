package jpki_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestWrongPIN(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	for _, left := range []int{2, 1} {
		d.Forget()
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "9999"))
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.ErrorIs(t, err, credential.ErrWrong)
		assert.ErrorIs(t, err, apdu.StatusVerificationFailed, "unwraps to the status word")
		assert.NotErrorIs(t, err, credential.ErrLocked)
		assert.Equal(t, left, wrong.Remaining)
		assert.True(t, wrong.Known)
		assert.Equal(t, 1, d.Secrets())
		assert.NotContains(t, err.Error(), "9999")
		assert.Contains(t, err.Error(), fmt.Sprintf("%d attempt", left))
	}
	d.Forget()
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "9999"))
	require.ErrorIs(t, err, credential.ErrLastAttempt)
	assert.Zero(t, d.Secrets())
	assert.Equal(t, 1, d.Card.State().AuthAttempts)
}

func TestAPINIsSentOnce(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	ctx := context.Background()
	p := pin(t, "9999")
	_, err := jpki.Authenticate(ctx, d.Connection, p)
	require.ErrorIs(t, err, credential.ErrWrong)
	_, err = jpki.Authenticate(ctx, d.Connection, p)
	require.ErrorIs(t, err, credential.ErrUsed)
	assert.Equal(t, 1, d.Secrets())
	assert.Equal(t, 2, d.Card.State().AuthAttempts)

	_, err = jpki.Authenticate(ctx, d.Connection, jpki.PIN{})
	require.ErrorIs(t, err, credential.ErrUsed)
	assert.Equal(t, 1, d.Secrets())

	unused := pin(t, simulator.PIN)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = jpki.Authenticate(ended, d.Connection, unused)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, d.Secrets())
	_, err = jpki.Authenticate(ctx, d.Connection, unused)
	require.ErrorIs(t, err, credential.ErrUsed, "wiped, whatever happened")
}

// VerifyAuthPIN checks the attempts as Authenticate does.
//
// Faults: F47.
func TestVerifyAuthPINChecksTheAttempts(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		profile simulator.Profile
		options []jpki.CardOption
		err     error
		pins    int
	}{
		{simulator.LastAttempt, nil, credential.ErrLastAttempt, 0},
		{simulator.LastAttempt, []jpki.CardOption{jpki.AllowLastAttempt()}, nil, 1},
		{simulator.Locked, []jpki.CardOption{jpki.AllowLastAttempt()}, credential.ErrLocked, 0},
		{simulator.Contact, nil, nil, 1},
	} {
		d := cardtest.Open(t, tt.profile)
		p := pin(t, simulator.PIN)
		err := jpki.Do(ctx, d.Connection, func(a *jpki.Application) error { return a.VerifyAuthPIN(ctx, p) }, tt.options...)
		require.ErrorIs(t, err, tt.err)
		assert.Equal(t, tt.pins, d.Secrets(), tt.profile)

		err = jpki.Do(ctx, d.Connection, func(a *jpki.Application) error { return a.VerifyAuthPIN(ctx, p) }, jpki.AllowLastAttempt())
		if tt.profile != simulator.Locked {
			require.Equal(t, credential.ErrUsed, err, "used up, whatever happened")
		}
		assert.Equal(t, tt.pins, d.Secrets(), tt.profile)
	}
}

// If the card's answer to the PIN has no clear count, the counter is read again.
//
// Faults: F41, F42.
func TestUnclearAnswersToThePIN(t *testing.T) {
	for _, tt := range []struct {
		answer    apdu.Status
		reason    error
		blocked   bool
		remaining int
	}{
		{0x6300, credential.ErrWrong, false, 2},
		{0x63CF, credential.ErrWrong, false, 2}, // more than there can be
		{0x6983, credential.ErrOutcomeUnknown, false, 2},
		{0x6984, credential.ErrOutcomeUnknown, false, 2},
		{0x6982, credential.ErrOutcomeUnknown, false, 2},
		{0x6700, credential.ErrOutcomeUnknown, false, 2},
		{0x63C0, credential.ErrWrong, true, 0},
	} {
		d := cardtest.Open(t, simulator.Contact)
		d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			if c.Secret() {
				return []byte{byte(tt.answer >> 8), byte(tt.answer)}, nil
			}
			return response, nil
		}
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "9999"))
		var e *credential.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, tt.reason, e.Reason, "%04X", tt.answer)
		assert.Equal(t, tt.blocked, errors.Is(err, credential.ErrLocked), "%04X", tt.answer)
		assert.True(t, e.Known)
		assert.Equal(t, tt.remaining, e.Remaining, "%04X", tt.answer)
		assert.Equal(t, 1, d.Secrets())
	}

	// Really blocked meanwhile, by another program.
	d := cardtest.Open(t, simulator.Contact)
	d.Before = func(_ int, c apdu.Command) error {
		if c.Secret() {
			for range 3 {
				d.Card.Exchange([]byte{0x00, 0x20, 0x00, 0x98, 0x01, '0'})
			}
		}
		return nil
	}
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
	require.ErrorIs(t, err, credential.ErrLocked)

	// The counter is read again also when the context ended meanwhile.
	d = cardtest.Open(t, simulator.Contact)
	ctx, cancel := context.WithCancel(context.Background())
	d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if c.Secret() {
			cancel()
			return []byte{0x63, 0x00}, nil
		}
		return response, nil
	}
	_, err = jpki.Authenticate(ctx, d.Connection, pin(t, "9999"))
	var counted *credential.Error
	require.ErrorAs(t, err, &counted)
	assert.True(t, counted.Known)
	assert.Equal(t, 2, counted.Remaining)

	// Where the counter can't be read again, nothing is claimed.
	d = cardtest.Open(t, simulator.Contact)
	lost := false
	d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		lost = lost || c.Secret()
		if lost {
			return nil, errors.New("lost")
		}
		return response, nil
	}
	_, err = jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
	require.ErrorIs(t, err, credential.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, credential.ErrLocked)
}

// Faults: F44.
func TestOutcomeUnknown(t *testing.T) {
	lost := errors.New("answer lost")
	t.Run("the counter is read again", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Contact)
		d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			if c.Secret() {
				return nil, lost
			}
			return response, nil
		}
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "9999"))
		require.ErrorIs(t, err, credential.ErrOutcomeUnknown)
		require.ErrorIs(t, err, lost)
		var unknown *credential.Error
		require.ErrorAs(t, err, &unknown)
		assert.True(t, unknown.Known)
		assert.Equal(t, 2, unknown.Remaining)
		assert.Equal(t, 1, d.Secrets())
	})
	t.Run("the card is gone", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Contact)
		d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			if c.Secret() {
				d.Slot.Remove()
				return nil, lost
			}
			return response, nil
		}
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
		var unknown *credential.Error
		require.ErrorAs(t, err, &unknown)
		assert.False(t, unknown.Known)
		assert.Equal(t, 1, d.Secrets())
	})
}
