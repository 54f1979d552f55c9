package jpki_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Both are looked for in every error's text.
const (
	canary = "7305" // the swept cards' PIN
	wrong  = "8416"
)

var (
	errLost  = fmt.Errorf("%w: in a test", reader.ErrTransport)
	errPlain = errors.New("a driver's own error")
)

// sweptFault is something that goes wrong at one operation.
type sweptFault struct {
	name string
	do   func(*sweptCase) simulator.Action
	// causes are what an error has to match, one of them; nil where the answer
	// may mean anything.
	causes []error
	passes bool // it may also end well: a read is repeated, leaving tried again
	fakes  bool // it may answer for the card that it was left
	swaps  bool // before connecting, that is just another card
}

// sweptFaults are the rules of package simulator, each with what it must lead to.
func sweptFaults() []sweptFault {
	as := func(action simulator.Action) func(*sweptCase) simulator.Action {
		return func(*sweptCase) simulator.Action { return action }
	}
	swap := func(c *sweptCase) simulator.Action { return simulator.SwapCard(c.other) }
	removed, changed, gone := []error{reader.ErrRemoved}, []error{reader.ErrChanged}, []error{reader.ErrNoService}
	list := []sweptFault{
		{name: "pulled", do: as(simulator.PullCard()), causes: removed},
		{name: "pulled after it worked", do: as(simulator.After(simulator.PullCard())), causes: removed},
		{name: "swapped", do: swap, causes: removed, swaps: true},
		{name: "swapped after it worked", do: func(c *sweptCase) simulator.Action { return simulator.After(swap(c)) }, causes: removed, swaps: true},
		{name: "reset", do: as(simulator.ResetCard()), causes: changed},
		{name: "reset after it worked", do: as(simulator.After(simulator.ResetCard())), causes: changed},
		{name: "idle for six seconds", do: func(c *sweptCase) simulator.Action {
			return simulator.Meanwhile(func(*simulator.Reader) { c.clock += 6 * time.Second })
		}, causes: changed},
		{name: "service stopped", do: as(simulator.StopService()), causes: gone},
		{name: "service stopped after it worked", do: as(simulator.After(simulator.StopService())), causes: gone},
		{name: "service restarted", do: as(simulator.RestartService()), causes: gone},
		{name: "mute until pulled", do: func(c *sweptCase) simulator.Action {
			return func(ctx context.Context, r *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
				go c.slot.Remove()
				return simulator.Hang()(ctx, r, next)
			}
		}, causes: removed},
		{name: "fails before", do: as(simulator.FailBefore(errLost)), causes: []error{errLost}, passes: true},
		{name: "fails after", do: as(simulator.FailAfter(errLost)), causes: []error{errLost}, passes: true},
		{name: "fails in a way of its own before", do: as(simulator.FailBefore(errPlain)), causes: []error{errPlain}, passes: true},
		{name: "fails in a way of its own after", do: as(simulator.FailAfter(errPlain)), causes: []error{errPlain}, passes: true},
		{name: "no answer", do: as(simulator.Answer(nil)), causes: []error{apdu.ErrShortResponse}, passes: true},
		{name: "no answer after it worked", do: as(simulator.After(simulator.Answer(nil))), causes: []error{apdu.ErrShortResponse}, passes: true},
		{name: "one byte", do: as(simulator.Answer([]byte{0x90})), causes: []error{apdu.ErrShortResponse}, passes: true},
		{name: "too long by 70000", do: as(simulator.Lengthen(70000)), causes: []error{apdu.ErrExcessResponse, jpki.ErrNoPossession}, passes: true},
		{name: "too long by 300", do: as(simulator.Lengthen(300)), passes: true},
		{name: "a byte too long", do: as(simulator.Lengthen(1)), passes: true},
		{name: "a byte short", do: as(simulator.Lengthen(-1)), passes: true},
		{name: "without its data", do: as(simulator.Lengthen(-70000)), passes: true},
		{name: "9000, and nothing was done", do: as(simulator.AnswerStatus(0x9000)), passes: true, fakes: true},
	}
	for _, s := range []apdu.Status{
		0x6100, 0x6110, 0x6281, 0x6282, 0x6300, 0x63C0, 0x63C1, 0x63C3, 0x63CF, 0x6400, 0x6581, 0x6700, 0x6881, 0x6981, 0x6982, 0x6983,
		0x6984, 0x6985, 0x6986, 0x6A80, 0x6A82, 0x6A86, 0x6A88, 0x6B00, 0x6C00, 0x6C10, 0x6D00, 0x6E00, 0x6F00,
	} {
		list = append(list, sweptFault{name: fmt.Sprintf("%04X", uint16(s)), do: as(simulator.AnswerStatus(s)), passes: true})
	}
	return list
}

