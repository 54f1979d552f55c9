package jpki_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Another program uses the card just before the transaction begins.
//
// Faults: F26, F27, F45.
func TestOtherProgramsBetweenTransactions(t *testing.T) {
	wrong, right := verifyWith("9999"), verifyWith(simulator.PIN)
	shown, err := open(t, cardtest.Open(t, simulator.Contact)).Ready(context.Background())
	require.NoError(t, err)
	for _, tt := range []struct {
		name     string
		profile  simulator.Profile
		options  []jpki.CardOption
		other    [][]byte // commands of the other program
		pin      string
		err      error
		pins     int
		attempts int // left in the end
	}{
		{"selects another application", simulator.Contact, nil, [][]byte{selectISD}, simulator.PIN, nil, 1, 3},
		{"spends an attempt", simulator.Contact, nil, [][]byte{selectJPKI, wrong}, simulator.PIN, nil, 1, 3},
		{"spends an attempt, of 3 that were shown", simulator.Contact, []jpki.CardOption{jpki.ForCard(shown)}, [][]byte{selectJPKI, wrong}, simulator.PIN, credential.ErrAttemptsChanged, 0, 2},
		{"spends all but the last", simulator.Contact, nil, [][]byte{selectJPKI, wrong, wrong}, simulator.PIN, credential.ErrLastAttempt, 0, 1},
		{"spends the last", simulator.LastAttempt, []jpki.CardOption{jpki.AllowLastAttempt()}, [][]byte{selectJPKI, wrong}, simulator.PIN, credential.ErrLocked, 0, 0},
		{"leaves the card unlocked", simulator.Contact, nil, [][]byte{selectJPKI, right}, simulator.PIN, nil, 1, 3},
		{"leaves the card unlocked, and ours is wrong", simulator.Contact, nil, [][]byte{selectJPKI, right}, "9999", credential.ErrWrong, 1, 2},
		{"leaves the card unlocked, and the certificate is no use", simulator.Expired, nil, [][]byte{selectJPKI, right}, simulator.PIN, trust.ErrExpired, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cardtest.Open(t, tt.profile)
			d.Slot.AddFault(simulator.Fault{On: simulator.Begin, Nth: 1, Do: another(tt.other...)})
			got, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, tt.pin), tt.options...)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, err == nil, got != nil)
			assert.Equal(t, tt.pins, d.Secrets())
			assert.Equal(t, tt.attempts, d.Card.State().AuthAttempts)
			if tt.pins > 0 {
				assert.False(t, d.Card.State().AuthVerified, "left, before the power is cut")
			}
			require.NoError(t, d.Connection.Close())
			assert.False(t, d.Card.State().AuthVerified)
		})
	}
}

// another is another program that sends commands to the card.
func another(commands ...[]byte) simulator.Action {
	return simulator.Call(func(r *simulator.Reader) {
		for _, command := range commands {
			r.Card().Exchange(command)
		}
	})
}

// Without transactions another program can send a command before each of ours. If it
// selects another application, Authenticate fails and establishes nothing.
//
// Faults: F26.
func TestOtherProgramsWithoutTransactions(t *testing.T) {
	for _, tt := range []struct {
		nth        int
		err, wrong error // with the right PIN, and with a wrong one
		spent      int   // attempts, by the wrong one
	}{
		{1, nil, credential.ErrWrong, 1}, // we select next
		{2, credential.ErrCounterUnknown, credential.ErrCounterUnknown, 0},
		{3, jpki.ErrNoCertificate, jpki.ErrNoCertificate, 0},
		{4, credential.ErrOutcomeUnknown, credential.ErrOutcomeUnknown, 0},
		{5, jpki.ErrNoPossession, credential.ErrWrong, 1},
		{6, nil, credential.ErrWrong, 1}, // we log out next
	} {
		for digits, want := range map[string]error{simulator.PIN: tt.err, "9999": tt.wrong} {
			where := fmt.Sprintf("before command %d, PIN %s", tt.nth, digits)
			d := cardtest.Open(t, simulator.ContactExtended)
			d.Slot.AddFault(simulator.Fault{Nth: tt.nth, Do: another(selectISD)})
			card := struct {
				apdu.Transmitter
				atr
			}{d.Connection, atr{d.Card}}
			got, err := jpki.Authenticate(context.Background(), card, pin(t, digits))
			require.ErrorIs(t, err, want, where)
			assert.Equal(t, err == nil, got != nil, where)
			assert.LessOrEqual(t, d.Secrets(), 1, where)
			spent := tt.spent
			if digits == simulator.PIN {
				spent = 0
			}
			assert.Equal(t, 3-spent, d.Card.State().AuthAttempts, where)
			assert.False(t, d.Card.State().AuthVerified, where)
		}
	}
}

