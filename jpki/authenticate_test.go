package jpki_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/annotate"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
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
		{simulator.LastTry, credential.ErrLastAttempt, "", 0},
		{simulator.NotMyNumber, jpki.ErrNoApplication, "", 0},
	} {
		t.Run(string(tt.profile), func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			tries := d.Card.State().AuthTries
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.pins, d.Secrets(), "VERIFY commands with a PIN")
			assert.Equal(t, tries, d.Card.State().AuthTries)
			assert.False(t, d.Card.State().AuthVerified, "left verified")
			if tt.err != nil {
				assert.Nil(t, got)
				return
			}
			assert.True(t, got.CardAcceptedPIN)
			assert.True(t, got.Possession)
			assert.Equal(t, tt.validity, got.Validity)
			assert.Len(t, got.Certificate.Subject.CommonName, 24)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
				printed := fmt.Sprintf(verb+verb, got, *got)
				assert.Contains(t, printed, "issuer unknown, revocation not checked")
				assert.NotContains(t, printed, got.Certificate.Subject.CommonName)
				assert.NotContains(t, printed, fmt.Sprint(got.Certificate.NotAfter.Year()), "its holder's birthday")
			}
			for _, value := range []any{got, *got} {
				marshalled, err := json.Marshal(value)
				require.NoError(t, err)
				assert.Equal(t, strconv.Quote(got.String()), string(marshalled))
			}
			assert.Equal(t, got.String(), got.LogValue().String())
		})
	}
}

// Faults: F47, F56.
func TestAuthenticateAllows(t *testing.T) {
	ctx := context.Background()
	t.Run("the last try", func(t *testing.T) {
		d := cardtest.Open(t, simulator.LastTry)
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.AllowLastAttempt())
		require.NoError(t, err)
		assert.Equal(t, 3, d.Card.State().AuthTries, "a correct PIN sets the counter back")
	})
	t.Run("the last try, and it is wrong", func(t *testing.T) {
		d := cardtest.Open(t, simulator.LastTry)
		_, err := jpki.Authenticate(ctx, d.Connection, pin(t, "9999"), jpki.AllowLastAttempt())
		require.ErrorIs(t, err, credential.ErrWrong)
		require.ErrorIs(t, err, credential.ErrLocked)
	})
	t.Run("an expired certificate", func(t *testing.T) {
		d := cardtest.Open(t, simulator.Expired)
		got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.AllowExpired())
		require.NoError(t, err)
		assert.Equal(t, trust.Expired, got.Validity)
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
	assert.Equal(t, 1, d.Card.State().AuthTries)
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
	assert.Equal(t, 2, d.Card.State().AuthTries)

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

// A second program, on the same card at the same time, finds it locked.
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
			d.Slot.Fail(simulator.Fault{Command: func(command []byte) bool {
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

// A card that is mute after the PIN does not hold up an ended context.
//
// Faults: F23.
func TestMuteCardsAreGivenUp(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	ctx, cancel := context.WithCancel(context.Background())
	start := time.Now()
	d.Slot.Fail(simulator.Fault{INS: apdu.InsPerformSecurityOperation, Do: simulator.Hang()})
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
func TestACardThatCannotBeLeftIsReported(t *testing.T) {
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

// All of it happens in one transaction.
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

// Another program spends a try, or another card is put in, while a person
// types: the PIN is for the card that was shown, as it was.
//
// Faults: F25, F45.
func TestThePINIsForTheCardThatWasShown(t *testing.T) {
	ctx := context.Background()
	const contact, phone = simulator.Contact, simulator.Android
	for _, tt := range []struct {
		name         string
		shown, there simulator.Profile
		spent        int // tries, meanwhile
		err          error
	}{
		{"the same card", contact, contact, 0, nil},
		{"a try spent", contact, contact, 1, credential.ErrAttemptsChanged},
		{"another card with as many tries", contact, simulator.ResidentCard, 0, credential.ErrOtherCard},
		{"the same phone", phone, phone, 0, nil},
		{"a try spent on the phone", phone, phone, 1, credential.ErrAttemptsChanged},
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
			for name, try := range map[string]func(*jpki.Application) error{
				"Authenticate":  nil,
				"VerifyAuthPIN": func(a *jpki.Application) error { return a.VerifyAuthPIN(ctx, pin(t, simulator.PIN)) },
			} {
				var err error
				if try == nil {
					_, err = jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN), jpki.ForCard(shown))
				} else {
					err = jpki.Do(ctx, d.Connection, try, jpki.ForCard(shown))
				}
				require.ErrorIs(t, err, tt.err, name)
			}
			if tt.err == nil {
				assert.Equal(t, 2, d.Secrets())
				return
			}
			assert.Zero(t, d.Secrets())
			assert.Equal(t, 3-tt.spent, d.Card.State().AuthTries)
		})
	}
}

// Do, Open and VerifyAuthPIN keep the same guards as Authenticate.
//
// Faults: F47.
func TestVerifyAuthPINIsGuarded(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		profile simulator.Profile
		options []jpki.CardOption
		err     error
		pins    int
	}{
		{simulator.LastTry, nil, credential.ErrLastAttempt, 0},
		{simulator.LastTry, []jpki.CardOption{jpki.AllowLastAttempt()}, nil, 1},
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

// What answers to the PIN other than a clear count lead to.
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

// Faults: F57, F58, F59.
func TestAttackersAreNotBelieved(t *testing.T) {
	ctx := context.Background()
	var recorded []byte
	record := func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		if isSign(c) {
			recorded = append([]byte(nil), response...)
		}
		return response, nil
	}
	honest := cardtest.Open(t, simulator.Contact)
	honest.After = record
	_, err := jpki.Authenticate(ctx, honest.Connection, pin(t, simulator.PIN))
	require.NoError(t, err)
	victim := cardtest.Open(t, simulator.Contact)

	answering := func(signature func(c apdu.Command, response []byte) []byte) func(int, apdu.Command, []byte) ([]byte, error) {
		return func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			if isSign(c) {
				return signature(c, response), nil
			}
			return response, nil
		}
	}
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		after   func(int, apdu.Command, []byte) ([]byte, error)
	}{
		{"an old signature", simulator.Contact, answering(func(apdu.Command, []byte) []byte { return recorded })},
		{"a changed signature", simulator.Contact, answering(func(_ apdu.Command, r []byte) []byte { r[7] ^= 1; return r })},
		{"255 bytes", simulator.Contact, answering(func(_ apdu.Command, r []byte) []byte { return r[1:] })},
		{"257 bytes", simulator.Contact, answering(func(_ apdu.Command, r []byte) []byte { return append([]byte{0}, r...) })},
		{"an empty signature", simulator.Contact, answering(func(apdu.Command, []byte) []byte { return []byte{0x90, 0x00} })},
		{"a failure", simulator.Contact, answering(func(apdu.Command, []byte) []byte { return []byte{0x6F, 0x00} })},
		{"another's certificate with an own key", simulator.ResidentCard, func(_ int, c apdu.Command, response []byte) ([]byte, error) {
			if isRead(c) {
				encoded, _ := c.MarshalBinary()
				return victim.Card.Exchange(encoded), nil
			}
			return response, nil
		}},
		{"refused after the PIN", simulator.Contact, answering(func(apdu.Command, []byte) []byte { return []byte{0x69, 0x82} })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			victim.Card.PowerOn()
			victim.Card.Exchange(selectJPKI)
			d := cardtest.Open(t, tt.profile)
			d.After = tt.after
			got, err := jpki.Authenticate(ctx, d.Connection, pin(t, simulator.PIN))
			require.ErrorIs(t, err, jpki.ErrNoPossession)
			assert.Nil(t, got)
			assert.False(t, d.Card.State().AuthVerified)
		})
	}
}