// sweptCase is one run of Authenticate.
type sweptCase struct {
	slot  *simulator.Reader
	card  *simulator.Card
	other *simulator.Card // to be swapped in: the same ATR, another person's
	tap   *tap
	clock time.Duration
}

// Every fault at every connection, transaction and command of Authenticate, with
// the right and a wrong PIN, on every profile. Whatever happens: it ends, with a cause; one PIN is one VERIFY; no try is lost that a
// VERIFY does not explain, and none of another's card; nothing is reported that
// was not established; the transaction is over and the card unverified where it
// can be reached, and after Close always; nothing is left running.
//
// Faults: F19, F20, F21, F22, F23, F24, F25, F28, F29, F31, F32, F33, F38, F41, F42, F44, F58.
func TestSweepOfFaults(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	var cases atomic.Int64
	faults := sweptFaults()
	t.Run("profiles", func(t *testing.T) {
		for _, profile := range simulator.Profiles() {
			t.Run(string(profile), func(t *testing.T) {
				t.Parallel()
				s := newSweep(t, profile, jpki.AllowLastTry(), jpki.AllowExpired())
				for _, fault := range faults {
					for _, digits := range []string{canary, wrong} {
						for nth := 1; nth <= s.commands; nth++ {
							s.run(t, fault, simulator.Fault{On: simulator.Transmit, Nth: nth}, digits)
							cases.Add(1)
						}
						s.run(t, fault, simulator.Fault{On: simulator.Begin, Nth: 1}, digits)
						cases.Add(1)
						if !fault.swaps {
							s.run(t, fault, simulator.Fault{On: simulator.Connect, Nth: 1}, digits)
							cases.Add(1)
						}
					}
				}
			})
		}
	})
	requireGoroutines(t, goroutines)
	t.Logf("sweep: Authenticate: %d cases, %d faults, %d profiles", cases.Load(), len(faults), len(simulator.Profiles()))
}

