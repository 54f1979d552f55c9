package jpki_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Every fault at connecting, at beginning the transaction, and at every command of
// Authenticate, with the right and a wrong PIN, on the cards that differ. Authenticate
// returns in time and leaves no goroutine. The error names the cause. A PIN is sent once,
// is in no error, and uses the attempt that the card counted. Nothing is reported that was
// not established, no connection stays open, and the card is logged out or reported as
// possibly unlocked. Each case has its own synctest bubble: time passes only where the code
// waits, and a goroutine that outlives a case fails it.
//
// Faults: F19, F20, F21, F22, F23, F25, F28, F29, F31, F32, F33, F44, F58, F75.
func TestSweepOfFaults(t *testing.T) {
	faults := sweptFaults()
	var cases atomic.Int64
	t.Run("on", func(t *testing.T) {
		for _, card := range sweptCards {
			for _, digits := range []string{rightCanary, wrongCanary} {
				t.Run(fmt.Sprintf("%s, right PIN %t", card.name, digits == rightCanary), func(t *testing.T) {
					t.Parallel()
					s := &sweep{sweptCard: card, digits: digits}
					steps, base := s.undisturbed(t)
					for _, fault := range faults {
						for at := range s.places(fault, steps) {
							s.prepare(t)
							synctest.Test(t, func(t *testing.T) { s.disturbed(t, fault, at, steps, base) })
							cases.Add(1)
						}
					}
				})
			}
		}
	})
	t.Logf("sweep: %d cases, %d faults, %d profiles", cases.Load(), len(faults), len(sweptCards))
}

// The PINs of the sweep: one that the swept cards have, and one that they do
// not. Neither stands in any text by chance.
const (
	rightCanary = "7305"
	wrongCanary = "8146"
)

// sweptCard is a card to sweep, and how it is used.
type sweptCard struct {
	name    string
	profile simulator.Profile
	options []jpki.CardOption
	chain   bool // its CA is pinned, and required
}

// sweptCards differ in what is sent to them; the other profiles are like one of
// these, as TestSweptCardsCoverTheOtherProfiles shows.
var sweptCards = []sweptCard{
	{"contact", simulator.Contact, nil, false},                                                      // the certificate with a probe, before the PIN
	{"contactless", simulator.Contactless, nil, false},                                              // in short blocks
	{"resident-card", simulator.ResidentCard, nil, false},                                           // in short blocks after a probe that is rejected
	{"contact-extended", simulator.ContactExtended, nil, false},                                     // at once, and in short blocks where that fails
	{"contact-extended, chain", simulator.ContactExtended, nil, true},                               // and then its CA's
	{"android", simulator.Android, nil, false},                                                      // after the PIN
	{"last-try, allowed", simulator.LastAttempt, []jpki.CardOption{jpki.AllowLastAttempt()}, false}, // a wrong PIN locks it
	{"last-try", simulator.LastAttempt, nil, false},                                                 // refused after the counter
	{"locked", simulator.Locked, nil, false},                                                        // refused after the counter
	{"expired, allowed", simulator.Expired, []jpki.CardOption{jpki.AllowExpired()}, false},          // goes on
	{"expired", simulator.Expired, nil, false},                                                      // refused after the certificate
	{"no-certificate", simulator.NoCertificate, nil, false},                                         // refused after one block
	{"not-my-number", simulator.NotMyNumber, nil, false},                                            // refused at once
}

func TestSweptCardsCoverTheOtherProfiles(t *testing.T) {
	kinds := func(profile simulator.Profile) []step {
		s := &sweep{sweptCard: sweptCard{profile: profile}, digits: rightCanary}
		steps, _ := s.undisturbed(t)
		return slices.Compact(steps) // of blocks there may be one more
	}
	for other, swept := range map[simulator.Profile]simulator.Profile{
		simulator.IPhone: simulator.Android, simulator.FaceAuth: simulator.Locked,
		simulator.ContactShort: simulator.Contactless, simulator.Expiring: simulator.Contact,
	} {
		require.Equal(t, kinds(swept), kinds(other), other)
	}
}

// sweep is one card, reused from case to case, and one PIN.
type sweep struct {
	sweptCard
	digits string

	card, other *simulator.Card // other is the same, to be swapped for
	attempts    int             // of the card, before each case

	// Of one case.
	driver *simulator.Driver
	slot   *simulator.Reader
	clock  time.Time // by which an idle transaction is reset
	*cardtest.Recorder
}

// now is when everything in the sweep happens.
var now = time.Date(2026, 4, 1, 12, 0, 0, 0, trust.Japan)

