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
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

const newPIN = "8261"

func parsedPIN(t testing.TB, digits string) jpki.PIN {
	t.Helper()
	pin, err := jpki.ParsePIN([]byte(digits))
	require.NoError(t, err)
	return pin
}

// valid reports whether the card accepts a PIN.
func valid(t testing.TB, card *simulator.Card, digits string) bool {
	t.Helper()
	card.PowerOn()
	defer card.PowerOff()
	require.Equal(t, []byte{0x90, 0x00}, card.Exchange(selectJPKI))
	answer := card.Exchange(verifyWith(digits))
	if answer[0] == 0x90 {
		return true
	}
	require.Equal(t, []byte{0x90, 0x00}, card.Exchange(verifyWith(map[string]string{simulator.PIN: newPIN, newPIN: simulator.PIN}[digits])), "the counter is reset")
	return false
}

// The new PIN replaces the old one, or the old one stays, and what was sent is never sent again.
func TestChangePIN(t *testing.T) {
	for name, tt := range map[string]struct {
		profile          simulator.Profile // "": contact
		old, replacement string
		options          []jpki.CardOption
		want             error
		secrets          int
		changed          bool
		left             int
	}{
		"right":                     {old: simulator.PIN, replacement: newPIN, secrets: 2, changed: true, left: 3},
		"extended lengths":          {profile: simulator.ContactExtended, old: simulator.PIN, replacement: newPIN, secrets: 2, changed: true, left: 3},
		"expired certificate":       {profile: simulator.Expired, old: simulator.PIN, replacement: newPIN, secrets: 2, changed: true, left: 3},
		"another generation":        {profile: simulator.Announced2028, old: simulator.PIN, replacement: newPIN, secrets: 2, left: 3, changed: true},
		"wrong":                     {old: "0000", replacement: newPIN, want: credential.ErrWrong, secrets: 1, left: 2},
		"the same":                  {old: simulator.PIN, replacement: simulator.PIN, want: jpki.ErrSameSecret, left: 3},
		"the last attempt":          {profile: simulator.LastAttempt, old: simulator.PIN, replacement: newPIN, want: credential.ErrLastAttempt, left: 1},
		"the last attempt, allowed": {profile: simulator.LastAttempt, old: simulator.PIN, replacement: newPIN, options: []jpki.CardOption{jpki.AllowLastAttempt()}, secrets: 2, changed: true, left: 3},
		"locked":                    {profile: simulator.Locked, old: simulator.PIN, replacement: newPIN, want: credential.ErrLocked},
		"another card":              {profile: simulator.NotMyNumber, old: simulator.PIN, replacement: newPIN, want: jpki.ErrNoApplication},
	} {
		t.Run(name, func(t *testing.T) {
			profile := tt.profile
			if profile == "" {
				profile = simulator.Contact
			}
			d := cardtest.Open(t, profile)
			old, replacement := parsedPIN(t, tt.old), parsedPIN(t, tt.replacement)
			err := jpki.ChangePIN(t.Context(), d.Connection, old, replacement, tt.options...)
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, tt.secrets, d.Secrets())
			assert.Equal(t, tt.left, d.Card.State().AuthAttempts)
			assert.False(t, d.Card.State().Unlocked)
			require.ErrorIs(t, jpki.ChangePIN(t.Context(), cardtest.Open(t, simulator.Contact).Connection, old, parsedPIN(t, newPIN)), credential.ErrUsed)
			require.ErrorIs(t, jpki.ChangePIN(t.Context(), cardtest.Open(t, simulator.Contact).Connection, parsedPIN(t, simulator.PIN), replacement), credential.ErrUsed)
			if tt.changed && profile != simulator.Announced2028 {
				assert.True(t, valid(t, d.Card, newPIN))
			}
		})
	}
}

