package jpki_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/soak"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// kiosk is one reader for months: people come with their cards, one after the
// other, and things go wrong at random.
type kiosk struct {
	driver *simulator.Driver
	slot   *simulator.Reader
	cards  []*simulator.Card
	random *rand.Rand
}

func newKiosk(t *testing.T, seed uint64) *kiosk {
	t.Helper()
	k := &kiosk{driver: simulator.New(), random: rand.New(rand.NewPCG(seed, 0))}
	k.slot = k.driver.AddReader("Reader")
	for _, profile := range []simulator.Profile{
		simulator.Contact, simulator.ContactExtended, simulator.ContactShort, simulator.Contactless, simulator.Android, simulator.IPhone,
	} {
		card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(fmt.Sprintf("kiosk %s", profile)))
		require.NoError(t, err)
		k.cards = append(k.cards, card)
	}
	return k
}

// misfortune is a fault at random.
type misfortune struct {
	name    string
	do      simulator.Action
	forever bool // unless the person does something about it
}

func (k *kiosk) misfortune(other *simulator.Card) misfortune {
	lost := fmt.Errorf("%w: in a test", reader.ErrTransport)
	all := []misfortune{
		{"pulled", simulator.PullCard(), false},
		{"exchanged", simulator.SwapCard(other), false},
		{"reset", simulator.ResetCard(), false},
		{"service stopped", simulator.StopService(), false},
		{"fails before", simulator.FailBefore(lost), false},
		{"fails after", simulator.FailAfter(lost), false},
		{"no answer", simulator.Answer(nil), false},
		{"longer", simulator.ChangeLength(1 + k.random.IntN(300)), false},
		{"shorter", simulator.ChangeLength(-1 - k.random.IntN(300)), false},
		{"any status", simulator.AnswerStatus(apdu.Status(k.random.IntN(0x10000))), false},
		{"hangs", simulator.Hang(), true},
		{"held by another program", simulator.HoldTransaction(nil), true},
	}
	return all[k.random.IntN(len(all))]
}

// visit is one person at the kiosk. It returns what happened.
func (k *kiosk) visit(t *testing.T) string {
	n := k.random.IntN(len(k.cards))
	card, other := k.cards[n], k.cards[(n+1)%len(k.cards)]
	digits := simulator.PIN
	if k.random.IntN(4) == 0 {
		digits = "9999"
	}
	happens := misfortune{name: "undisturbed"}
	fault := simulator.Fault{Nth: 1}
	if k.random.IntN(4) > 0 {
		happens = k.misfortune(other)
		switch k.random.IntN(10) {
		case 0:
			fault.On = simulator.Connect
		case 1:
			fault.On = simulator.Begin
		default:
			fault.Nth += k.random.IntN(14) // of the commands
		}
		fault.Do = happens.do
		k.slot.AddFault(fault)
	}
	patience, pulls := 10*time.Second, time.Duration(0)
	switch {
	case happens.forever && k.random.IntN(16) > 0:
		pulls = 20 * time.Millisecond
	case happens.forever || k.random.IntN(8) == 0:
		patience = time.Duration(k.random.IntN(20_000)) * time.Microsecond
		happens.name += ", in a hurry"
	}
	where := fmt.Sprintf("card %d, PIN %s, %s, operation %d number %d, patience %s", n, digits, happens.name, fault.On, fault.Nth, patience)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, k.slot.Insert(card), where)
	start := time.Now()
	pulled := make(chan struct{})
	if pulls == 0 {
		close(pulled)
	} else {
		time.AfterFunc(pulls, func() { k.slot.Remove(); close(pulled) })
	}
	got, pins, err, closed := k.serve(t, ctx, digits)
	<-pulled
	require.Less(t, time.Since(start), patience+10*time.Second, where)
	if closed == nil {
		require.False(t, card.State().AuthVerified || other.State().AuthVerified, where)
	} else {
		require.ErrorIs(t, closed, reader.ErrBusy, where)
	}
	k.driver.StartService()
	k.slot.ClearFaults()
	k.slot.Remove()

	require.Equal(t, err == nil, got != nil, where)
	require.LessOrEqual(t, pins, 1, where)
	spent := 6 - card.State().AuthAttempts - other.State().AuthAttempts
	if pins == 0 || digits == simulator.PIN {
		require.Zero(t, spent, where)
	}
	require.LessOrEqual(t, spent, 1, where)
	k.mend(t, card)
	k.mend(t, other)

	switch {
	case got != nil:
		require.Equal(t, simulator.PIN, digits, where)
		require.True(t, got.Certificate() != nil, where)
		owner := card
		if strings.HasPrefix(happens.name, "exchanged") && fault.On == simulator.Connect {
			owner = other
		}
		require.NoError(t, got.Certificate().CheckSignatureFrom(owner.CACertificate()), where)
		return happens.name + ": served"
	case errors.Is(err, credential.ErrWrong):
		return happens.name + ": PIN wrong"
	default:
		require.NotEqual(t, "undisturbed", happens.name, "%s: %v", where, err)
		return happens.name + ": failed"
	}
}

// serve is the kiosk's loop: it waits for a card, connects, authenticates and
// closes the connection.
func (k *kiosk) serve(t *testing.T, ctx context.Context, digits string) (got *proof.Holder, pins int, err, closed error) {
	found, err := reader.Wait(ctx, k.driver, "", nil)
	if err != nil {
		return nil, 0, err, nil
	}
	session, err := k.driver.Connect(ctx, found.Name)
	if err != nil {
		return nil, 0, err, nil
	}
	var recorder cardtest.Recorder
	got, err = jpki.Authenticate(ctx, recorder.Record(session), pin(t, digits))
	return got, recorder.Secrets(), err, session.Close()
}

// mend sets the counter of a card back with the right PIN.
func (k *kiosk) mend(t *testing.T, card *simulator.Card) {
	t.Helper()
	if card.State().AuthAttempts == 3 {
		return
	}
	require.NoError(t, k.slot.Insert(card))
	defer k.slot.Remove()
	got, _, err, _ := k.serve(t, t.Context(), simulator.PIN)
	require.NoError(t, err)
	require.NotNil(t, got)
}

// A kiosk runs for as long as requested, with every fault that the simulator has. Each
// visit ends, one PIN is one VERIFY, only a wrong PIN uses an attempt, the result is of the
// card's holder, the card is logged out, and the kiosk's memory does not grow.
//
// Faults: F61.
func TestSoakOfAKiosk(t *testing.T) {
	until := soak.Until(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := newKiosk(t, seed)
	counts := map[string]int{}
	var before soak.Usage
	visits := 0
	for ; visits < 400 || time.Now().Before(until); visits++ {
		if visits == 200 {
			before = soak.Now()
		}
		counts[k.visit(t)]++
	}
	t.Logf("%d visits: %v; early: %s; in the end: %s", visits, counts, before, soak.RequireNoMore(t, before))
}
