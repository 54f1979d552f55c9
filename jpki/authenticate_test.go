package jpki_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// Faults: F40, F41, F47.
func TestAuthenticateOnEveryProfile(t *testing.T) {
	for _, tt := range []struct {
		profile  simulator.Profile
		err      error
		validity trust.Validity
		pins     int
	}{
		{simulator.Contact, nil, trust.Valid, 1},
		{simulator.ContactExtended, nil, trust.Valid, 1},
		{simulator.ContactShort, nil, trust.Valid, 1},
		{simulator.Contactless, nil, trust.Valid, 1},
		{simulator.Android, nil, trust.Valid, 1},
		{simulator.IPhone, nil, trust.Valid, 1},
		{simulator.ResidentCard, nil, trust.Valid, 1},
		{simulator.Expiring, nil, trust.Expiring, 1},
		{simulator.Expired, trust.ErrExpired, "", 0},
		{simulator.NoCertificate, jpki.ErrNoCertificate, "", 0},
		{simulator.Locked, credential.ErrLocked, "", 0},
		{simulator.FaceAuth, credential.ErrLocked, "", 0},
		{simulator.LastAttempt, credential.ErrLastAttempt, "", 0},
		{simulator.NotMyNumber, jpki.ErrNoApplication, "", 0},
	} {
		t.Run(string(tt.profile), func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			attempts := d.Card.State().AuthAttempts
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.pins, d.Secrets(), "VERIFY commands with a PIN")
			assert.Equal(t, attempts, d.Card.State().AuthAttempts)
			assert.False(t, d.Card.State().AuthVerified, "the card was not logged out")
			if tt.err != nil {
				assert.Nil(t, got)
				return
			}
			assert.True(t, got.Certificate() != nil)
			assert.Equal(t, tt.validity, got.Validity())
			assert.Zero(t, got.Revocation().Status, "a terminal does not ask")
			assert.Len(t, got.Certificate().Subject.CommonName, 24)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
				printed := fmt.Sprintf(verb+verb, got, *got)
				assert.Contains(t, printed, "issuer unknown, revocation not checked]")
				assert.NotContains(t, printed, got.Certificate().Subject.CommonName)
				assert.NotContains(t, printed, fmt.Sprint(got.Certificate().NotAfter.Year()), "its holder's birthday")
			}
			marshalled, err := json.Marshal(got)
			require.NoError(t, err)
			assert.Equal(t, strconv.Quote(got.String()), string(marshalled))
			assert.Equal(t, got.String(), got.LogValue().String())
		})
	}
}

// Faults: F47, F56.
func TestAuthenticateAllows(t *testing.T) {
	ctx := context.Background()
	t.Run("the last attempt", func(t *testing.T) {
		d := cardtest.Open(t, simulator.LastAttempt)
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.AllowLastAttempt())
		require.NoError(t, err)
		assert.Equal(t, 3, d.Card.State().AuthAttempts, "a correct PIN sets the counter back")
	})
	t.Run("the last attempt, and it is wrong", func(t *testing.T) {
		d := cardtest.Open(t, simulator.LastAttempt)
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, "9999"), jpki.AllowLastAttempt())
		require.ErrorIs(t, err, credential.ErrWrong)
		require.ErrorIs(t, err, credential.ErrLocked)
	})
	t.Run("an expired certificate", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Expired)
		got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.AllowExpired())
		require.NoError(t, err)
		assert.Equal(t, trust.Expired, got.Validity())
	})
	t.Run("no expired certificate of a phone, which shows after the PIN", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Android)
		future := func() time.Time { return time.Now().AddDate(10, 0, 0) }
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.WithClock(future))
		require.ErrorIs(t, err, trust.ErrExpired)
		assert.False(t, d.Card.State().AuthVerified)
	})
	t.Run("no certificate from the future", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Contact)
		past := func() time.Time { return time.Now().AddDate(-10, 0, 0) }
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.AllowExpired(), jpki.WithClock(past))
		require.ErrorIs(t, err, trust.ErrNotYetValid)
		assert.Zero(t, d.Secrets())
	})
}

// Authenticate uses one transaction for all commands.
func TestOneTransaction(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	d.Before = func(n int, _ apdu.Command) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, err := d.Driver.Driver.Connect(ctx, "Reader") // waits while another has a transaction
		assert.ErrorIs(t, err, context.DeadlineExceeded, "command %d", n)
		return nil
	}
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
	require.NoError(t, err)
	d.OtherProgram(t) // and the transaction ended
}

// If another program uses up an attempt or another card is inserted while the holder types,
// the PIN is not sent.
//
// Faults: F25, F45.
func TestForCard(t *testing.T) {
	ctx := context.Background()
	const contact, phone = simulator.Contact, simulator.Android
	for _, tt := range []struct {
		name         string
		shown, there simulator.Profile
		spent        int // attempts, meanwhile
		err          error
	}{
		{"the same card", contact, contact, 0, nil},
		{"an attempt spent", contact, contact, 1, credential.ErrAttemptsChanged},
		{"another card with as many attempts", contact, simulator.ResidentCard, 0, credential.ErrOtherCard},
		{"the same phone", phone, phone, 0, nil},
		{"an attempt spent on the phone", phone, phone, 1, credential.ErrAttemptsChanged},
		{"a phone in the card's place", contact, phone, 0, credential.ErrOtherCard},
		{"a card in the phone's place", phone, contact, 0, credential.ErrOtherCard},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, tt.shown)
			var shown jpki.Readiness
			require.NoError(t, jpki.Do(ctx, d.Connection, func(a *jpki.Application) (err error) {
				shown, err = a.Ready(ctx)
				return err
			}))
			require.Equal(t, 3, shown.Remaining)

			if tt.there != tt.shown {
				d = cardtest.Open(t, tt.there)
			}
			for range tt.spent {
				_, err := jpki.Authenticate(ctx, d.Connection, pin(t, "9999"))
				require.ErrorIs(t, err, credential.ErrWrong)
			}
			d.Forget()
			for name, attempt := range map[string]func(*jpki.Application) error{
				"Authenticate":  nil,
				"VerifyAuthPIN": func(a *jpki.Application) error { return a.VerifyAuthPIN(ctx, pin(t, simulator.PIN)) },
			} {
				var err error
				if attempt == nil {
					_, err = jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.ForCard(shown))
				} else {
					err = jpki.Do(ctx, d.Connection, attempt, jpki.ForCard(shown))
				}
				require.ErrorIs(t, err, tt.err, name)
			}
			if tt.err == nil {
				assert.Equal(t, 2, d.Secrets())
				return
			}
			assert.Zero(t, d.Secrets())
			assert.Equal(t, 3-tt.spent, d.Card.State().AuthAttempts)
		})
	}
}
