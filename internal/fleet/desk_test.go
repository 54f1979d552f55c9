package fleet_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// evidence returns a card's evidence for a new challenge.
func evidence(t testing.TB, s fleet.Service, c prooftest.Card) proof.Evidence {
	t.Helper()
	challenge, err := s.Challenge(t.Context())
	require.NoError(t, err)
	return c.Answer(challenge)
}

// identifyAtDesk starts a visit at a desk with a card.
func identifyAtDesk(t testing.TB, c *fleet.Client, card prooftest.Card) fleet.DeskVisit {
	t.Helper()
	v, err := c.IdentifyAtDesk(t.Context(), evidence(t, c, card))
	require.NoError(t, err)
	return v
}

// reserved makes a card's reservation.
func reserved(t testing.TB, s fleet.Service, c prooftest.Card) *registry.Reservation {
	t.Helper()
	r, err := identify(t, s, c).Reserve(t.Context(), registry.NewOperation(), registry.NewRecoveryCode())
	require.NoError(t, err)
	return r
}

// A clerk moves an identifier to a new card, and merges a second one with it. The same request
// again changes nothing, and the recovery code that it set is in force.
//
// Faults: F116.
func TestClerk(t *testing.T) {
	ctx, s := t.Context(), newSite(t)
	terminal, clerk := s.client(t, "t1", nil), s.clientAs(t, "c-7", registry.RoleClerk, nil)
	first, second := reserved(t, terminal, card(1)), reserved(t, terminal, card(2))
	operation, code := registry.NewOperation(), registry.NewRecoveryCode()
	v := identifyAtDesk(t, clerk, card(2))
	_, err := v.RenewByClerk(ctx, operation, first.ID, code)
	require.ErrorIs(t, err, registry.ErrHolderReserved)
	for range 2 {
		merged, err := v.MergeByClerk(ctx, operation, first.ID, code)
		require.NoError(t, err)
		assert.Equal(t, first.ID, merged.ID)
	}
	withdrawn, err := s.registry.Lookup(ctx, second.ID)
	require.NoError(t, err)
	assert.Equal(t, registry.Withdrawn, withdrawn.State)
	v = identifyAtDesk(t, clerk, card(3))
	_, err = v.RenewByClerk(ctx, registry.NewOperation(), "00000000", code)
	require.ErrorIs(t, err, registry.ErrNotFound)
	renewed, err := v.RenewByClerk(ctx, registry.NewOperation(), first.ID, code)
	require.NoError(t, err)
	assert.Equal(t, first.ID, renewed.ID)
	found, err := v.Find(ctx)
	require.NoError(t, err)
	assert.Equal(t, first.ID, found.ID)
	_, err = identify(t, terminal, card(4)).Renew(ctx, registry.NewOperation(), first.ID, code, registry.NewRecoveryCode())
	require.NoError(t, err)
}

// A terminal can't act as a clerk, and a clerk can't act as a terminal. Nothing is changed.
func TestWrongRole(t *testing.T) {
	ctx, s := t.Context(), newSite(t)
	terminal, clerk := s.client(t, "t1", nil), s.clientAs(t, "c-7", registry.RoleClerk, nil)
	first := reserved(t, terminal, card(1))
	code, account := registry.NewRecoveryCode(), registry.NewAccount("example-pay", "user-0001", "4649")
	v := identifyAtDesk(t, terminal, card(2))
	_, err := v.RenewByClerk(ctx, registry.NewOperation(), first.ID, code)
	require.ErrorIs(t, err, registry.ErrNotClerk)
	_, err = v.MergeByClerk(ctx, registry.NewOperation(), first.ID, code)
	require.ErrorIs(t, err, registry.ErrNotClerk)

	old := evidence(t, clerk, card(1))
	owner, other := identifyAtDesk(t, clerk, card(1)), identifyAtDesk(t, clerk, card(2))
	for name, change := range map[string]func() error{
		"reserve": func() error { _, err := other.Reserve(ctx, registry.NewOperation(), code); return err },
		"renew":   func() error { _, err := other.Renew(ctx, registry.NewOperation(), first.ID, code, code); return err },
		"renew by the old card": func() error {
			_, err := other.RenewByOldCard(ctx, registry.NewOperation(), old, code)
			return err
		},
		"new code": func() error { _, err := owner.ReplaceRecoveryCode(ctx, registry.NewOperation(), code); return err },
		"withdraw": func() error { _, err := owner.Withdraw(ctx, registry.NewOperation()); return err },
		"preview":  func() error { _, err := owner.Preview(ctx, account); return err },
		"apply":    func() error { _, err := owner.Apply(ctx, registry.NewOperation(), first.ID, account); return err },
	} {
		assert.ErrorIs(t, change(), fleet.ErrNotEnrolled, name)
	}
	found, err := owner.Find(ctx)
	require.NoError(t, err)
	assert.Equal(t, registry.Reserved, found.State)
	assert.Nil(t, found.Application)
	_, err = other.Find(ctx)
	require.ErrorIs(t, err, registry.ErrNotFound)
}

