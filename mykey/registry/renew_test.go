package registry_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

func TestRenew(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		code, next := registry.NewRecoveryCode(), registry.NewRecoveryCode()
		first, err := r.Reserve(ctx, registry.NewOperation(), holder(1), code)
		require.NoError(t, err)
		apply(t, r, 1)

		// By the old card, whose certificate has expired.
		later := prooftest.Verifier(today.AddDate(3, 0, 1))
		later.AllowExpired = true
		old := card(1, today.AddDate(3, 0, 0)).HolderOf(later)
		operation := registry.NewOperation()
		second, err := r.Renew(ctx, operation, holder(2), registry.ByOldCard(old), next)
		require.NoError(t, err)
		assert.Equal(t, first.ID, second.ID)
		require.NotNil(t, second.Application)
		repeated, err := r.Renew(ctx, operation, holder(2), registry.ByOldCard(old), next)
		require.NoError(t, err, "a double tap")
		assert.Equal(t, first.ID, repeated.ID)
		assert.False(t, repeated.New)

		_, err = r.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrSuperseded)
		_, err = r.Reserve(ctx, registry.NewOperation(), holder(1), code)
		require.ErrorIs(t, err, registry.ErrSuperseded, "the old card can't reserve again")
		_, err = r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.ErrorIs(t, err, registry.ErrSuperseded)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(9), registry.ByOldCard(holder(1)), code)
		require.ErrorIs(t, err, registry.ErrSuperseded)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(1), registry.ByOldCard(holder(2)), code)
		require.ErrorIs(t, err, registry.ErrSuperseded)

		// By the code of the renewal. The first code is invalid.
		_, err = r.Renew(ctx, registry.NewOperation(), holder(3), registry.ByRecoveryCode(first.ID, code), code)
		require.ErrorIs(t, err, registry.ErrRecovery)
		typed, err := registry.ParseRecoveryCode(strings.ToLower(next.Reveal()))
		require.NoError(t, err)
		operation = registry.NewOperation()
		_, err = r.Renew(ctx, operation, holder(3), registry.ByRecoveryCode(first.ID, typed), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = r.Renew(ctx, operation, holder(3), registry.ByRecoveryCode(first.ID, typed), registry.RecoveryCode{})
		require.NoError(t, err, "a double tap, with the used code")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(4), registry.ByRecoveryCode(first.ID, next), code)
		require.ErrorIs(t, err, registry.ErrRecovery, "a code can be used once")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(4), registry.ByRecoveryCode(first.ID, registry.RecoveryCode{}), code)
		require.ErrorIs(t, err, registry.ErrRecovery, "the zero code must not match a reservation without a code")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(4), registry.ByRecoveryCode("00000000", next), code)
		require.ErrorIs(t, err, registry.ErrRecovery)

		// By a clerk, whose code is recorded.
		fifth, err := r.Renew(ctx, registry.NewOperation(), holder(5), registry.ByClerk(first.ID, "window-3.0042"), code)
		require.NoError(t, err)
		assert.Equal(t, first.ID, fifth.ID)
		var clerk string
		require.NoError(t, r.DB().QueryRow(`SELECT clerk FROM audit WHERE kind = 'renew-clerk'`).Scan(&clerk))
		assert.Equal(t, "window-3.0042", clerk)
		for _, invalid := range []string{"", "田中", "a b", strings.Repeat("a", 33), "x\n"} {
			_, err = r.Renew(ctx, registry.NewOperation(), holder(6), registry.ByClerk(first.ID, invalid), code)
			require.ErrorIs(t, err, registry.ErrClerk, "%q", invalid)
		}
		_, err = r.Renew(ctx, registry.NewOperation(), holder(6), registry.ByClerk("00000000", "c1"), code)
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(6), registry.RenewalProof{}, code)
		require.ErrorIs(t, err, registry.ErrProof, "the zero Proof")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(5), registry.ByOldCard(holder(5)), code)
		require.ErrorIs(t, err, registry.ErrProof, "the new card is the old one")

		_, err = verify(r)
		require.NoError(t, err)
	})
}