// atr hides everything of a card but its answer to reset.
type atr struct{ card *simulator.Card }

func (a atr) ATR() []byte { return a.card.ATR() }

// Windows resets a card in a transaction without commands for 5 seconds. No attempt is
// lost. A warm reset leaves the card unlocked, and closing the connection logs it out.
//
// Faults: F28.
func TestACardThatIsResetInAnIdleTransaction(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name     string
		verified bool // before it dawdles
		pins     int
	}{
		{"before the PIN", false, 0},
		{"after the PIN", true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			driver := simulator.New(simulator.WithIdleReset(func() time.Time { return at }))
			d := cardtest.In(t, driver, cardtest.NewCard(t, simulator.Contact)).Open(t)
			digits := pin(t, simulator.PIN)
			err := jpki.Do(ctx, d.Connection, func(a *jpki.Application) error {
				if tt.verified {
					require.NoError(t, a.VerifyAuthPIN(ctx, digits))
				}
				at = at.Add(6 * time.Second)
				if tt.verified {
					_, err := a.AuthCertificate(ctx)
					return err
				}
				return a.VerifyAuthPIN(ctx, digits)
			})
			require.ErrorIs(t, err, reader.ErrChanged)
			assert.Equal(t, tt.pins, d.Secrets())
			assert.Equal(t, 3, d.Card.State().AuthAttempts)
			assert.Equal(t, tt.verified, d.Card.State().AuthVerified, "as a warm reset leaves it")
			require.NoError(t, d.Connection.Close())
			assert.False(t, d.Card.State().AuthVerified)
		})
	}
}

// The transaction ends however fn ends, unless the caller began it.
//
// Faults: F29, F77.
func TestTransactionsEnd(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	for name, fn := range map[string]func(*jpki.Application) error{
		"well":          func(*jpki.Application) error { return nil },
		"with an error": func(*jpki.Application) error { return errPlain },
		"in a panic":    func(*jpki.Application) error { panic("inside") },
		"with its context": func(a *jpki.Application) error {
			cancel()
			_, err := a.AuthPINCounter(ended)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := cardtest.Open(t, simulator.Contact)
			do := func() {
				defer func() { _ = recover() }()
				_ = jpki.Do(context.WithoutCancel(ended), d.Connection, func(a *jpki.Application) error {
					_, transaction := d.Slot.InUse()
					require.True(t, transaction)
					return fn(a)
				})
			}
			inUse := func(want bool) {
				t.Helper()
				connections, transaction := d.Slot.InUse()
				assert.Equal(t, 1, connections)
				assert.Equal(t, want, transaction)
			}
			do()
			inUse(false)
			require.NoError(t, d.Connection.Begin(context.Background()))
			do()
			inUse(true)
			require.NoError(t, d.Connection.End())
			inUse(false)
		})
	}
}

// Some cards reject the first SELECT after they were inserted, until they are inserted
// again.
//
// Faults: F38.
func TestACardThatWorksWhenPutInAgain(t *testing.T) {
	d := cardtest.Open(t, simulator.Contact)
	d.Slot.AddFault(simulator.Fault{Nth: 1, Do: simulator.AnswerStatus(apdu.StatusWrongLength)})
	_, err := jpki.Authenticate(context.Background(), d.Connection, pin(t, simulator.PIN))
	require.ErrorIs(t, err, jpki.ErrNoApplication)
	require.ErrorIs(t, err, apdu.StatusWrongLength)

	require.NoError(t, d.Slot.Insert(d.Slot.Remove()))
	_, err = jpki.Authenticate(context.Background(), d.OtherProgram(t), pin(t, simulator.PIN))
	require.NoError(t, err)
}