// A PIN that was typed for one card does not go to another.
func TestChangePINForCard(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	var shown jpki.Readiness
	require.NoError(t, jpki.Do(t.Context(), d.Connection, func(a *jpki.Application) (err error) {
		shown, err = a.Ready(t.Context())
		return err
	}))
	other := cardtest.In(t, simulator.New(), cardtest.AnotherCard(t, simulator.Contact)).Open(t)
	require.ErrorIs(t, jpki.ChangePIN(t.Context(), other.Connection, parsedPIN(t, simulator.PIN), parsedPIN(t, newPIN), jpki.ForCard(shown)), credential.ErrOtherCard)
	assert.Zero(t, other.Secrets())
	require.NoError(t, jpki.ChangePIN(t.Context(), d.Connection, parsedPIN(t, simulator.PIN), parsedPIN(t, newPIN), jpki.ForCard(shown)))
}

// The signature password has its own rules and counter.
func TestChangePassword(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	parse := func(s string) jpki.Password {
		p, err := jpki.ParsePassword([]byte(s))
		require.NoError(t, err)
		return p
	}
	require.NoError(t, jpki.ChangePassword(t.Context(), d.Connection, parse(simulator.Password), parse("another1")))
	require.NoError(t, jpki.ChangePassword(t.Context(), d.Connection, parse("ANOTHER1"), parse(simulator.Password)))
	require.ErrorIs(t, jpki.ChangePassword(t.Context(), d.Connection, parse("ANOTHER1"), parse("XYZ123")), credential.ErrWrong)
	assert.Equal(t, 4, d.Card.State().SignatureAttempts)
	assert.Equal(t, 3, d.Card.State().AuthAttempts)
}

// Whatever fails at whichever command, the error says which PIN is valid, no secret is sent twice, and the
// card is logged out or the caller is told.
//
// Faults: F150.
func TestSweepOfChanges(t *testing.T) {
	unknown := map[bool]int{} // outcomes of ErrChangeUnknown: whether the new PIN is valid
	failed := fmt.Errorf("%w: injected", reader.ErrTransport)
	for name, action := range map[string]func() simulator.Action{
		"card pulled":          simulator.PullCard,
		"card reset":           simulator.ResetCard,
		"command not received": func() simulator.Action { return simulator.FailBefore(failed) },
		"response lost":        func() simulator.Action { return simulator.FailAfter(failed) },
		"pulled afterwards":    func() simulator.Action { return simulator.After(simulator.PullCard()) },
		"status 6985":          func() simulator.Action { return simulator.AnswerStatus(0x6985) },
		"no status":            func() simulator.Action { return simulator.Answer(nil) },
		"context ends":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			ended := false
			for n := 1; !ended; n++ {
				require.Less(t, n, 30)
				d := cardtest.Open(t, simulator.ContactExtended)
				ctx, cancel := context.WithCancel(t.Context())
				do := simulator.Call(func(*simulator.Reader) { cancel() })
				if action != nil {
					do = action()
				}
				d.Slot.AddFault(simulator.Fault{On: simulator.Transmit, Nth: n, Do: do})
				err := jpki.ChangePIN(ctx, d.Connection, parsedPIN(t, simulator.PIN), parsedPIN(t, newPIN))
				cancel()
				ended = len(d.Sent()) < n
				if d.Card.State().Unlocked {
					assert.ErrorIs(t, err, jpki.ErrStillUnlocked, "command %d", n)
				}
				d.Slot.ClearFaults()
				d.Slot.Remove() // logs it out
				isNew := valid(t, d.Card, newPIN)
				sent := map[byte]int{}
				for _, c := range d.Sent() {
					if c.Secret() {
						sent[c.INS]++
					}
				}
				assert.LessOrEqual(t, sent[apdu.InsVerify], 1)
				assert.LessOrEqual(t, sent[apdu.InsChangeReferenceData], 1)
				switch {
				case err == nil, errors.Is(err, jpki.ErrStillUnlocked) && !errors.Is(err, jpki.ErrChangeUnknown) && !errors.Is(err, jpki.ErrChangeRejected) && sent[apdu.InsChangeReferenceData] == 1:
					assert.True(t, isNew, "command %d: %v", n, err)
				case errors.Is(err, jpki.ErrChangeUnknown): // either
					unknown[isNew]++
				default:
					assert.False(t, isNew, "command %d: %v", n, err)
				}
			}
		})
	}
	assert.Positive(t, unknown[true], "changed, and the response was lost")
	assert.Positive(t, unknown[false], "not received")
}
