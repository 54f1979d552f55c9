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

// This runs a kiosk through pcscd for the requested time. Cards are inserted into the
// readers, the PIN is right or wrong, the card may be removed early, and sometimes the
// daemon dies. Each authentication succeeds or returns the right error within a minute.
// No attempt is lost except by a wrong PIN, no card is left unlocked, and nothing is
// leaked.
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

// change is the minimum time that a person needs to replace a removed card. pcscd polls a
// reader at least twice in that time; it might miss a faster exchange (docs/faults.md).
const change = 600 * time.Millisecond

// soakRound inserts and uses one card. It returns a description of the result.
func soakRound(t *testing.T, random *rand.Rand, cards []*simulator.Card) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n := random.IntN(len(cards))
	card := cards[n]
	digits := simulator.PIN
	if random.IntN(4) == 0 && card.State().AuthAttempts > 1 {
		digits = "9999"
	}
	disturbance := []string{"", "", "", "removed", "removed", "killed"}[random.IntN(6)]
	after := time.Duration(random.IntN(15_000)) * time.Microsecond // Authenticate takes about 20 ms
	before := card.State().AuthAttempts
	what := fmt.Sprintf("PIN %s %s", digits, disturbance)

	remove := daemon.Insert(n, card)
	found, err := reader.Wait(ctx, pcsc.New(), pcscdtest.Reader(n), nil)
	require.NoError(t, err, "%s\n%s", what, daemon.Log())

	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		switch disturbance {
		case "removed":
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

	left := card.State().AuthAttempts
	wrong := errors.Is(err, credential.ErrWrong)
	switch {
	case err == nil:
		require.Equal(t, simulator.PIN, digits, what)
		require.NoError(t, got.Certificate().CheckSignatureFrom(card.CACertificate()), what)
		require.Equal(t, 3, left, what)
		what += ": served"
	case disturbance == "":
		require.True(t, wrong && digits == "9999", "%s: %v", what, err)
		require.Equal(t, before-1, left, what)
		what += ": refused"
	case wrong:
		require.Equal(t, "9999", digits, what)
		require.Equal(t, before-1, left, what)
		what += ": refused"
	default:
		require.True(t, isTyped(err), "%s: %v", what, err)
		require.GreaterOrEqual(t, left, before-1, what)
		if digits == simulator.PIN {
			require.GreaterOrEqual(t, left, before, what)
		}
		what += ": failed"
	}
	require.False(t, card.State().AuthVerified, what)
	if left < 2 {
		resetCounter(t, card)
	}
	return what
}

func isTyped(err error) bool {
	for _, target := range []error{
		reader.ErrNoService, reader.ErrNoReader, reader.ErrNoCard, reader.ErrRemoved, reader.ErrChanged, reader.ErrTransport,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// resetCounter resets the retry counter by verifying the right PIN.
func resetCounter(t *testing.T, card *simulator.Card) {
	t.Helper()
	card.PowerOn()
	defer card.PowerOff()
	require.Equal(t, done, card.Exchange(selectJPKI))
	require.Equal(t, done, card.Exchange([]byte{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'}))
}
