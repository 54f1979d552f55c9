package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/revocation"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// known returns the holder of the nth card, whom a platform knows as user.
func known(n int, user string) *proof.Holder {
	return knownTo(n, revocation.NewSubject("platform", user))
}

// linking opens the registry of a generation that links cards of the tests' issuer.
func linking(t testing.TB, url string, options ...registry.Option) *registry.Registry {
	return open(t, url, append(options, registry.LinkBySubject(trust.IssuerCaller))...)
}

func reserveKnown(t testing.TB, r *registry.Registry, holder *proof.Holder) *registry.Reservation {
	t.Helper()
	reservation, err := r.Reserve(t.Context(), registry.NewOperation(), holder, registry.RecoveryCode{})
	require.NoError(t, err)
	return reservation
}

// A holder whom the platform knows keeps the identifier and the application with a renewed
// card, and the old card is superseded.
func TestRenewedCardIsLinked(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := linking(t, url)
		code := registry.NewRecoveryCode()
		first, err := r.Reserve(t.Context(), registry.NewOperation(), known(1, "a"), code)
		require.NoError(t, err)
		p, err := r.Preview(t.Context(), known(1, "a"), account(1))
		require.NoError(t, err)
		_, err = r.Confirm(t.Context(), registry.NewOperation(), p)
		require.NoError(t, err)

		found, err := r.Find(t.Context(), known(2, "a"))
		require.NoError(t, err, "found before it is moved")
		assert.Equal(t, first.ID, found.ID)
		operation, unused := registry.NewOperation(), registry.NewRecoveryCode()
		for range 2 {
			second, err := r.Reserve(t.Context(), operation, known(2, "a"), unused)
			require.NoError(t, err)
			assert.Equal(t, first.ID, second.ID)
			assert.False(t, second.New)
			assert.Equal(t, mykey.MonthOf(expiryOf(2)), second.Expiry)
			assert.NotNil(t, second.Application)
		}
		_, err = r.Find(t.Context(), known(1, "a"))
		require.ErrorIs(t, err, registry.ErrSuperseded, "the old card does not take it back")
		_, err = r.Reserve(t.Context(), registry.NewOperation(), known(1, "a"), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrSuperseded)
		third := reserveKnown(t, r, known(3, "a"))
		assert.Equal(t, first.ID, third.ID)
		_, err = r.Renew(t.Context(), registry.NewOperation(), holder(50), registry.ByRecoveryCode(first.ID, code), registry.NewRecoveryCode())
		require.NoError(t, err, "the recovery code stays in force")

		_, err = verify(r)
		require.NoError(t, err)
		assert.Equal(t, 2, recordsOf(t, r, "renew-subject"))
		assert.Equal(t, 1, recordsOf(t, r, "reserve"))
	})
}

// Nobody else's reservation is found.
func TestCardsThatAreNotLinked(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := linking(t, url)
		first := reserveKnown(t, r, known(1, "a"))
		without := open(t, url)
		for name, test := range map[string]struct {
			r      *registry.Registry
			holder *proof.Holder
		}{
			"another holder":                 {r, known(2, "b")},
			"another platform":               {r, knownTo(3, revocation.NewSubject("another", "a"))},
			"a holder without a subject":     {r, holder(4)},
			"a registry that links no cards": {without, known(5, "a")},
		} {
			_, err := test.r.Find(t.Context(), test.holder)
			require.ErrorIs(t, err, registry.ErrNotFound, name)
			assert.NotEqual(t, first.ID, reserveKnown(t, test.r, test.holder).ID, name)
		}
		other := open(t, url, registry.AcceptIssuers(trust.IssuerSimulator), registry.LinkBySubject(trust.IssuerCaller))
		v := verifierOf(revocation.NewSubject("platform", "a"))
		v.Trust = trust.Policy{SimulatorCAs: v.Trust.CAs}
		_, err := other.Find(t.Context(), card(6, expiryOf(6)).HolderOf(v))
		require.ErrorIs(t, err, registry.ErrNotFound, "another issuer, as that of a phone")
		_, err = verify(r)
		require.NoError(t, err)
	})
}

