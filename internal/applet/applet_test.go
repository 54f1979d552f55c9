package applet_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var pin = generation.Current.Authentication.Credential

func secret(t *testing.T, typed string) applet.Secret {
	t.Helper()
	s, err := applet.Rules{Min: 1, Max: 16, Letters: true}.Parse([]byte(typed))
	require.NoError(t, err)
	return s
}

// use opens the application and prepares an attempt.
func use(t *testing.T, d *cardtest.Desk, fn func(s *applet.Session, attempt *applet.Attempt) error) error {
	t.Helper()
	return applet.Do(t.Context(), d.Connection, generation.Applications(), func(s *applet.Session, _ int) error {
		attempt, _, err := s.Prepare(t.Context(), pin, applet.Conditions{})
		require.NoError(t, err)
		return fn(s, attempt)
	})
}

func TestChange(t *testing.T) {
	for name, tt := range map[string]struct {
		old, replacement string
		fault            after
		want             error
		secrets          int
		valid            string // the PIN afterwards; empty: not checked
		left             int
	}{
		"the right PIN":            {old: "1234", replacement: "9876", secrets: 2, valid: "9876", left: 3},
		"a wrong PIN":              {old: "0000", replacement: "9876", want: credential.ErrWrong, secrets: 1, valid: "1234", left: 2},
		"a new one of 5 digits":    {old: "1234", replacement: "98765", want: credential.ErrFormat, valid: "1234", left: 3},
		"a new one with letters":   {old: "1234", replacement: "987A", want: credential.ErrFormat, valid: "1234", left: 3},
		"an old one with letters":  {old: "123A", replacement: "9876", want: credential.ErrFormat, valid: "1234", left: 3},
		"the old one again":        {old: "1234", replacement: "1234", want: applet.ErrSame, valid: "1234", left: 3},
		"the change is not heard":  {old: "1234", replacement: "9876", fault: lost(apdu.InsChangeReferenceData), want: applet.ErrChangeUnknown, secrets: 2, valid: "9876", left: 3},
		"the verify is not heard":  {old: "1234", replacement: "9876", fault: lost(apdu.InsVerify), want: credential.ErrOutcomeUnknown, secrets: 1, valid: "1234", left: 3},
		"the card rejects the new": {old: "1234", replacement: "9876", fault: answers(apdu.InsChangeReferenceData), want: applet.ErrChangeRejected, secrets: 2, left: 3},
	} {
		t.Run(name, func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			err := use(t, d, func(s *applet.Session, attempt *applet.Attempt) error {
				d.After = tt.fault
				return attempt.Change(t.Context(), secret(t, tt.old), secret(t, tt.replacement))
			})
			if tt.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tt.want)
			}
			d.After = nil
			assert.Equal(t, tt.secrets, d.Secrets())
			assert.Equal(t, tt.left, d.Card.State().AuthAttempts)
			if tt.valid != "" {
				require.NoError(t, use(t, d, func(s *applet.Session, attempt *applet.Attempt) error {
					return attempt.Verify(t.Context(), secret(t, tt.valid))
				}))
			}
		})
	}
}

// after is a hook of cardtest.Recorder.
type after = func(n int, c apdu.Command, response []byte) ([]byte, error)

// lost loses the answer to a command that carries a secret.
func lost(instruction byte) after {
	return func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if c.INS == instruction && c.Secret() {
			return nil, errors.New("lost")
		}
		return response, nil
	}
}

// answers replaces the answer to an instruction by a status word.
func answers(instruction byte) after {
	return func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if c.INS == instruction {
			return []byte{0x69, 0x85}, nil
		}
		return response, nil
	}
}

// An attempt sends one secret, whatever its outcome.
func TestAnAttemptIsUsedOnce(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	require.NoError(t, use(t, d, func(s *applet.Session, attempt *applet.Attempt) error {
		require.ErrorIs(t, attempt.Verify(t.Context(), secret(t, "0000")), credential.ErrWrong)
		require.ErrorIs(t, attempt.Verify(t.Context(), secret(t, "1234")), credential.ErrUsed)
		return nil
	}))
	assert.Equal(t, 1, d.Secrets())
	assert.Equal(t, 2, d.Card.State().AuthAttempts)
}

// A secret that does not have the credential's form is not sent, whichever rules parsed it.
func TestTheCredentialsFormIsChecked(t *testing.T) {
	for _, typed := range []string{"123", "12345", "123A"} {
		d := cardtest.Open(t, simulator.Contact)
		require.NoError(t, use(t, d, func(s *applet.Session, attempt *applet.Attempt) error {
			used := secret(t, typed)
			require.ErrorIs(t, attempt.Verify(t.Context(), used), credential.ErrFormat, typed)
			require.ErrorIs(t, attempt.Verify(t.Context(), used), credential.ErrUsed, "the secret was wiped")
			return nil
		}))
		assert.Zero(t, d.Secrets())
		assert.Equal(t, 3, d.Card.State().AuthAttempts)
	}
}

func TestPrepareConditions(t *testing.T) {
	shown := func(left int) *credential.Counter { return &credential.Counter{Remaining: left, Max: 3} }
	for name, tt := range map[string]struct {
		profile    simulator.Profile
		conditions applet.Conditions
		want       error
	}{
		"3 attempts":                         {simulator.Contact, applet.Conditions{}, nil},
		"3 attempts, shown":                  {simulator.Contact, applet.Conditions{Shown: shown(3)}, nil},
		"3 attempts, 2 shown":                {simulator.Contact, applet.Conditions{Shown: shown(2)}, credential.ErrAttemptsChanged},
		"the last attempt":                   {simulator.LastAttempt, applet.Conditions{}, credential.ErrLastAttempt},
		"the last attempt, allowed":          {simulator.LastAttempt, applet.Conditions{AllowLastAttempt: true}, nil},
		"the last attempt, allowed, 3 shown": {simulator.LastAttempt, applet.Conditions{AllowLastAttempt: true, Shown: shown(3)}, credential.ErrAttemptsChanged},
		"locked":                             {simulator.Locked, applet.Conditions{AllowLastAttempt: true}, credential.ErrLocked},
	} {
		t.Run(name, func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			require.NoError(t, applet.Do(t.Context(), d.Connection, generation.Applications(), func(s *applet.Session, _ int) error {
				attempt, counter, err := s.Prepare(t.Context(), pin, tt.conditions)
				assert.Equal(t, 3, counter.Max)
				if tt.want == nil {
					require.NoError(t, err)
					assert.NotNil(t, attempt)
					return nil
				}
				var refused *credential.Error
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, tt.want, refused.Reason)
				assert.Nil(t, attempt)
				return nil
			}))
			assert.Zero(t, d.Secrets())
		})
	}
}
