package jpki_test

import (
	"context"
	"errors"
	"slices"
	"testing"

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

// The holder is asked only if a PIN may be sent, and is shown the attempts left. The PIN
// is sent once, to the card that was shown, if nothing changed meanwhile.
//
// Faults: F25, F45, F47.
func TestAuthenticateWith(t *testing.T) {
	type visit struct {
		*cardtest.Holder
		cancel context.CancelFunc
	}
	other := cardtest.AnotherCard(t, simulator.Contact)
	for _, tt := range []struct {
		name      string
		profile   simulator.Profile
		options   []jpki.CardOption
		types     string
		meanwhile func(t *testing.T, v visit) error // while the holder types
		err       error
		asked     int
		sent      int // PINs
		left      int // attempts
	}{
		{name: "the right PIN", asked: 1, sent: 1, left: 3},
		{name: "the right PIN of a phone", profile: simulator.Android, asked: 1, sent: 1, left: 3},
		{name: "a wrong PIN", types: "9999", err: credential.ErrWrong, asked: 1, sent: 1, left: 2},
		{name: "a malformed PIN", types: "12345", err: jpki.ErrPINFormat, asked: 1, left: 3},
		{name: "the holder types nothing", meanwhile: func(*testing.T, visit) error { return errNobody }, err: errNobody, asked: 1, left: 3},

		{name: "locked", profile: simulator.Locked, err: credential.ErrLocked},
		{name: "the last attempt, not allowed", profile: simulator.LastAttempt, err: credential.ErrLastAttempt, left: 1},
		{name: "the last attempt, allowed", profile: simulator.LastAttempt, options: []jpki.CardOption{jpki.AllowLastAttempt()}, asked: 1, sent: 1, left: 3},
		{name: "the last attempt, allowed and wrong", profile: simulator.LastAttempt, options: []jpki.CardOption{jpki.AllowLastAttempt()}, types: "9999",
			err: credential.ErrLocked, asked: 1, sent: 1},
		{name: "expired", profile: simulator.Expired, err: trust.ErrExpired, left: 3},
		{name: "not a My Number Card", profile: simulator.NotMyNumber, err: jpki.ErrNoApplication},
		{name: "an unknown issuer", options: []jpki.CardOption{jpki.RequireChain()}, err: trust.ErrUnknownIssuer, left: 3},
		{name: "ForCard is ignored", options: []jpki.CardOption{jpki.ForCard(jpki.Readiness{Counter: credential.Counter{Remaining: 2, Max: 3}})},
			asked: 1, sent: 1, left: 3},

		{name: "another card", meanwhile: func(t *testing.T, v visit) error {
			v.Insert(t, other)
			return nil
		}, err: credential.ErrOtherCard, asked: 1, left: 3},
		{name: "the same card, put in again", meanwhile: func(t *testing.T, v visit) error {
			v.Insert(t, v.Card)
			return nil
		}, asked: 1, sent: 1, left: 3},
		{name: "an attempt used by another program", meanwhile: func(t *testing.T, v visit) error {
			_, err := jpki.Authenticate(context.Background(), v.OtherProgram(t), pin(t, "0000"))
			require.ErrorIs(t, err, credential.ErrWrong)
			return nil
		}, err: credential.ErrAttemptsChanged, asked: 1, left: 2},
		{name: "the card is removed", meanwhile: func(_ *testing.T, v visit) error {
			v.Slot.Remove()
			return nil
		}, err: reader.ErrNoCard, asked: 1, left: 3},
		{name: "the second connection fails", meanwhile: func(_ *testing.T, v visit) error {
			v.Slot.AddFault(simulator.Fault{On: simulator.Connect, Nth: 1, Do: simulator.FailBefore(reader.ErrBusy)})
			return nil
		}, err: reader.ErrBusy, asked: 1, left: 3},
		{name: "the context ends", meanwhile: func(_ *testing.T, v visit) error {
			v.cancel()
			return nil // the holder types all the same
		}, err: context.Canceled, asked: 1, left: 3},
		{name: "the context ends, and the holder is not asked any more", meanwhile: func(_ *testing.T, v visit) error {
			v.cancel()
			return context.Canceled
		}, err: context.Canceled, asked: 1, left: 3},
		{name: "another program uses the card", meanwhile: func(t *testing.T, v visit) error {
			connections, _ := v.Slot.InUse()
			assert.Zero(t, connections, "the card is not held while the holder types")
			program := v.OtherProgram(t)
			require.NoError(t, program.Begin(context.Background()))
			return program.End()
		}, asked: 1, sent: 1, left: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.profile == "" {
				tt.profile = simulator.Contact
			}
			h := cardtest.NewHolder(t, tt.profile)
			if tt.types != "" {
				h.Types = tt.types
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.meanwhile != nil {
				h.Typing = func(context.Context) error { return tt.meanwhile(t, visit{h, cancel}) }
			}
			got, err := jpki.AuthenticateWith(ctx, h.Connect, h.Reader, h.AskPIN, tt.options...)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.asked, h.Asked())
			for _, shown := range h.Shown() {
				assert.Equal(t, credential.Counter{Remaining: 3 - map[bool]int{true: 2}[tt.profile == simulator.LastAttempt], Max: 3}, shown.Counter)
			}
			h.Unsent(h.Entered() - tt.sent)
			assert.Equal(t, tt.sent, h.Secrets())
			assert.Equal(t, tt.left, h.Card.State().AuthAttempts)
			assert.Equal(t, 3, other.State().AuthAttempts)
			assert.False(t, slices.ContainsFunc(h.Connections()[0], apdu.Command.Secret), "the first connection finds out what to show")
			if tt.err != nil {
				assert.Nil(t, got)
				return
			}
			assert.True(t, got.Certificate() != nil)
			assert.Len(t, h.Connections(), 2)
		})
	}
}

