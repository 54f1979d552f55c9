package jpki_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// task is something that a program does with a card, and the commands that it
// takes with a certificate of 1700 bytes.
type task struct {
	name                    string
	extended, probed, short int // commands
	do                      func(ctx context.Context, card apdu.Transmitter, pin jpki.PIN, options ...jpki.CardOption) error
}

// with is a task on an open application that sends no PIN, so that it needs not
// be left.
func with(do func(ctx context.Context, a *jpki.Application) error) func(context.Context, apdu.Transmitter, jpki.PIN, ...jpki.CardOption) error {
	return func(ctx context.Context, card apdu.Transmitter, _ jpki.PIN, options ...jpki.CardOption) error {
		return jpki.Do(ctx, card, func(a *jpki.Application) error { return do(ctx, a) }, options...)
	}
}

func tasks() []task {
	return []task{
		{"auth certificate", 2, 3, 8, with(func(ctx context.Context, a *jpki.Application) error {
			_, err := a.AuthCertificate(ctx)
			return err
		})},
		{"auth counter", 2, 2, 2, with(func(ctx context.Context, a *jpki.Application) error {
			_, err := a.AuthPINCounter(ctx)
			return err
		})},
		// Nothing is probed for after a PIN.
		{"counter, VERIFY, certificate", 4 + 1, 10 + 1, 10 + 1, func(ctx context.Context, card apdu.Transmitter, pin jpki.PIN, options ...jpki.CardOption) error {
			return jpki.Do(ctx, card, func(a *jpki.Application) error {
				if err := a.VerifyAuthPIN(ctx, pin); err != nil {
					return err
				}
				_, err := a.AuthCertificate(ctx)
				return err
			}, options...)
		}},
		{"Authenticate", 5 + 1, 6 + 1, 11 + 1, func(ctx context.Context, card apdu.Transmitter, pin jpki.PIN, options ...jpki.CardOption) error {
			_, err := jpki.Authenticate(ctx, card, pin, options...)
			return err
		}},
		// The CA certificate is read in addition.
		{"Prove", 6 + 1, 7 + 1, 16 + 1, func(ctx context.Context, card apdu.Transmitter, pin jpki.PIN, options ...jpki.CardOption) error {
			_, err := jpki.Prove(ctx, card, pin, proof.Challenge{Audience: "test", Purpose: "test"}, options...)
			return err
		}},
		{"full report", 5, 6, 11, with(func(ctx context.Context, a *jpki.Application) error {
			if _, err := a.Token(ctx); err != nil {
				return err
			}
			if _, err := a.AuthPINCounter(ctx); err != nil {
				return err
			}
			if _, err := a.SignaturePasswordCounter(ctx); err != nil {
				return err
			}
			_, err := a.AuthCertificate(ctx)
			return err
		})},
	}
}

// begun is when the tests began: cards of one seed that are made in different seconds
// have different certificates.
var begun = sync.OnceValue(time.Now)

// measured is a card whose certificate is as long as those that the tables are of.
func measured(t testing.TB, p simulator.Profile) *cardtest.Desk {
	t.Helper()
	return cardtest.Open(t, p, simulator.WithCertificateSize(1700), simulator.WithClock(begun))
}

// Every task takes the fewest commands that the card allows, with the one that logs it out. The
// contact card accepts extended lengths that its ATR does not declare: a probe after the first
// block finds that out.
func TestRoundTrips(t *testing.T) {
	for _, task := range tasks() {
		for profile, want := range map[simulator.Profile]int{
			simulator.ContactExtended: task.extended, simulator.Contact: task.probed,
			simulator.Contactless: task.short, simulator.ContactShort: task.short,
		} {
			d := measured(t, profile)
			require.NoError(t, task.do(t.Context(), d.Connection, pin(t, simulator.PIN)), task.name)
			assert.Len(t, d.Sent(), want, "%s on %s", task.name, profile)
		}
	}
}

// In a running transaction a signature is one command.
func TestASignatureIsOneRoundTrip(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.ContactExtended, simulator.Contactless} {
		d := measured(t, profile)
		require.NoError(t, jpki.Do(t.Context(), d.Connection, func(a *jpki.Application) error {
			certificate, err := a.AuthCertificate(t.Context())
			require.NoError(t, err)
			require.NoError(t, a.VerifyAuthPIN(t.Context(), pin(t, simulator.PIN)))
			for range 3 {
				before := len(d.Sent())
				require.NoError(t, prove(t.Context(), a, certificate))
				assert.Len(t, d.Sent(), before+1)
			}
			return nil
		}))
	}
}