// A new card with a reservation of its own must withdraw it first, and does not get a second
// application.
func TestRenewWithReservedNewCard(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		renew := func(newCard, oldCard int) error {
			_, err := r.Renew(ctx, registry.NewOperation(), holder(newCard), registry.ByOldCard(holder(oldCard)), registry.RecoveryCode{})
			return err
		}
		first := reserve(t, r, 1)
		reserve(t, r, 2)
		require.ErrorIs(t, renew(2, 1), registry.ErrHolderReserved)
		_, err := r.Withdraw(ctx, registry.NewOperation(), holder(2))
		require.NoError(t, err)
		require.NoError(t, renew(2, 1))
		assert.Equal(t, first.ID, reserve(t, r, 2).ID)

		reserve(t, r, 3)
		apply(t, r, 3)
		_, err = r.Withdraw(ctx, registry.NewOperation(), holder(3))
		require.NoError(t, err)
		require.ErrorIs(t, renew(3, 2), registry.ErrApplied)
		require.ErrorIs(t, renew(4, 3), registry.ErrWithdrawn)
		require.ErrorIs(t, renew(4, 5), registry.ErrNotFound)
		_, err = verify(r)
		require.NoError(t, err)
	})
}

func TestRecoveryCodes(t *testing.T) {
	code := registry.NewRecoveryCode()
	assert.Regexp(t, `^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`, code.Reveal())
	assert.NotEqual(t, code.Reveal(), registry.NewRecoveryCode().Reveal())
	for _, wrong := range []string{"", "7K2M-9QXR", code.Reveal() + "0", "7K2M-9QXR-0ABC-DEF*", "7K2M-9QXR-0ABC-DEF!"} {
		_, err := registry.ParseRecoveryCode(wrong)
		require.ErrorIs(t, err, registry.ErrRecovery, "%q", wrong)
	}
	typed, err := registry.ParseRecoveryCode("７ｋ２ｍー9qxr oabc lefg")
	require.NoError(t, err)
	assert.Equal(t, "7K2M-9QXR-0ABC-1EFG", typed.Reveal())
}

func TestSecretsAreNotPrinted(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	reserve(t, r, 1)
	code := registry.NewRecoveryCode()
	secret := registry.NewAccount("Pay", "canary-id", "canary-code")
	preview, err := r.Preview(ctx, holder(1), secret)
	require.NoError(t, err)
	assert.Equal(t, "canary-id", preview.AccountID())
	assert.Equal(t, "Pay", preview.Service())
	assert.Equal(t, reserve(t, r, 1).ID, preview.Identifier())
	reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(2), code)
	require.NoError(t, err)
	printed := fmt.Sprintf("%v %+v %s %x", reservation, *reservation, reservation, reservation)
	assert.NotContains(t, printed, reservation.ID.String())
	assert.NotContains(t, printed, "hmac")
	type nested struct {
		code    registry.RecoveryCode
		preview registry.Preview
		proof   registry.RenewalProof
	}
	for _, value := range []any{code, &code, secret, preview, &preview, nested{code, preview, registry.ByRecoveryCode("00000000", code)}} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("it", "value", value)
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		printed := fmt.Sprintf("%v %+v %#v %s %q %x %d", value, value, value, value, value, value, value) + log.String() + string(encoded)
		for _, canary := range []string{"canary", fmt.Sprintf("%x", "canary"), fmt.Sprintf("%d", []byte("canary"))[:20],
			code.Reveal(), strings.ReplaceAll(code.Reveal(), "-", ""), "KANJA"} {
			assert.NotContains(t, printed, canary, "%T", value)
		}
	}
}

