package registry_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var ctx = context.Background()

func TestReserve(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		first := reserve(t, r, 1)
		want, err := generation(t, "points.example", 1).Namespace.Derive(holder(1).Certificate)
		require.NoError(t, err)
		assert.Equal(t, want, first.ID)
		assert.Equal(t, "points.example", first.Namespace)
		assert.Equal(t, uint32(1), first.KeyNumber)
		assert.Zero(t, first.Attempt)
		assert.Equal(t, registry.Reserved, first.State)
		assert.Equal(t, mykey.MonthOf(holder(1).Certificate.NotAfter), first.Expiry)
		assert.Nil(t, first.Application)
		assert.True(t, first.New)

		repeated := reserve(t, openNamed(t, url, "another"), 1)
		assert.Equal(t, first.ID, repeated.ID, "the same holder gets the same identifier again")
		assert.False(t, repeated.New)
		assert.NotEqual(t, first.ID, reserve(t, r, 2).ID)

		found, err := r.Find(ctx, holder(1))
		require.NoError(t, err)
		assert.Equal(t, repeated, found)
		byID, err := r.Lookup(ctx, first.ID)
		require.NoError(t, err)
		assert.Equal(t, repeated, byID)

		_, err = r.Find(ctx, holder(3))
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = r.Lookup(ctx, "00000000")
		require.ErrorIs(t, err, registry.ErrNotFound)
	})
}

// Namespaces share a database and nothing else.
func TestNamespacesAreIndependent(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		points, library := open(t, url), openGeneration(t, url, generation(t, "library.example", 1))
		inPoints := reserve(t, points, 1)
		_, err := library.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = library.Lookup(ctx, inPoints.ID)
		require.ErrorIs(t, err, registry.ErrNotFound)
		inLibrary := reserve(t, library, 1)
		assert.NotEqual(t, inPoints.ID, inLibrary.ID)
		apply(t, points, 1)
		apply(t, library, 1)
		var handles int
		require.NoError(t, points.DB().QueryRow(`SELECT count(DISTINCT handle) FROM holders`).Scan(&handles))
		assert.Equal(t, 2, handles)
	})
}

// Faults: F91.
func TestHoldersNeedProof(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	reserve(t, r, 1)
	for name, change := range map[string]func(*jpki.Authentication){
		"no certificate": func(a *jpki.Authentication) { a.Certificate = nil },
		"no key":         func(a *jpki.Authentication) { a.Certificate.RawSubjectPublicKeyInfo = nil },
		"another encoding of the key": func(a *jpki.Authentication) {
			spki := append(bytes.Clone(a.Certificate.RawSubjectPublicKeyInfo), 0x05, 0x00)
			spki[1] += 2
			_, err := x509.ParsePKIXPublicKey(spki)
			require.NoError(t, err, "the parser takes it")
			a.Certificate.RawSubjectPublicKeyInfo = spki
		},
		"no PIN":           func(a *jpki.Authentication) { a.CardAcceptedPIN = false },
		"no possession":    func(a *jpki.Authentication) { a.Possession = false },
		"expired":          func(a *jpki.Authentication) { a.Validity = trust.Expired },
		"not yet valid":    func(a *jpki.Authentication) { a.Validity = trust.NotYetValid },
		"validity unknown": func(a *jpki.Authentication) { a.Validity = "" },
		"issuer unknown":   func(a *jpki.Authentication) { a.Chain = trust.Unknown },
		"simulated":        func(a *jpki.Authentication) { a.Chain = trust.Simulator },
	} {
		t.Run(name, func(t *testing.T) {
			changed := holder(1)
			change(changed)
			op := registry.NewOperation()
			calls := map[string]func(*jpki.Authentication) error{
				"Reserve": func(a *jpki.Authentication) error {
					_, err := r.Reserve(ctx, op, a, registry.RecoveryCode{})
					return err
				},
				"Find":     func(a *jpki.Authentication) error { _, err := r.Find(ctx, a); return err },
				"Withdraw": func(a *jpki.Authentication) error { _, err := r.Withdraw(ctx, op, a); return err },
				"Preview":  func(a *jpki.Authentication) error { _, err := r.Preview(ctx, a, account(1)); return err },
				"Renew": func(a *jpki.Authentication) error {
					_, err := r.Renew(ctx, op, a, registry.ByOldCard(holder(1)), registry.RecoveryCode{})
					return err
				},
			}
			if name != "expired" {
				calls["ByOldCard"] = func(a *jpki.Authentication) error {
					_, err := r.Renew(ctx, op, holder(2), registry.ByOldCard(a), registry.RecoveryCode{})
					return err
				}
			}
			for call, do := range calls {
				require.ErrorIs(t, do(changed), registry.ErrProof, call)
				require.ErrorIs(t, do(nil), registry.ErrProof, call)
			}
		})
	}
	expiring := holder(2)
	expiring.Validity, expiring.Chain = trust.Expiring, trust.Caller
	_, err := r.Reserve(ctx, registry.NewOperation(), expiring, registry.RecoveryCode{})
	require.NoError(t, err)
	simulated := holder(3)
	simulated.Chain = trust.Simulator
	demo := openGeneration(t, engines["sqlite"](t), generation(t, "points.example", 1), registry.AcceptChains(trust.Simulator))
	_, err = demo.Reserve(ctx, registry.NewOperation(), simulated, registry.RecoveryCode{})
	require.NoError(t, err)
	_, err = demo.Reserve(ctx, registry.NewOperation(), holder(1), registry.RecoveryCode{})
	require.ErrorIs(t, err, registry.ErrProof)
}

