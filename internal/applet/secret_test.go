package applet_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The rules limit the length and the characters. Parse does not change its input.
//
// Faults: F46.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		rules    applet.Rules
		input    string
		accepted bool
	}{
		{applet.Rules{Min: 4, Max: 4}, "1234", true},
		{applet.Rules{Min: 4, Max: 4}, "123", false},
		{applet.Rules{Min: 4, Max: 4}, "12345", false},
		{applet.Rules{Min: 4, Max: 4}, "123A", false},
		{applet.Rules{Min: 2, Max: 3, Letters: true}, "a1", true},
		{applet.Rules{Min: 2, Max: 3, Letters: true}, "AbC", true},
		{applet.Rules{Min: 2, Max: 3, Letters: true}, "AbCd", false},
		{applet.Rules{Min: 2, Max: 3, Letters: true}, "a-", false},
		{applet.Rules{Min: 0, Max: 1}, "", true},
	} {
		input := []byte(tt.input)
		_, err := tt.rules.Parse(input)
		if tt.accepted {
			require.NoError(t, err, tt.input)
		} else {
			require.Equal(t, credential.ErrFormat, err, tt.input)
		}
		assert.True(t, bytes.Equal([]byte(tt.input), input))
	}
}

// If several goroutines use the same secret, one of them sends it. A wiped secret and the
// zero secret are not sent.
func TestASecretIsUsedOnce(t *testing.T) {
	var sent, used atomic.Int32
	typed := secret(t, "0000")
	var users sync.WaitGroup
	for range 4 {
		d := cardtest.Open(t, simulator.Contact)
		users.Go(func() {
			assert.NoError(t, use(t, d, func(_ *applet.Session, attempt *applet.Attempt) error {
				switch err := attempt.Verify(t.Context(), typed); {
				case errors.Is(err, credential.ErrWrong):
					sent.Add(1)
				case errors.Is(err, credential.ErrUsed):
					used.Add(1)
				}
				return nil
			}))
		})
	}
	users.Wait()
	assert.EqualValues(t, 1, sent.Load())
	assert.EqualValues(t, 3, used.Load())

	wiped := secret(t, "1234")
	wiped.Wipe()
	wiped.Wipe()
	for _, unusable := range []applet.Secret{wiped, {}} {
		d := cardtest.Open(t, simulator.Contact)
		require.NoError(t, use(t, d, func(_ *applet.Session, attempt *applet.Attempt) error {
			require.ErrorIs(t, attempt.Verify(t.Context(), unusable), credential.ErrUsed)
			return nil
		}))
		assert.Zero(t, d.Secrets())
	}
	applet.Secret{}.Wipe()
}