// The subject of a holder who reserved without one is stored by the next visit.
func TestSubjectIsLearned(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := linking(t, url)
		first := reserveKnown(t, open(t, url), known(1, "a"))
		for range 2 {
			assert.Equal(t, first.ID, reserveKnown(t, r, known(1, "a")).ID)
		}
		assert.Equal(t, 1, recordsOf(t, r, "link-subject"), "once")
		assert.Equal(t, first.ID, reserveKnown(t, r, known(2, "a")).ID)
		_, err := verify(r)
		require.NoError(t, err)
	})
}

// A link survives a change of keys, and a visit in which the platform named no subject.
func TestLinkWithOtherKeys(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		before := linking(t, url)
		first := reserveKnown(t, before, known(1, "a"))
		next := openGeneration(t, url, generation(t, "points.example", 2), registry.WithOtherGenerations(generation(t, "points.example", 1)),
			registry.LinkBySubject(trust.IssuerCaller))
		withoutSubject := card(1, expiryOf(1)).Holder(today)
		assert.Equal(t, first.ID, reserveKnown(t, next, withoutSubject).ID)
		assert.Equal(t, first.ID, reserveKnown(t, next, known(2, "a")).ID)
		assert.Equal(t, first.ID, reserveKnown(t, next, known(3, "a")).ID)
		_, err := verify(next)
		require.NoError(t, err)
	})
}

// A card of somebody else that takes over a reservation ends the link, so that the first holder
// does not get it back.
func TestLinkEndsWithATakeOver(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := linking(t, url)
		first := reserveKnown(t, r, known(1, "a"))
		_, err := r.Renew(t.Context(), registry.NewOperation(), holder(2), registry.ByClerk(first.ID, "clerk"), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = r.Find(t.Context(), known(3, "a"))
		require.ErrorIs(t, err, registry.ErrNotFound)
		assert.NotEqual(t, first.ID, reserveKnown(t, r, known(3, "a")).ID)
		_, err = verify(r)
		require.NoError(t, err)
	})
}

// A linked holder can do everything else before the reservation is moved.
func TestChangesOfALinkedHolder(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := linking(t, url)
		// change makes a change with the card after the one that reserved.
		type do = func(registry.Operation, *proof.Holder, *registry.Reservation) (*registry.Reservation, error)
		change := func(user string, n int, do do) (*registry.Reservation, error) {
			first := reserveKnown(t, r, known(n, user))
			reservation, err := do(registry.NewOperation(), known(n+1, user), first)
			if err == nil {
				assert.Equal(t, first.ID, reservation.ID)
			}
			return reservation, err
		}
		withdrawn, err := change("a", 10, func(o registry.Operation, h *proof.Holder, _ *registry.Reservation) (*registry.Reservation, error) {
			return r.Withdraw(t.Context(), o, h)
		})
		require.NoError(t, err)
		again := reserveKnown(t, r, known(12, "a"))
		assert.True(t, again.New)
		assert.NotEqual(t, withdrawn.ID, again.ID)
		assert.Equal(t, again.ID, reserveKnown(t, r, known(13, "a")).ID, "the reservation that is in force")

		_, err = change("b", 20, func(o registry.Operation, h *proof.Holder, _ *registry.Reservation) (*registry.Reservation, error) {
			return r.ReplaceRecoveryCode(t.Context(), o, h, registry.NewRecoveryCode())
		})
		require.NoError(t, err)
		_, err = change("c", 30, func(o registry.Operation, h *proof.Holder, _ *registry.Reservation) (*registry.Reservation, error) {
			p, err := r.Preview(t.Context(), h, account(3))
			require.NoError(t, err)
			return r.Confirm(t.Context(), o, p)
		})
		require.NoError(t, err)
		_, err = change("c", 32, func(o registry.Operation, h *proof.Holder, first *registry.Reservation) (*registry.Reservation, error) {
			return r.Renew(t.Context(), o, h, registry.ByClerk(first.ID, "clerk"), registry.RecoveryCode{})
		})
		require.NoError(t, err, "a proof is not needed, but accepted")

		other := reserveKnown(t, r, holder(40))
		_, err = change("d", 50, func(o registry.Operation, h *proof.Holder, _ *registry.Reservation) (*registry.Reservation, error) {
			return r.Renew(t.Context(), o, h, registry.ByClerk(other.ID, "clerk"), registry.RecoveryCode{})
		})
		require.ErrorIs(t, err, registry.ErrHolderReserved)
		merged, err := r.Renew(t.Context(), registry.NewOperation(), known(51, "d"), registry.MergeByClerk(other.ID, "clerk"), registry.RecoveryCode{})
		require.NoError(t, err)
		assert.Equal(t, other.ID, merged.ID)
		assert.Equal(t, other.ID, reserveKnown(t, r, known(52, "d")).ID)
		_, err = verify(r)
		require.NoError(t, err)
	})
}

