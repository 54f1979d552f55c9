package jpki_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Faults: F57, F58, F59.
func TestWrongProofsAreRejected(t *testing.T) {
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