// An identifier that is another holder's moves to the next attempt number, up to
// the bound.
func TestCollisionsUseTheNextCandidate(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url, registry.WithIdentifierCount(100), registry.WithAttempts(20))
		holders := map[mykey.ID]int{}
		attempts := map[uint32]int{}
		for n := range 80 {
			reservation := reserve(t, r, n)
			require.NotContains(t, holders, reservation.ID)
			holders[reservation.ID] = n
			attempts[reservation.Attempt]++
		}
		assert.Greater(t, len(attempts), 3, "attempts were needed: %v", attempts)
		for id, n := range holders {
			assert.Equal(t, id, reserve(t, r, n).ID)
		}

		full := open(t, url, registry.WithIdentifierCount(1), registry.WithAttempts(2))
		_, _ = full.Reserve(ctx, registry.NewOperation(), holder(1000), registry.RecoveryCode{}) // takes the one, if it was free
		_, err := full.Reserve(ctx, registry.NewOperation(), holder(1001), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrNoIdentifier)
		_, err = full.Find(ctx, holder(1001))
		require.ErrorIs(t, err, registry.ErrNotFound, "nothing was written")
		_, err = verify(r)
		require.NoError(t, err)
	})
}

func TestWithdraw(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		_, err := r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.ErrorIs(t, err, registry.ErrNotFound)

		first, err := r.Reserve(ctx, registry.NewOperation(), holder(1), registry.NewRecoveryCode())
		require.NoError(t, err)
		apply(t, r, 1)
		operation := registry.NewOperation()
		withdrawn, err := r.Withdraw(ctx, operation, holder(1))
		require.NoError(t, err)
		assert.Equal(t, registry.Withdrawn, withdrawn.State)
		assert.Equal(t, first.ID, withdrawn.ID)
		repeated, err := r.Withdraw(ctx, operation, holder(1))
		require.NoError(t, err, "a double tap")
		assert.Equal(t, registry.Withdrawn, repeated.State)
		_, err = r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)
		_, err = r.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)
		_, err = r.Preview(ctx, holder(1), account(1))
		require.ErrorIs(t, err, registry.ErrWithdrawn)

		var codes int
		require.NoError(t, r.DB().QueryRow(`SELECT count(*) FROM reservations WHERE recovery <> ''`).Scan(&codes))
		assert.Zero(t, codes, "a recovery code ends with its reservation")

		second := reserve(t, r, 1)
		assert.NotEqual(t, first.ID, second.ID, "an identifier is not given again")
		assert.Equal(t, uint32(1), second.Attempt)
		found, err := r.Lookup(ctx, first.ID)
		require.NoError(t, err)
		assert.Equal(t, registry.Withdrawn, found.State)

		require.NotNil(t, second.Application, "what was applied for stays applied for")
		_, err = r.Preview(ctx, holder(1), account(2))
		require.ErrorIs(t, err, registry.ErrApplied)
		_, err = verify(r)
		require.NoError(t, err)
	})
}

func TestOperationsAreAppliedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		operation := registry.NewOperation()
		code := registry.NewRecoveryCode()
		first, err := r.Reserve(ctx, operation, holder(1), code)
		require.NoError(t, err)
		repeated, err := r.Reserve(ctx, operation, holder(1), code)
		require.NoError(t, err)
		assert.Equal(t, first.ID, repeated.ID)
		assert.True(t, repeated.New, "so its recovery code is shown by whoever gets the answer")

		for name, other := range map[string]func() error{
			"another holder": func() error { _, err := r.Reserve(ctx, operation, holder(2), code); return err },
			"another code": func() error {
				_, err := r.Reserve(ctx, operation, holder(1), registry.NewRecoveryCode())
				return err
			},
			"another kind": func() error { _, err := r.Withdraw(ctx, operation, holder(1)); return err },
			"none":         func() error { _, err := r.Reserve(ctx, registry.Operation{}, holder(2), code); return err },
		} {
			require.ErrorIs(t, other(), registry.ErrOperation, name)
		}
		heads, err := verify(r)
		require.NoError(t, err)
		require.Len(t, heads, 1)
		assert.Equal(t, int64(1), heads[0].Number, "one change")
	})
}