// The earlier card moves its identifier to the new card, even if its certificate has expired.
//
// Faults: F116.
func TestRenewByOldCard(t *testing.T) {
	ctx, now := t.Context(), time.Now()
	s := newSite(t)
	c := s.client(t, "t1", nil)
	expired := prooftest.Card{Kind: "fleet", Number: 9, NotAfter: now.AddDate(0, -1, 0)}
	valid := prooftest.Verifier(expired.NotAfter.AddDate(0, -2, 0))
	made, err := s.registry.Reserve(ctx, registry.NewOperation(), expired.HolderOf(valid), registry.NewRecoveryCode())
	require.NoError(t, err)
	_, err = c.Identify(ctx, evidence(t, c, expired))
	require.ErrorIs(t, err, trust.ErrExpired, "it starts no visit")

	v, old, operation, code := identifyAtDesk(t, c, card(1)), evidence(t, c, expired), registry.NewOperation(), registry.NewRecoveryCode()
	for range 2 {
		renewed, err := v.RenewByOldCard(ctx, operation, old, code)
		require.NoError(t, err)
		assert.Equal(t, made.ID, renewed.ID)
	}
	_, err = v.RenewByOldCard(ctx, registry.NewOperation(), evidence(t, c, expired), code)
	require.ErrorIs(t, err, registry.ErrSuperseded)
	_, err = identifyAtDesk(t, c, card(2)).RenewByOldCard(ctx, registry.NewOperation(), evidence(t, c, card(1)), code)
	require.NoError(t, err)
}

// Only the earlier card's own evidence, for a challenge of this terminal in this visit, proves
// a renewal.
func TestRejectedOldCards(t *testing.T) {
	ctx, s := t.Context(), newSite(t)
	c, other := s.client(t, "t1", nil), s.client(t, "t2", nil)
	made := reserved(t, c, card(1))
	v := identifyAtDesk(t, c, card(2))
	used := evidence(t, c, card(1))
	_, err := c.Identify(ctx, used)
	require.NoError(t, err)
	forged := evidence(t, c, card(1))
	forged.Signature[5] ^= 1
	stranger := evidence(t, c, card(3))
	stranger.Certificate = card(1).Certificate().Raw
	for name, test := range map[string]struct {
		old  proof.Evidence
		want error
	}{
		"of another visit":    {used, proof.ErrUsed},
		"of another terminal": {evidence(t, other, card(1)), proof.ErrUsed},
		"forged":              {forged, proof.ErrSignature},
		"another's":           {stranger, proof.ErrSignature},
		"the new card":        {evidence(t, c, card(2)), registry.ErrNotFound},
		"an unknown card":     {evidence(t, c, card(3)), registry.ErrNotFound},
	} {
		_, err := v.RenewByOldCard(ctx, registry.NewOperation(), test.old, registry.NewRecoveryCode())
		assert.ErrorIs(t, err, test.want, name)
	}
	holder := identify(t, c, card(1))
	found, err := holder.Find(ctx)
	require.NoError(t, err)
	assert.Equal(t, made.ID, found.ID)
}

// A request with two proofs of a renewal is refused, and so is one that was altered after it
// was signed.
func TestRenewalHasOneProof(t *testing.T) {
	s := newSite(t)
	var change func([]byte) []byte
	c := s.client(t, "t1", func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/v1/reservations/renew" {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				body = change(body)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}
			return next.RoundTrip(r)
		})
	})
	made := reserved(t, c, card(1))
	v := identifyAtDesk(t, c, card(2))
	renew := func(ctx context.Context) error {
		_, err := v.RenewByOldCard(ctx, registry.NewOperation(), evidence(t, c, card(1)), registry.NewRecoveryCode())
		return err
	}
	for _, more := range []string{`"identifier":"` + made.ID.String() + `"`, `"old_recovery_code":"0000-0000-0000-0000"`} {
		change = func(body []byte) []byte { return append(bytes.TrimSuffix(body, []byte("}")), ","+more+"}"...) }
		require.ErrorIs(t, renew(t.Context()), fleet.ErrRequest, more)
	}
	change = func(body []byte) []byte { return append(body, ' ') }
	require.ErrorIs(t, renew(t.Context()), registry.ErrTerminal, "it was not signed")
	change = func(body []byte) []byte { return body }
	require.NoError(t, renew(t.Context()))
}
