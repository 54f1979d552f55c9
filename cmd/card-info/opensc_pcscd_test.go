//go:build cgo

package main

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// OpenSC and card-info use the same card at the same time, a hundred times each
// and more. What either says is right, or says that it failed; no try is lost to
// it, and the card is not left verified. OpenSC fails often: where it connects
// while card-info cuts the power at its end, pcscd says for about a second that
// the card has none. card-info waits for that to pass.
//
// Faults: F26, F27.
func TestOpenSCBeside(t *testing.T) {
	b := newBench(t)
	pkcs15 := openSC(t, "pkcs15-tool")
	card := b.insert(t, simulator.Contact)
	const runs = 100
	id := idArgs(t, "--pin-stdin", "--json")
	alone := desk{stdin: "1234\n"}.run(t, append(id, "--simulator", "contact")...)
	require.Zero(t, alone.exit, alone.stderr)
	identifier := identifierOf(t, alone.stdout)
	certificate := parsePEM(t, b.cardInfo(t, "", "cert").stdout).Raw

	var over atomic.Bool
	theirs := tally{}
	var other sync.WaitGroup
	other.Go(func() {
		for !over.Load() {
			o := b.finish(t, b.command(pkcs15, "--dump"), "")
			if theirs.count("dump", o) {
				assert.Contains(t, o.stdout, "Tries left     : 3")
				assert.Contains(t, o.stdout, "Tries left     : 5")
			}
			o = b.finish(t, b.command(pkcs15, "--read-certificate", "01"), "")
			if theirs.count("certificate", o) {
				assert.Equal(t, certificate, parsePEM(t, o.stdout).Raw)
			}
		}
	})

	start := time.Now()
	ours := tally{}
	for n := range runs {
		args := [][]string{id, {"retries", "--json"}, {"cert", "--json"}}[n%3]
		o := b.cardInfo(t, "1234\n", args...)
		if !ours.count(args[0], o) {
			code, _ := failureOf(t, o)
			assert.Contains(t, []string{"READ_FAILED", "CARD_CHANGED", "CARD_BUSY"}, code)
			t.Log(o.stderr)
			continue
		}
		switch args[0] {
		case "id":
			assert.Equal(t, identifier, identifierOf(t, o.stdout))
		case "retries":
			assert.JSONEq(t, `{"auth_pin":{"remaining":3,"max":3,"blocked":false},"signature_password":{"remaining":5,"max":5,"blocked":false}}`, o.stdout)
		case "cert":
			assert.Equal(t, certificate, parsePEM(t, o.stdout).Raw)
		}
		assert.Equal(t, 3, card.State().AuthTries)
	}
	took := time.Since(start).Round(time.Millisecond)
	over.Store(true)
	other.Wait()
	t.Logf("in %s, successes and failures: card-info %v, OpenSC %v", took, ours, theirs)
	for _, what := range []string{"id", "retries", "cert"} {
		assert.LessOrEqual(t, ours[what].failed, runs/20, what)
	}
	for _, what := range []string{"dump", "certificate"} {
		assert.NotZero(t, theirs[what].succeeded, what)
	}
	assert.Equal(t, 3, card.State().AuthTries)
	assert.Equal(t, 5, card.State().SignatureTries)
	assert.False(t, card.State().AuthVerified)
	assert.Eventually(t, func() bool { return b.finish(t, b.command(pkcs15, "--dump"), "").exit == 0 },
		20*time.Second, 50*time.Millisecond, "OpenSC has the card to itself again")
}

// tally is how often each thing went well and did not.
type tally map[string]struct{ succeeded, failed int }

func (c tally) count(what string, o outcome) (succeeded bool) {
	n := c[what]
	if o.exit == 0 {
		n.succeeded++
	} else {
		n.failed++
	}
	c[what] = n
	return o.exit == 0
}

func identifierOf(t *testing.T, output string) string {
	t.Helper()
	var result struct {
		ID string `json:"mykey_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(output), &result), output)
	require.NotEmpty(t, result.ID)
	return result.ID
}