func atNow() time.Time { return now }

// prepare makes the cards anew, or as good as new.
func (s *sweep) prepare(t *testing.T) {
	t.Helper()
	for _, card := range []**simulator.Card{&s.card, &s.other} {
		if *card == nil || (*card).State().AuthAttempts == 0 {
			made := cardtest.NewCard(t, s.profile, simulator.WithClock(atNow))
			*card, s.attempts = made, made.State().AuthAttempts
			s.verify(t, made, simulator.PIN, "0024019804"+hex.EncodeToString([]byte(rightCanary)))
		}
		s.verify(t, *card, rightCanary)
		for (*card).State().AuthAttempts > s.attempts {
			s.verify(t, *card, wrongCanary)
		}
	}
}

// verify uses a card behind everybody's back; a locked one and one without the
// application are left as they are.
func (s *sweep) verify(t *testing.T, card *simulator.Card, pin string, more ...string) {
	t.Helper()
	if s.attempts == 0 {
		return
	}
	card.PowerOn()
	defer card.PowerOff()
	card.Exchange(selectJPKI)
	card.Exchange(verifyWith(pin))
	for _, command := range more {
		b, err := hex.DecodeString(command)
		require.NoError(t, err)
		require.Equal(t, []byte{0x90, 0x00}, card.Exchange(b))
	}
}

var selectJPKI = []byte{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}

func verifyWith(pin string) []byte {
	return append([]byte{0x00, 0x20, 0x00, 0x98, byte(len(pin))}, pin...)
}

// begin puts the card into a reader of its own.
func (s *sweep) begin(t *testing.T) {
	s.clock = now
	s.driver = simulator.New(simulator.WithIdleReset(func() time.Time { return s.clock }))
	s.slot = s.driver.AddReader("Reader")
	require.NoError(t, s.slot.Insert(s.card))
	s.Recorder = &cardtest.Recorder{}
}

// run is what a program does. It closes its card before it returns, and checks
// what is left before and after that by the way.
func (s *sweep) run(t *testing.T, where string, beforeClose func()) (*proof.Holder, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	session, err := s.driver.Connect(ctx, "Reader")
	if err != nil {
		return nil, err
	}
	options := append(slices.Clone(s.options), jpki.WithClock(atNow))
	if s.chain {
		options = append(options, jpki.RequireChain(), jpki.WithPinned(s.card.CACertificate()))
	}
	got, err := jpki.Authenticate(ctx, s.Record(session), pin(t, s.digits), options...)
	beforeClose()
	if err := session.Close(); err != nil { // only where another program still has it
		require.ErrorIs(t, err, reader.ErrBusy, where)
	}
	return got, err
}

// deadline is when a program of the sweep has had enough.
const deadline = time.Second

// undisturbed is what Authenticate does without a fault: its commands, and its
// error.
func (s *sweep) undisturbed(t *testing.T) (steps []step, base error) {
	s.prepare(t)
	s.begin(t)
	s.After = func(_ int, c apdu.Command, response []byte) ([]byte, error) {
		step := stepOf(c)
		if step == reading && slices.Equal(response, []byte{0x69, 0x82}) {
			step = refused
		}
		steps = append(steps, step)
		return response, nil
	}
	_, base = s.run(t, s.name, func() {})
	return steps, base
}

// step is what a command is for.
type step string

const (
	connecting step = "connecting"
	beginning  step = "beginning"
	selecting  step = "SELECT"
	counting   step = "the counter"
	reading    step = "READ BINARY"
	readFirst  step = "READ BINARY, the first"
	readingAll step = "READ BINARY, extended"
	probing    step = "READ BINARY, the probe for extended lengths"
	readingCA  step = "READ BINARY of the CA, extended"
	refused    step = "READ BINARY, refused before the PIN"
	verifying  step = "VERIFY"
	signing    step = "the signature"
	loggingOut step = "logging out"
)

func stepOf(c apdu.Command) step {
	switch {
	case c.INS == apdu.InsSelect && c.Data()[0] == 0xA0:
		return loggingOut
	case c.INS == apdu.InsSelect:
		return selecting
	case c.Secret():
		return verifying
	case isQuery(c):
		return counting
	case isSign(c):
		return signing
	case c.Extended && c.P1 == 0x8B:
		return readingCA
	case c.Extended && c.P1&0x80 == 0:
		return probing
	case c.Extended:
		return readingAll
	case isRead(c) && c.P1&0x80 != 0:
		return readFirst
	}
	return reading
}