// A holder can replace the recovery code with the card.
//
// Faults: F117.
func TestReplaceRecoveryCode(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		old, fresh := registry.NewRecoveryCode(), registry.NewRecoveryCode()
		_, err := r.ReplaceRecoveryCode(ctx, registry.NewOperation(), holder(1), fresh)
		require.ErrorIs(t, err, registry.ErrNotFound)
		reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), old)
		require.NoError(t, err)
		operation := registry.NewOperation()
		for range 2 {
			repeated, err := r.ReplaceRecoveryCode(ctx, operation, holder(1), fresh)
			require.NoError(t, err)
			assert.Equal(t, reservation.ID, repeated.ID)
		}
		_, err = r.ReplaceRecoveryCode(ctx, operation, holder(1), registry.NewRecoveryCode())
		require.ErrorIs(t, err, registry.ErrOperation)
		_, err = r.ReplaceRecoveryCode(ctx, registry.NewOperation(), &proof.Holder{}, fresh)
		require.ErrorIs(t, err, registry.ErrProof)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(2), registry.ByRecoveryCode(reservation.ID, old), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrRecovery)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(2), registry.ByRecoveryCode(reservation.ID, fresh), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = verify(r)
		require.NoError(t, err)
	})
}

// A clerk can merge two identifiers of a holder: the second one is withdrawn, unless it has an
// application.
//
// Faults: F116.
func TestMergeByClerk(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		first := reserve(t, r, 1)
		apply(t, r, 1)
		second := reserve(t, r, 2)
		_, err := r.Renew(ctx, registry.NewOperation(), holder(2), registry.ByClerk(first.ID, "c1"), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrHolderReserved)
		operation := registry.NewOperation()
		for range 2 {
			merged, err := r.Renew(ctx, operation, holder(2), registry.MergeByClerk(first.ID, "c1"), registry.RecoveryCode{})
			require.NoError(t, err)
			assert.Equal(t, first.ID, merged.ID)
			assert.NotNil(t, merged.Application)
		}
		withdrawn, err := r.Lookup(ctx, second.ID)
		require.NoError(t, err)
		assert.Equal(t, registry.Withdrawn, withdrawn.State)
		_, err = r.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrSuperseded)

		reserve(t, r, 3)
		apply(t, r, 3)
		other := reserve(t, r, 4)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(3), registry.MergeByClerk(other.ID, "c1"), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrApplied)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(3), registry.MergeByClerk(other.ID, "a name"), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrClerk)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(5), registry.MergeByClerk(other.ID, "c1"), registry.RecoveryCode{})
		require.NoError(t, err, "a card without a reservation")
		_, err = verify(r)
		require.NoError(t, err)
	})
}

// The hash of a recovery code is bound to its identifier, and is accepted after the keys were
// changed.
//
// Faults: F109.
func TestRecoveryCodesSurviveKeyRotation(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		old, current := generation(t, "points.example", 1), generation(t, "points.example", 2)
		before := openGeneration(t, url, old)
		code := registry.NewRecoveryCode()
		first, err := before.Reserve(ctx, registry.NewOperation(), holder(1), code)
		require.NoError(t, err)
		second, err := before.Reserve(ctx, registry.NewOperation(), holder(2), code)
		require.NoError(t, err)
		stored := rows(t, before, "reservations")
		require.NotEqual(t, stored[0]["recovery"], stored[1]["recovery"], "the same code must have different hashes")
		_, err = before.DB().Exec(`UPDATE reservations SET recovery = $1 WHERE identifier = $2`, before.RecoveryHash(second.ID, code), first.ID.String())
		require.NoError(t, err)
		after := openGeneration(t, url, current, registry.WithOtherGenerations(old))
		_, err = after.Renew(ctx, registry.NewOperation(), holder(3), registry.ByRecoveryCode(first.ID, code), registry.RecoveryCode{})
		require.ErrorIs(t, err, registry.ErrRecovery, "a hash of another reservation")
		_, err = after.Renew(ctx, registry.NewOperation(), holder(3), registry.ByRecoveryCode(second.ID, code), registry.RecoveryCode{})
		require.NoError(t, err)
	})
}