// A PIN that is not sent is wiped: if ask returns an error with it, and if something
// speaks against sending it.
//
// Faults: F48.
func TestAuthenticateWithWipesThePIN(t *testing.T) {
	for name, tt := range map[string]struct {
		ask error
		err error
	}{
		"an error of ask": {errNobody, errNobody},
		"another card":    {nil, credential.ErrOtherCard},
	} {
		h := cardtest.NewHolder(t, simulator.Contact)
		typed := pin(t, simulator.PIN)
		_, err := jpki.AuthenticateWith(t.Context(), h.Connect, h.Reader, func(context.Context, jpki.Readiness) (jpki.PIN, error) {
			h.Insert(t, cardtest.AnotherCard(t, simulator.Contact))
			return typed, tt.ask
		})
		require.ErrorIs(t, err, tt.err, name)
		assert.Zero(t, h.Secrets(), name)
		h.Insert(t, h.Card)
		_, err = jpki.Authenticate(t.Context(), h.OtherProgram(t), typed)
		require.ErrorIs(t, err, credential.ErrUsed, name)
	}
}

// A card that is inserted between the check and VERIFY gets no command, because the
// connection belongs to the card before it.
//
// Faults: F25.
func TestAuthenticateWithACardThatIsExchangedAtTheLastMoment(t *testing.T) {
	other := cardtest.AnotherCard(t, simulator.Contact)
	h := cardtest.NewHolder(t, simulator.Contact)
	h.Slot.AddFault(simulator.Fault{Command: simulator.SendsSecret, Nth: 1, Do: simulator.SwapCard(other)})
	_, err := jpki.AuthenticateWith(t.Context(), h.Connect, h.Reader, h.AskPIN)
	require.ErrorIs(t, err, credential.ErrOutcomeUnknown)
	require.True(t, errors.Is(err, apdu.ErrRemoved) || errors.Is(err, reader.ErrChanged), "%v", err)
	assert.Equal(t, 3, other.State().AuthAttempts)
	assert.False(t, other.State().AuthVerified)
}