// place is where a fault is met: at connecting, at beginning, or at the nth
// command, from 1 on.
type place struct {
	on  simulator.Operation
	nth int
}

func (p place) step(steps []step) step {
	switch p.on {
	case simulator.Connect:
		return connecting
	case simulator.Begin:
		return beginning
	}
	return steps[p.nth-1]
}

// places yields where a fault makes sense.
func (s *sweep) places(f sweptFault, steps []step) func(yield func(place) bool) {
	return func(yield func(place) bool) {
		for _, on := range f.also {
			if !yield(place{on, 1}) {
				return
			}
		}
		for n := range steps {
			if !yield(place{simulator.Transmit, n + 1}) {
				return
			}
		}
	}
}

// disturbed is one case.
func (s *sweep) disturbed(t *testing.T, fault sweptFault, at place, steps []step, base error) {
	step := at.step(steps)
	where := fmt.Sprintf("%s at %s %d", fault.name, step, at.nth)
	s.begin(t)
	s.slot.AddFault(fault.rule(s, at))
	start := time.Now()
	connected, unlocked := false, false // before the connection was closed
	got, err := s.run(t, where, func() {
		connected = true
		synctest.Wait() // for a card that is being pulled to be out
		connections, transaction := s.slot.InUse()
		require.LessOrEqual(t, connections, 1, where)
		if step != beginning || !fault.executed { // begun after all
			require.False(t, transaction, where)
		}
		if unlocked = s.card.State().AuthVerified; !fault.reset {
			require.False(t, unlocked, where)
		}
	})
	took := time.Since(start)
	met := at.on != simulator.Transmit || len(s.Sent()) >= at.nth

	// What is reported.
	require.Equal(t, err == nil, got != nil, where)
	require.True(t, met, where)
	want := fault.outcomes(step, base)
	require.True(t, slices.ContainsFunc(want, func(e error) bool { return errors.Is(err, e) }), "%s: %v, not one of %v", where, err, want)
	if step == verifying && slices.Equal(want, fault.causes) && !fault.forged {
		require.ErrorIs(t, err, credential.ErrOutcomeUnknown, where)
	}
	switch stillVerified := errors.Is(err, jpki.ErrStillUnlocked); {
	case fault.removed:
		require.False(t, stillVerified, where)
	case unlocked && !fault.forged, step == loggingOut && !fault.passing && !fault.outside:
		require.True(t, stillVerified, where)
	}
	if got != nil {
		require.Equal(t, rightCanary, s.digits, where)
		require.True(t, got.Certificate() != nil, where)
		require.Equal(t, s.chain, got.Issuer() == trust.IssuerPinned, where)
	}
	requireNoPIN(t, err, where)
	require.LessOrEqual(t, took, fault.within, where)

	// What the card counted.
	require.LessOrEqual(t, s.Secrets(), 1, where)
	left := s.card.State().AuthAttempts
	require.Equal(t, s.expectedAttempts(fault, at), left, where)
	var pinError *credential.Error
	if errors.As(err, &pinError) && !fault.forged {
		if step == verifying && fault.passing {
			require.True(t, pinError.Known, where) // read again
		}
		if pinError.Known {
			require.Equal(t, left, pinError.Remaining, where)
		}
	}

	// What is left behind.
	if connected {
		require.False(t, s.card.State().AuthVerified, where)
	}
	if !fault.outside {
		_, transaction := s.slot.InUse()
		require.False(t, transaction, where)
	}
	s.slot.Remove() // which ends other programs' connections, and none of ours
	synctest.Wait()
	connections, _ := s.slot.InUse()
	require.Zero(t, connections, where)
	require.False(t, s.other.State().AuthVerified, where)
	require.Equal(t, s.attempts, s.other.State().AuthAttempts, where)
}

// expectedAttempts are the attempts left after one VERIFY at most.
func (s *sweep) expectedAttempts(fault sweptFault, at place) int {
	nth := 1 + slices.IndexFunc(s.Sent(), apdu.Command.Secret)
	unseen := at.on == simulator.Transmit && !fault.executed && (nth == at.nth || fault.lasting && nth > at.nth)
	switch {
	case nth == 0, unseen, s.attempts == 0:
		return s.attempts
	case s.digits == rightCanary:
		return 3
	}
	return s.attempts - 1
}

// requireNoPIN looks for the PINs in an error, in each form that a program
// prints by accident.
func requireNoPIN(t *testing.T, err error, where string) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, form := range append(canaryForms(rightCanary), canaryForms(wrongCanary)...) {
		require.NotContains(t, text, form, where)
	}
}