// If the card or the reader rejects a form of a command, Authenticate falls back to the
// next. That takes one command more, once, and no attempt. Selecting files takes one
// command more for each use of a file.
//
// Faults: F33, F34, F35, F37, F76.
func TestRoundTripsWithFallbacks(t *testing.T) {
	read := func(do simulator.Action) simulator.Fault { return simulator.Fault{INS: apdu.InsReadBinary, Do: do} }
	first := func(do simulator.Action) simulator.Fault {
		return simulator.Fault{INS: apdu.InsReadBinary, Nth: 1, Do: do}
	}
	extended := func(do simulator.Action) simulator.Fault {
		return simulator.Fault{INS: apdu.InsReadBinary, Command: func(c []byte) bool { return len(c) == 7 }, Do: do}
	}
	above := func(n int, failing simulator.Action) simulator.Action {
		return func(ctx context.Context, r *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
			answer, err := next()
			if err != nil || len(answer) <= n {
				return answer, err
			}
			return failing(ctx, r, func() ([]byte, error) { return answer, nil })
		}
	}
	cut := func(n int) simulator.Action {
		return func(_ context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
			answer, err := next()
			return answer[:min(n, len(answer))], err
		}
	}
	for _, tt := range []struct {
		name     string
		profile  simulator.Profile
		fault    simulator.Fault
		commands int
	}{
		{"extended refused", simulator.ContactExtended, first(simulator.AnswerStatus(apdu.StatusWrongLength)), 12 + 1},
		{"extended lost", simulator.ContactExtended, first(simulator.FailBefore(errNotTransacted)), 12 + 1},
		{"extended cut", simulator.ContactExtended, read(above(1024, cut(1024))), 12 + 1},
		{"probe rejected", simulator.Contact, extended(simulator.AnswerStatus(apdu.StatusWrongLength)), 12 + 1},
		{"probe lost", simulator.Contact, extended(simulator.FailBefore(errNotTransacted)), 12 + 1},
		{"probe lost after the card answered", simulator.Contact, extended(simulator.FailAfter(errNotTransacted)), 12 + 1},
		{"probe truncated", simulator.Contact, read(above(1024, cut(1024))), 12 + 1},
		{"256 bytes lost before a probe", simulator.Contact, read(above(257, simulator.FailAfter(errNotTransacted))), 12 + 1},
		{"256 bytes lost", simulator.Contactless, read(above(257, simulator.FailAfter(errNotTransacted))), 12 + 1},
		{"256 bytes said to be none", simulator.Contactless, read(above(257, simulator.AnswerStatus(apdu.StatusOK))), 12 + 1},
		{"cut above 255", simulator.Contactless, read(above(255, cut(255))), 12 + 1},
		{"6C00, and asked again", simulator.ContactExtended, first(simulator.AnswerStatus(0x6C00)), 6 + 2}, // for 256 bytes, and the rest at once
		{"the rest by 61xx", simulator.Contactless, first(rest), 12 + 1},
		// the question for attempts is asked twice, and 4 times a file is selected.
		{"no short identifiers", simulator.Contactless, simulator.RejectShortFileIdentifiers(apdu.StatusIncorrectP1P2), 11 + 5 + 1},
		{"answers of 128 bytes", simulator.Contactless, read(above(130, short(128))), 12 + 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := measured(t, tt.profile)
			genuine, err := open(t, measured(t, tt.profile)).AuthCertificate(t.Context())
			require.NoError(t, err)
			d.Slot.AddFault(tt.fault)
			got, err := jpki.Authenticate(t.Context(), d.Connection, pin(t, simulator.PIN))
			require.NoError(t, err)
			assert.Equal(t, genuine.Raw, got.Certificate().Raw)
			assert.Len(t, d.Sent(), tt.commands)
			assert.Equal(t, 1, d.Secrets())
			assert.Equal(t, 3, d.Card.State().AuthAttempts)
		})
	}
}

// short has an answer end after n bytes of data, with success.
func short(n int) simulator.Action {
	return func(_ context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
		answer, err := next()
		return append(answer[:n:n], 0x90, 0x00), err
	}
}

// rest has an answer of 256 bytes come in two: 61xx after the first half, which the
// simulated card has no GET RESPONSE for.
func rest(ctx context.Context, r *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
	answer, err := next()
	if err != nil {
		return nil, err
	}
	half := answer[128:256]
	r.AddFault(simulator.Fault{INS: apdu.InsGetResponse, Nth: 1, Do: simulator.Answer(append(half[:128:128], 0x90, 0x00))})
	return append(answer[:128:128], 0x61, 128), nil
}
