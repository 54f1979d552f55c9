package applet_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/applet"
	"github.com/mykeykit/mykeykit/internal/generation"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var pin = generation.Current.Authentication.Credential

// card is a simulated card and what was sent to it.
type card struct {
	reader.Card
	card *simulator.Card
	sent []apdu.Command
	fail func(c apdu.Command) error // after the card has carried out the command
}

func newCard(t *testing.T, profile simulator.Profile) *card {
	t.Helper()
	c, err := simulator.NewCard(profile, simulator.WithInsecureSeed("applet"))
	require.NoError(t, err)
	driver := simulator.New()
	require.NoError(t, driver.AddReader("Reader").Insert(c))
	connection, err := driver.Connect(t.Context(), "Reader")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, connection.Close())
		assert.False(t, c.State().AuthVerified)
	})
	return &card{Card: connection, card: c}
}

func (c *card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	parsed, err := apdu.ParseCommand(append([]byte(nil), command...))
	if err != nil {
		return nil, err
	}
	c.sent = append(c.sent, parsed.Redacted())
	response, err := c.Card.Transmit(ctx, command)
	if err == nil && c.fail != nil {
		err = c.fail(parsed)
	}
	return response, err
}

// secrets is how many commands with a secret were sent.
func (c *card) secrets() (n int) {
	for _, command := range c.sent {
		if command.Secret() {
			n++
		}
	}
	return n
}

func secret(t *testing.T, typed string) applet.Secret {
	t.Helper()
	s, err := applet.Rules{Min: 1, Max: 16, Letters: true}.Parse([]byte(typed))
	require.NoError(t, err)
	return s
}

// use opens the application and prepares an attempt.
func (c *card) use(t *testing.T, fn func(s *applet.Session, attempt *applet.Attempt) error) error {
	t.Helper()
	return applet.Do(t.Context(), c, generation.Applications(), func(s *applet.Session, _ int) error {
		attempt, _, err := s.Prepare(t.Context(), pin, applet.Conditions{})
		require.NoError(t, err)
		return fn(s, attempt)
	})
}

func TestChange(t *testing.T) {
	for name, tt := range map[string]struct {
		old, replacement string
		fail             func(apdu.Command) error
		want             error
		secrets          int
		valid            string // the PIN afterwards
		left             int
	}{
		"the right PIN":            {old: "1234", replacement: "9876", secrets: 2, valid: "9876", left: 3},
		"a wrong PIN":              {old: "0000", replacement: "9876", want: credential.ErrWrong, secrets: 1, valid: "1234", left: 2},
		"a new one of 5 digits":    {old: "1234", replacement: "98765", want: credential.ErrFormat, valid: "1234", left: 3},
		"a new one with letters":   {old: "1234", replacement: "987A", want: credential.ErrFormat, valid: "1234", left: 3},
		"an old one with letters":  {old: "123A", replacement: "9876", want: credential.ErrFormat, valid: "1234", left: 3},
		"the change is not heard":  {old: "1234", replacement: "9876", fail: lost(apdu.InsChangeReferenceData), want: applet.ErrChangeUnknown, secrets: 2, valid: "9876", left: 3},
		"the verify is not heard":  {old: "1234", replacement: "9876", fail: lost(apdu.InsVerify), want: credential.ErrOutcomeUnknown, secrets: 1, valid: "1234", left: 3},
		"the card rejects the new": {old: "1234", replacement: "9876", fail: answers(apdu.InsChangeReferenceData), want: applet.ErrChangeRejected, secrets: 2, left: 3},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, simulator.Contact)
			err := c.use(t, func(s *applet.Session, attempt *applet.Attempt) error {
				c.fail = tt.fail
				return attempt.Change(t.Context(), secret(t, tt.old), secret(t, tt.replacement))
			})
			if tt.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tt.want)
			}
			c.fail = nil
			assert.Equal(t, tt.secrets, c.secrets())
			assert.Equal(t, tt.left, c.card.State().AuthTries)
			if tt.valid != "" {
				require.NoError(t, c.use(t, func(s *applet.Session, attempt *applet.Attempt) error {
					return attempt.Verify(t.Context(), secret(t, tt.valid))
				}))
			}
		})
	}
}

// lost loses the answer to a command that carries a secret.
func lost(instruction byte) func(apdu.Command) error {
	return func(c apdu.Command) error {
		if c.INS == instruction && c.Secret() {
			return errors.New("lost")
		}
		return nil
	}
}

// answers replaces the answer to an instruction by a status word.
func answers(instruction byte) func(apdu.Command) error {
	return func(c apdu.Command) error {
		if c.INS == instruction {
			return apdu.StatusConditionsNotSatisfied
		}
		return nil
	}
}

// An attempt is one secret, whatever becomes of it.
func TestAnAttemptIsUsedOnce(t *testing.T) {
	c := newCard(t, simulator.Contact)
	require.NoError(t, c.use(t, func(s *applet.Session, attempt *applet.Attempt) error {
		require.ErrorIs(t, attempt.Verify(t.Context(), secret(t, "0000")), credential.ErrWrong)
		require.ErrorIs(t, attempt.Verify(t.Context(), secret(t, "1234")), credential.ErrUsed)
		return nil
	}))
	assert.Equal(t, 1, c.secrets())
	assert.Equal(t, 2, c.card.State().AuthTries)
}

// A secret of another form than the credential's is not sent, whoever parsed it.
func TestTheCredentialsFormIsChecked(t *testing.T) {
	for _, typed := range []string{"123", "12345", "123A"} {
		c := newCard(t, simulator.Contact)
		require.NoError(t, c.use(t, func(s *applet.Session, attempt *applet.Attempt) error {
			used := secret(t, typed)
			require.ErrorIs(t, attempt.Verify(t.Context(), used), credential.ErrFormat, typed)
			require.ErrorIs(t, attempt.Verify(t.Context(), used), credential.ErrUsed, "it was wiped")
			return nil
		}))
		assert.Zero(t, c.secrets())
		assert.Equal(t, 3, c.card.State().AuthTries)
	}
}

func TestConditions(t *testing.T) {
	shown := func(left int) *credential.Counter { return &credential.Counter{Remaining: left, Max: 3} }
	for name, tt := range map[string]struct {
		profile    simulator.Profile
		conditions applet.Conditions
		want       error
	}{
		"3 attempts":                     {simulator.Contact, applet.Conditions{}, nil},
		"3 attempts, shown":              {simulator.Contact, applet.Conditions{Shown: shown(3)}, nil},
		"3 attempts, 2 shown":            {simulator.Contact, applet.Conditions{Shown: shown(2)}, credential.ErrAttemptsChanged},
		"the last one":                   {simulator.LastTry, applet.Conditions{}, credential.ErrLastAttempt},
		"the last one, allowed":          {simulator.LastTry, applet.Conditions{AllowLastAttempt: true}, nil},
		"the last one, allowed, 3 shown": {simulator.LastTry, applet.Conditions{AllowLastAttempt: true, Shown: shown(3)}, credential.ErrAttemptsChanged},
		"locked":                         {simulator.Locked, applet.Conditions{AllowLastAttempt: true}, credential.ErrLocked},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, tt.profile)
			require.NoError(t, applet.Do(t.Context(), c, generation.Applications(), func(s *applet.Session, _ int) error {
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
			assert.Zero(t, c.secrets())
		})
	}
}