// Faults: F60.
func TestChallengesAreFresh(t *testing.T) {
	seen := map[[32]byte]bool{}
	for range 5 {
		d := cardtest.Open(t, simulator.Contact)
		_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
		require.NoError(t, err)
		for _, c := range d.Sent() {
			if isSign(c) {
				seen[sha256.Sum256(c.Data())] = true
			}
		}
	}
	assert.Len(t, seen, 5)

	d := cardtest.Open(t, simulator.Contact)
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN), jpki.WithRandom(strings.NewReader("too short")))
	require.Error(t, err)
	assert.False(t, d.Card.State().AuthVerified)
}

// Transcripts are what passes over the wire, for reading.
func TestTranscripts(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.ContactExtended, simulator.Android, simulator.LastTry} {
		t.Run(string(profile), func(t *testing.T) {
			d := cardtest.Open(t, profile)
			var lines strings.Builder
			var commands annotate.Annotator
			traced := reader.Trace(d.Connection, func(e reader.Exchange) {
				fmt.Fprintf(&lines, "> %-36s  %s\n", e.Command.String(), commands.Command(e.Command))
				fmt.Fprintf(&lines, "< %d bytes, %v\n", e.Length, e.Status)
			})
			_, err := jpki.Authenticate(context.Background(), traced, pin(t, simulator.PIN))
			fmt.Fprintf(&lines, "= %v\n", err)

			transcript := lines.String()
			golden := filepath.Join("..", "testdata", "transcripts", "authenticate-"+string(profile)+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(transcript), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), transcript)
		})
	}
}