// requireGoroutines waits until no more than n run: those that were ended may
// take a moment.
func requireGoroutines(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > n; {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			require.FailNow(t, "goroutines left", "%s", stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}

// sweep is a profile's cards, which serve all its cases.
type sweep struct {
	profile  simulator.Profile
	options  []jpki.Option
	card     *simulator.Card
	other    *simulator.Card
	tries    int // before each case
	commands int // of a run without a fault
}

func newSweep(t *testing.T, profile simulator.Profile, options ...jpki.Option) *sweep {
	t.Helper()
	s := &sweep{profile: profile, options: options}
	var err error
	s.other, err = simulator.NewCard(simulator.ResidentCard, simulator.WithInsecureSeed(seed))
	require.NoError(t, err)
	s.makeCard(t)
	c := s.prepare(t)
	c.connect(t)
	_, err = jpki.Authenticate(t.Context(), c.tap, pin(t, canary), options...)
	require.Equal(t, s.tries > 0 && profile != simulator.NoCertificate, err == nil, "%v", err)
	s.commands = len(c.tap.sent)
	require.NoError(t, c.tap.Close())
	s.reset(t)
	return s
}

// makeCard makes the card, with the canary for its PIN.
func (s *sweep) makeCard(t *testing.T) {
	t.Helper()
	var err error
	s.card, err = simulator.NewCard(s.profile, simulator.WithInsecureSeed(seed))
	require.NoError(t, err)
	if s.tries = s.card.State().AuthTries; s.tries > 0 {
		exchange(t, s.card, "0020009804"+hex.EncodeToString([]byte(simulator.PIN)), "0024019804"+hex.EncodeToString([]byte(canary)))
	}
	s.reset(t)
}

// exchange sends commands to the card itself, which is in no reader.
func exchange(t *testing.T, card *simulator.Card, commands ...string) {
	t.Helper()
	card.PowerOn()
	defer card.PowerOff()
	for _, command := range append([]string{"00A4040C0AD392F000260100000001"}, commands...) {
		b, err := hex.DecodeString(command)
		require.NoError(t, err)
		card.Exchange(b)
	}
}

// reset gives the card the tries that it had before; for a locked one it takes
// another.
func (s *sweep) reset(t *testing.T) {
	t.Helper()
	switch s.card.State().AuthTries {
	case s.tries:
		return
	case 0:
		s.makeCard(t)
		return
	}
	commands := []string{"0020009804" + hex.EncodeToString([]byte(canary))}
	for range 3 - s.tries {
		commands = append(commands, "002000980130")
	}
	exchange(t, s.card, commands...)
	require.Equal(t, s.tries, s.card.State().AuthTries)
}

func (s *sweep) prepare(t *testing.T) *sweptCase {
	t.Helper()
	c := &sweptCase{card: s.card, other: s.other}
	driver := simulator.New(simulator.WithIdleReset(func() time.Time { return time.Unix(0, 0).Add(c.clock) }))
	c.slot = driver.AddReader("Reader")
	require.NoError(t, c.slot.Insert(s.card))
	c.tap = &tap{}
	return c
}

// connect connects; what goes wrong there is the case's failure too.
func (c *sweptCase) connect(t *testing.T) error {
	t.Helper()
	card, err := c.slot.Driver().Connect(t.Context(), c.slot.Name())
	c.tap.Card = card
	return err
}

func (s *sweep) run(t *testing.T, fault sweptFault, rule simulator.Fault, digits string) {
	t.Helper()
	where := fmt.Sprintf("%s at %d/%d, PIN %s", fault.name, rule.On, rule.Nth, digits)
	c := s.prepare(t)
	rule.Do = fault.do(c)
	c.slot.Fail(rule)
	start := time.Now()
	err := c.connect(t)
	var got *jpki.Authentication
	if err == nil {
		got, err = jpki.Authenticate(t.Context(), c.tap, pin(t, digits), s.options...)
	}
	require.Less(t, time.Since(start), 10*time.Second, where)

	require.Equal(t, err == nil, got != nil, where)
	if got != nil {
		require.True(t, fault.passes || rule.On != simulator.Transmit, where)
		require.Equal(t, canary, digits, where)
		require.True(t, got.PIN && got.Possession, where)
	} else {
		s.requireCause(t, fault, rule, err, where)
	}
	require.LessOrEqual(t, c.tap.pins, 1, where)
	s.requireTries(t, c, digits, where)

	connections, transaction := c.slot.InUse()
	require.False(t, transaction, where)
	if c.tap.Card != nil {
		require.LessOrEqual(t, connections, 1, where)
		if reachable := !errors.Is(err, reader.ErrChanged) && !errors.Is(err, jpki.ErrStillVerified) && !fault.fakes; reachable {
			require.False(t, c.card.State().AuthVerified, where)
		}
		require.NoError(t, c.tap.Close(), where)
	}
	require.False(t, c.card.State().AuthVerified, where)
	connections, _ = c.slot.InUse()
	require.Zero(t, connections, where)
	require.Equal(t, simulator.State{AuthTries: 3, SignatureTries: 5, Powered: c.other.State().Powered}, c.other.State(), where)
	c.slot.Remove()
	s.reset(t)
}

// requireCause: the error says what happened, and not what was typed. A fault at
// the last command may come when another failure is there to tell already.
func (s *sweep) requireCause(t *testing.T, fault sweptFault, rule simulator.Fault, err error, where string) {
	t.Helper()
	ownFailure := s.tries == 0 || errors.Is(err, jpki.ErrPINWrong) || errors.Is(err, jpki.ErrNoCertificate) || errors.Is(err, jpki.ErrNoApplication)
	if fault.causes != nil && rule.On == simulator.Transmit && !ownFailure {
		require.True(t, slices.ContainsFunc(fault.causes, func(cause error) bool { return errors.Is(err, cause) }), "%s: %v", where, err)
	}
	for _, digits := range []string{canary, wrong} {
		for _, form := range []string{digits, hex.EncodeToString([]byte(digits))} {
			require.NotContains(t, strings.ToLower(err.Error()), form, where)
		}
	}
}

// requireTries: what the tries are explains itself by what was sent.
func (s *sweep) requireTries(t *testing.T, c *sweptCase, digits, where string) {
	t.Helper()
	left := c.card.State().AuthTries
	switch {
	case c.tap.pins == 0:
		require.Equal(t, s.tries, left, where)
	case digits == canary:
		require.Contains(t, []int{s.tries, 3}, left, where)
	default:
		require.Contains(t, []int{s.tries, s.tries - 1}, left, where)
	}
}

// A program that waits for a person inside a transaction loses the card on
// Windows: an error, no try, and a card that is unverified when it is closed.
//
// Faults: F28.
func TestNobodyIsWaitedForInATransaction(t *testing.T) {
	ctx := t.Context()
	s := newSweep(t, simulator.Contact)
	c := s.prepare(t)
	require.NoError(t, c.connect(t))
	err := jpki.Do(ctx, c.tap, func(a *jpki.Application) error {
		require.NoError(t, a.VerifyAuthPIN(ctx, pin(t, canary)))
		c.clock += 6 * time.Second // somebody is asked something
		certificate, err := a.AuthCertificate(ctx)
		assert.Nil(t, certificate)
		return err
	})
	require.ErrorIs(t, err, reader.ErrChanged)
	assert.Equal(t, 3, s.card.State().AuthTries)
	require.NoError(t, c.tap.Close())
	assert.False(t, s.card.State().AuthVerified)
}