// A holder is found under the keys of earlier generations and moved to the
// current one.
func TestKeyRotation(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		old, current := generation(t, "points.example", 1), generation(t, "points.example", 2)
		before := openAs(t, url, terminal("a"), old)
		operation := registry.NewOperation()
		first, err := before.Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		require.NoError(t, err)
		reserve(t, before, 2)
		apply(t, before, 2)
		reserve(t, before, 3)
		require.NoError(t, before.Close())

		_, err = registry.Open(ctx, url, terminal("a"), current)
		require.ErrorIs(t, err, mykey.ErrKey, "whoever lacks a generation would give its holders second identifiers")
		after := openAs(t, url, terminal("a"), current, registry.WithEarlier(old))
		repeated, err := after.Reserve(ctx, operation, holder(1), registry.RecoveryCode{})
		require.NoError(t, err, "an answer that was lost before the keys were changed")
		assert.True(t, repeated.New)
		moved := reserve(t, after, 1)
		assert.Equal(t, first.ID, moved.ID)
		assert.Equal(t, uint32(1), moved.KeyNumber, "of the key that derived it")
		_, err = after.Preview(ctx, holder(1), account(2))
		require.ErrorIs(t, err, registry.ErrAccountUsed, "under the earlier key")
		assert.Equal(t, uint32(2), reserve(t, after, 4).KeyNumber)
		_, err = after.Renew(ctx, registry.NewOperation(), holder(30), registry.ByOldCard(holder(3)), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = verify(after)
		require.NoError(t, err, "without any key")
		for _, g := range []registry.Generation{old, current} {
			_, err = registry.Open(ctx, url, terminal("b"), g)
			require.ErrorIs(t, err, mykey.ErrKey, "generation %d alone", g.Number)
		}
		openAs(t, url, terminal("b"), old, registry.WithEarlier(current)) // while the others change
	})
}

// A program that was not given the new keys, and runs since before them, goes on while
// nobody has them. From the first holder on it takes nobody for a stranger.
//
// Faults: F135.
func TestMissingGenerationIsRejected(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		old, current := generation(t, "points.example", 1), generation(t, "points.example", 2)
		outdated := openGeneration(t, url, old)
		reserve(t, outdated, 1)
		reserve(t, outdated, 2)
		transitional := openGeneration(t, url, old, registry.WithEarlier(current))
		assert.True(t, reserve(t, outdated, 3).New, "the new keys are known, and unused")
		require.NoError(t, transitional.Close())

		updated := openGeneration(t, url, current, registry.WithEarlier(old))
		reserve(t, updated, 4)
		reserve(t, updated, 1)
		for _, n := range []int{1, 4, 5} { // moved to the new keys, made with them, and new
			_, err := outdated.Find(ctx, holder(n))
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Reserve(ctx, registry.NewOperation(), holder(n), registry.RecoveryCode{})
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Preview(ctx, holder(n), account(n))
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Withdraw(ctx, registry.NewOperation(), holder(n))
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
			_, err = outdated.Renew(ctx, registry.NewOperation(), holder(n), registry.ByOldCard(holder(2)), registry.RecoveryCode{})
			require.ErrorIs(t, err, mykey.ErrKey, "holder %d", n)
		}
		_, err := outdated.Renew(ctx, registry.NewOperation(), holder(6), registry.ByOldCard(holder(4)), registry.RecoveryCode{})
		require.ErrorIs(t, err, mykey.ErrKey, "the earlier card")
		assert.False(t, reserve(t, outdated, 2).New, "who has an identifier under the old keys")
		_, err = verify(outdated)
		require.NoError(t, err)
	})
}

func TestOpenRejectsOtherKeys(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		check := func(g registry.Generation, earlier ...registry.Generation) error {
			err := registry.Check(ctx, url, g, earlier...)
			require.Len(t, rows(t, r, "generations"), 1, "it writes nothing")
			return err
		}
		require.NoError(t, check(generation(t, "points.example", 1)))
		require.NoError(t, check(generation(t, "points.example", 2), generation(t, "points.example", 1)))
		require.ErrorIs(t, check(generation(t, "points.example", 2)), mykey.ErrKey)
		other := generation(t, "points.example", 1)
		other.Key = key(t, 99)
		_, err := registry.Open(ctx, url, terminal(nextName()), other)
		require.ErrorIs(t, err, mykey.ErrKey)
		require.ErrorIs(t, check(other), mykey.ErrKey)
		other = generation(t, "points.example", 1)
		other.Namespace, err = mykey.NewNamespace("points.example", key(t, 99))
		require.NoError(t, err)
		_, err = registry.Open(ctx, url, terminal(nextName()), other)
		require.ErrorIs(t, err, mykey.ErrKey)
	})
}

