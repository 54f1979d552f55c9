package jpki_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// If VerifyAuthPIN returns nil, the PIN was sent and the card is unlocked.
func TestVerifySendsThePIN(t *testing.T) {
	ctx := context.Background()
	d := cardtest.Open(t, simulator.Contact)
	require.NoError(t, jpki.Do(ctx, d.Connection, func(a *jpki.Application) error {
		require.NoError(t, a.VerifyAuthPIN(ctx, pin(t, simulator.PIN)))
		assert.True(t, d.Card.State().AuthVerified)
		assert.Equal(t, 1, d.Secrets())
		return nil
	}))
}

// If something fails between the question for the attempts and the PIN, the PIN is not
// sent.
//
// Faults: F76.
func TestThePINWasNotSent(t *testing.T) {
	t.Run("its file can't be selected any more", func(t *testing.T) {
		ctx := context.Background()
		d := cardtest.Open(t, simulator.Contact)
		d.Slot.AddFault(simulator.RejectShortFileIdentifiers(apdu.StatusIncorrectP1P2))
		d.Slot.AddFault(simulator.Fault{Command: isSelectFile, Nth: 2, Do: simulator.AnswerStatus(apdu.StatusNoDiagnosis)})
		err := jpki.Do(ctx, d.Connection, func(a *jpki.Application) error { return a.VerifyAuthPIN(ctx, pin(t, simulator.PIN)) })
		require.ErrorIs(t, err, apdu.StatusNoDiagnosis)
		assert.Zero(t, d.Secrets())
	})
	t.Run("the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		d := cardtest.Open(t, simulator.Contact)
		d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			if isQuery(c) {
				cancel()
			}
			return response, nil
		}
		err := jpki.Do(context.Background(), d.Connection, func(a *jpki.Application) error { return a.VerifyAuthPIN(ctx, pin(t, simulator.PIN)) })
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, d.Secrets())
	})
}

// The attempts left in the answer to a wrong PIN are accepted if they are possible, and not
// asked for again.
func TestAttemptsInTheAnswerToThePIN(t *testing.T) {
	for _, tt := range []struct {
		answer    apdu.Status
		remaining int
		questions int
	}{
		{0x63C0, 0, 1},
		{0x63C2, 2, 1},
		{0x63C3, 3, 1}, // all that there can be
		{0x63C4, 2, 2}, // more than there can be: asked for again
	} {
		d := cardtest.Open(t, simulator.Contact)
		questions := 0
		d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			switch {
			case c.Secret():
				return []byte{byte(tt.answer >> 8), byte(tt.answer)}, nil
			case isQuery(c):
				questions++
			}
			return response, nil
		}
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, "9999"))
		var wrong *credential.Error
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, credential.ErrWrong, wrong.Reason)
		assert.Equal(t, tt.remaining, wrong.Remaining, "%04X", uint16(tt.answer))
		assert.Equal(t, tt.questions, questions, "%04X", uint16(tt.answer))
	}
}

// If the card says that the PIN is locked, that is accepted if its counter agrees or can't
// be read.
func TestThePINWasLockedMeanwhile(t *testing.T) {
	for _, locked := range []apdu.Status{apdu.StatusAuthenticationBlocked, apdu.StatusReferenceDataUnusable} {
		for _, tt := range []struct {
			counter []byte // nil: no answer
			reason  error
			known   bool
		}{
			{[]byte{0x63, 0xC0}, credential.ErrLocked, true},
			{nil, credential.ErrLocked, false},
			{[]byte{0x63, 0xC2}, credential.ErrOutcomeUnknown, true},
		} {
			d := cardtest.Open(t, simulator.Contact)
			d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
				switch {
				case c.Secret():
					return []byte{byte(locked >> 8), byte(locked)}, nil
				case isQuery(c) && d.Secrets() > 0 && tt.counter == nil:
					return nil, errNotTransacted
				case isQuery(c) && d.Secrets() > 0:
					return tt.counter, nil
				}
				return response, nil
			}
			_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
			var refused *credential.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tt.reason, refused.Reason)
			assert.Equal(t, tt.known, refused.Known)
			require.ErrorIs(t, err, locked)
		}
	}
}
