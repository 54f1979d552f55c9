package jpki_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A second program that uses the card at the same time finds it logged out.
//
// Faults: F27, F29.
func TestAnotherProgramCannotSignAfterwards(t *testing.T) {
	ctx := context.Background()
	sign := apdu.Command{CLA: 0x80, INS: apdu.InsPerformSecurityOperation, P2: 0x97, Ne: 256}.WithData([]byte{1})
	refused := func(t *testing.T, d *cardtest.Desk) {
		t.Helper()
		channel := apdu.NewChannel(d.OtherProgram(t))
		require.NoError(t, channel.SelectApplication(ctx, []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}))
		resp, err := channel.Send(ctx, sign)
		require.NoError(t, err)
		assert.Equal(t, apdu.StatusSecurityNotSatisfied, resp.Status)
	}

	t.Run("after success", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Contact)
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
		require.NoError(t, err)
		refused(t, d)
	})
	t.Run("after a wrong PIN", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Contact)
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, "9999"))
		require.Error(t, err)
		refused(t, d)
	})
	t.Run("cancelled between VERIFY and the end", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Contact)
		ctx, cancel := context.WithCancel(ctx)
		d.Before = func(_ int, c apdu.Command) error {
			if isSign(c) {
				cancel()
			}
			return nil
		}
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
		require.ErrorIs(t, err, context.Canceled)
		refused(t, d)
	})
	t.Run("cancelled in the middle of an exchange", func(t *testing.T) {
		for _, instruction := range []byte{apdu.InsVerify, apdu.InsPerformSecurityOperation} {
			d := cardtest.Open(t, simulator.Contact)
			ctx, cancel := context.WithCancel(ctx)
			d.Slot.AddFault(simulator.Fault{Command: func(command []byte) bool {
				c, err := apdu.ParseCommand(command)
				return err == nil && c.INS == instruction && len(c.Data()) > 0
			}, Do: func(exchange context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
				cancel()
				response, err := next()
				assert.NoError(t, exchange.Err(), "the exchange goes on, so that the connection can log the card out")
				return response, err
			}})
			_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
			require.ErrorIs(t, err, context.Canceled)
			assert.LessOrEqual(t, d.Secrets(), 1)
			refused(t, d)
		}
	})
	t.Run("after a panic", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Contact)
		assert.Panics(t, func() {
			_ = jpki.Do(ctx, d.Connection, func(a *jpki.Application) error {
				require.NoError(t, a.VerifyAuthPIN(ctx, pin(t, simulator.PIN)))
				require.True(t, d.Card.State().AuthVerified)
				panic("inside")
			})
		})
		refused(t, d)
	})
}

// Authenticate returns when the context ends, though the card does not answer.
//
// Faults: F23.
func TestAuthenticateGivesUpAMuteCard(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	ctx, cancel := context.WithCancel(context.Background())
	start := time.Now()
	d.Slot.AddFault(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: simulator.Hang()})
	d.Before = func(_ int, c apdu.Command) error {
		if isSign(c) {
			cancel()
		}
		return nil
	}
	_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, time.Since(start), 5*time.Second)
}

// Faults: F27, F58.
func TestACardThatCannotBeLoggedOutIsReported(t *testing.T) {
	for name, tt := range map[string]struct {
		answer []byte
		err    error
	}{
		"refuses":          {[]byte{0x6A, 0x82}, apdu.StatusFileNotFound},
		"says nothing":     {[]byte{}, apdu.ErrShortResponse},
		"says too much":    {[]byte{1, 2, 3, 0x90, 0x00}, apdu.ErrExcessResponse},
		"says it worked":   {[]byte{0x90, 0x00}, nil},
		"promises to work": {[]byte{0x61, 0x10}, apdu.Status(0x6110)},
	} {
		t.Run(name, func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			attempts := 0
			d.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
				if c.INS == apdu.InsSelect && c.Data()[0] == 0xA0 {
					attempts++
					return tt.answer, nil
				}
				return response, nil
			}
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
			if tt.err == nil {
				require.NoError(t, err)
				assert.Equal(t, 1, attempts)
				return
			}
			require.ErrorIs(t, err, jpki.ErrStillUnlocked)
			require.ErrorIs(t, err, tt.err)
			assert.Nil(t, got)
			assert.Equal(t, 2, attempts)

			// It does not hide what failed before.
			_, err = jpki.Authenticate(context.Background(), d.Connection, pin(t, "9999"))
			require.ErrorIs(t, err, jpki.ErrStillUnlocked)
			require.ErrorIs(t, err, credential.ErrWrong)
		})
	}
}