func TestOpenRejectsInvalidArguments(t *testing.T) {
	good := generation(t, "points.example", 1)
	url := engines["sqlite"](t)
	for name, tt := range map[string]struct {
		url     string
		g       registry.Generation
		options []registry.Option
		want    error
	}{
		"no URL":             {"", good, nil, registry.ErrURL},
		"another scheme":     {"mysql://localhost", good, nil, registry.ErrURL},
		"no file":            {"sqlite:", good, nil, registry.ErrURL},
		"memory":             {"sqlite::memory:", good, nil, registry.ErrURL},
		"no such directory":  {"sqlite:/nonexistent/registry.db", good, nil, registry.ErrUnavailable},
		"malformed postgres": {"postgres://user:secret@host:port/", good, nil, registry.ErrURL},
		"ambiguous password": {"postgres://user:x/secret@y@host/database", good, nil, registry.ErrURL},
		"escaped password":   {"postgres://user:%zzsecret@host/database", good, nil, registry.ErrURL},
		"no number":          {url, registry.Generation{Namespace: good.Namespace, Key: good.Key}, nil, mykey.ErrKey},
		"no namespace":       {url, registry.Generation{Number: 1, Key: good.Key}, nil, mykey.ErrKey},
		"no key":             {url, registry.Generation{Number: 1, Namespace: good.Namespace}, nil, mykey.ErrKey},
		"twice":              {url, good, []registry.Option{registry.WithEarlier(good)}, mykey.ErrKey},
		"another namespace":  {url, good, []registry.Option{registry.WithEarlier(generation(t, "other", 2))}, mykey.ErrKey},
		"no tables":          {url, good, []registry.Option{registry.WithoutMigrations()}, registry.ErrSchema},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Open(ctx, tt.url, terminal(nextName()), tt.g, tt.options...)
			require.ErrorIs(t, err, tt.want)
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "secret")
		})
	}
}

// Terminals that start at the same time find tables, whoever makes them; a
// database of a later program is left alone.
func TestConcurrentMigrations(t *testing.T) {
	t.Parallel() // it waits, mostly
	onEach(t, func(t *testing.T, url string) {
		g := generation(t, "points.example", 1)
		errs := make(chan error)
		for range 4 {
			go func() {
				r, err := registry.Open(ctx, url, terminal(nextName()), g)
				if err == nil {
					err = r.Close()
				}
				errs <- err
			}()
		}
		for range 4 {
			require.NoError(t, <-errs)
		}
		r := open(t, url, registry.WithoutMigrations())
		_, err := r.DB().Exec(`INSERT INTO mykeykit_registry_versions (id, version_id, is_applied) VALUES (1000, 1000, true)`)
		require.NoError(t, err)
		_, err = registry.Open(ctx, url, terminal(nextName()), g)
		require.ErrorIs(t, err, registry.ErrSchema)
		_, err = r.DB().Exec(`UPDATE mykeykit_registry_versions SET version_id = 1 WHERE version_id > 0`)
		require.NoError(t, err)
		_, err = registry.Open(ctx, url, terminal(nextName()), g)
		require.ErrorIs(t, err, registry.ErrSchema, "a development version's")
	})
}

// An identifier that can't be derived ends a reservation, at whatever attempt:
// nothing is written, and nobody has an empty one.
func TestFailedDerivationWritesNothing(t *testing.T) {
	broken := errors.New("derivation is broken")
	for _, at := range []uint32{0, 1} {
		url := engines["sqlite"](t)
		reserve(t, open(t, url, registry.WithDerivation(func(uint32) (mykey.ID, error) { return "7K2M9QXR", nil })), 1)
		r := open(t, url, registry.WithDerivation(func(attempt uint32) (mykey.ID, error) {
			if attempt == at {
				return "", broken
			}
			return "7K2M9QXR", nil // which is another's
		}))
		got, err := r.Reserve(ctx, registry.NewOperation(), holder(2), registry.RecoveryCode{})
		require.ErrorIs(t, err, broken)
		assert.Nil(t, got)
		_, err = r.Find(ctx, holder(2))
		require.ErrorIs(t, err, registry.ErrNotFound)
		for table, want := range map[string]int{"reservations": 1, "holders": 1, "audit": 1} {
			assert.Len(t, rows(t, r, table), want, table)
		}
	}
}
