//go:build cgo

package pcsc_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/internal/soak"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A kiosk through pcscd for as long as is asked for: people come, put a card
// into one of the readers, type a right or a wrong PIN, pull the card in the
// middle, and now and then the daemon dies. Each is served rightly or told what
// was wrong, in a minute at most; no try is lost that a wrong PIN does not
// explain; no card is left verified; and the kiosk holds no more in the end.
//
// Faults: F61.
func TestSoakThroughPCSCD(t *testing.T) {
	until := soak.Until(t)
	requireDaemon(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	cards := make([]*simulator.Card, readers)
	for n := range cards {
		cards[n] = newCard(t, fmt.Sprintf("pcscd %d", n))
	}

	var before soak.Usage
	counts := map[string]int{}
	for round := 0; round < 20 || time.Now().Before(until); round++ {
		if round == 10 {
			before = soak.Now()
		}
		what := soakRound(t, random, cards)
		counts[what]++
		if round%100 == 99 {
			t.Logf("%d rounds: %v; %s", round+1, counts, soak.Now())
		}
	}
	now := soak.RequireNoMore(t, before)
	t.Logf("%v; early: %s; in the end: %s", counts, before, now)
}

// change is the time that a person needs at least to change a card that was
// pulled. It is longer than pcscd takes to look at a reader twice: one who was
// faster might not be seen (docs/faults.md).
const change = 600 * time.Millisecond

// soakRound is one visit. It returns what happened.
func soakRound(t *testing.T, random *rand.Rand, cards []*simulator.Card) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n := random.IntN(len(cards))
	card := cards[n]
	digits := simulator.PIN
	if random.IntN(4) == 0 && card.State().AuthTries > 1 {
		digits = "9999"
	}
	disturbance := []string{"", "", "", "pulled", "pulled", "killed"}[random.IntN(6)]
	after := time.Duration(random.IntN(15_000)) * time.Microsecond // Authenticate takes about 20 ms
	tries := card.State().AuthTries
	what := fmt.Sprintf("PIN %s %s", digits, disturbance)

	remove := daemon.Insert(n, card)
	found, err := reader.Wait(ctx, pcsc.New(), pcscdtest.Reader(n), nil)
	require.NoError(t, err, "%s\n%s", what, daemon.Log())

	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		switch disturbance {
		case "pulled":
			time.Sleep(after)
			remove()
			time.Sleep(change)
		case "killed":
			time.Sleep(after)
			daemon.Kill()
		}
	}()
	got, err := authenticate(ctx, n, digits)
	<-disturbed
	if disturbance == "killed" {
		require.NoError(t, daemon.Launch(), what)
	}
	remove()
	require.NoError(t, waitEmpty(ctx, pcsc.New(), found.Name), what)

	left := card.State().AuthTries
	wrong := errors.Is(err, credential.ErrWrong)
	switch {
	case err == nil:
		require.Equal(t, simulator.PIN, digits, what)
		require.NoError(t, got.Certificate.CheckSignatureFrom(card.Authority()), what)
		require.Equal(t, 3, left, what)
		what += ": served"
	case disturbance == "":
		require.True(t, wrong && digits == "9999", "%s: %v", what, err)
		require.Equal(t, tries-1, left, what)
		what += ": refused"
	case wrong:
		require.Equal(t, "9999", digits, what)
		require.Equal(t, tries-1, left, what)
		what += ": refused"
	default:
		require.True(t, isTyped(err), "%s: %v", what, err)
		require.GreaterOrEqual(t, left, tries-1, what)
		if digits == simulator.PIN {
			require.GreaterOrEqual(t, left, tries, what)
		}
		what += ": failed"
	}
	require.False(t, card.State().AuthVerified, what)
	if left < 2 { // as the municipal office does
		mend(t, card)
	}
	return what
}

func isTyped(err error) bool {
	for _, kind := range []error{
		reader.ErrNoService, reader.ErrNoReader, reader.ErrNoCard, reader.ErrRemoved, reader.ErrChanged, reader.ErrTransport,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// mend sets the counter back with the right PIN.
func mend(t *testing.T, card *simulator.Card) {
	t.Helper()
	card.PowerOn()
	defer card.PowerOff()
	require.Equal(t, done, card.Exchange(selectJPKI))
	require.Equal(t, done, card.Exchange([]byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}))
}