// The audit accepts records of linked cards for a terminal's signed reservations only.
func TestRequestsOfLinkedCards(t *testing.T) {
	url := engines["sqlite"](t)
	r := linking(t, url)
	reserveKnown(t, open(t, url), known(1, "a"))
	for n := range 2 { // it links the first card, and moves the reservation to the second one
		operation := registry.NewOperation()
		view := r.From(request("kiosk-1", registry.RoleTerminal, r.Namespace(), operation, "reserve"))
		_, err := view.Reserve(t.Context(), operation, known(1+n, "a"), registry.RecoveryCode{})
		require.NoError(t, err)
	}
	list, err := keys(r)
	require.NoError(t, err)
	list = append(list, terminal("kiosk-1").Public())
	_, err = verifyWith(r, list)
	require.NoError(t, err)
	operation := registry.NewOperation()
	view := r.From(request("kiosk-1", registry.RoleTerminal, r.Namespace(), operation, "renew-subject"))
	_, err = view.Reserve(t.Context(), operation, known(3, "a"), registry.RecoveryCode{})
	require.ErrorIs(t, err, registry.ErrTerminal)
}

// An application stays with a holder who withdraws and renews the card.
func TestApplicationStaysWithTheSubject(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := linking(t, url)
		reserveKnown(t, r, known(1, "a"))
		p, err := r.Preview(t.Context(), known(1, "a"), account(1))
		require.NoError(t, err)
		_, err = r.Confirm(t.Context(), registry.NewOperation(), p)
		require.NoError(t, err)
		_, err = r.Withdraw(t.Context(), registry.NewOperation(), known(1, "a"))
		require.NoError(t, err)
		reserveKnown(t, r, known(2, "a"))
		_, err = r.Preview(t.Context(), known(2, "a"), account(2))
		require.ErrorIs(t, err, registry.ErrApplied)
	})
}

// Two renewed cards of a holder at the same time get one identifier.
func TestLinkedCardsAtTheSameTime(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := linking(t, url)
		first := reserveKnown(t, r, known(1, "a"))
		other := linking(t, url)
		done := make(chan error, 2)
		for i, program := range []*registry.Registry{r, other} {
			go func() {
				reservation, err := program.Reserve(context.Background(), registry.NewOperation(), known(2+i, "a"), registry.RecoveryCode{})
				if err == nil {
					assert.Equal(t, first.ID, reservation.ID)
				}
				done <- err
			}()
		}
		for range 2 {
			require.NoError(t, <-done)
		}
		_, err := verify(r)
		require.NoError(t, err)
	})
}

// knownTo returns the holder of the nth card, about whom a source of revocations answers.
func knownTo(n int, subject revocation.Subject) *proof.Holder {
	return card(n, expiryOf(n)).HolderOf(verifierOf(subject))
}

func expiryOf(n int) time.Time { return today.AddDate(3, n%12, 0) }

// verifierOf returns a verifier that asks a source, which names the subject.
func verifierOf(subject revocation.Subject) *proof.Verifier {
	v := prooftest.Verifier(today)
	v.CheckUnused = func(context.Context, proof.Challenge) error { return nil }
	v.Revocation = &revocation.Policy{Checker: revocation.CheckerFunc(func(_ context.Context, q revocation.Question) (revocation.Answer, error) {
		return revocation.Answer{Status: revocation.Good, Method: revocation.OCSP, AsOf: today, Subject: subject, Digest: q.Digest}, nil
	})}
	return v
}

// recordsOf returns the number of records of a kind.
func recordsOf(t testing.TB, r *registry.Registry, kind string) (n int) {
	t.Helper()
	require.NoError(t, r.DB().QueryRow(`SELECT count(*) FROM audit WHERE kind = $1`, kind).Scan(&n))
	return n
}
