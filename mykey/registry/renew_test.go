package registry_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
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
		old := holder(1)
		old.Validity = jpki.Expired
		operation := registry.NewOperation()
		second, err := r.Renew(ctx, operation, holder(2), registry.ByOldCard(old), next)
		require.NoError(t, err)
		assert.Equal(t, first.ID, second.ID)
		require.NotNil(t, second.Application)
		again, err := r.Renew(ctx, operation, holder(2), registry.ByOldCard(old), next)
		require.NoError(t, err, "a double tap")
		assert.Equal(t, first.ID, again.ID)
		assert.False(t, again.New)

		_, err = r.Find(ctx, holder(1))
		require.ErrorIs(t, err, registry.ErrSuperseded)
		_, err = r.Reserve(ctx, registry.NewOperation(), holder(1), code)
		require.ErrorIs(t, err, registry.ErrSuperseded, "an old card takes nothing more")
		_, err = r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.ErrorIs(t, err, registry.ErrSuperseded)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(9), registry.ByOldCard(holder(1)), code)
		require.ErrorIs(t, err, registry.ErrSuperseded)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(1), registry.ByOldCard(holder(2)), code)
		require.ErrorIs(t, err, registry.ErrSuperseded)

		// By the code that was given at the renewal; the first one has ended.
		_, err = r.Renew(ctx, registry.NewOperation(), holder(3), registry.ByRecoveryCode(first.ID, code), code)
		require.ErrorIs(t, err, registry.ErrRecovery)
		typed, err := registry.ParseRecoveryCode(strings.ToLower(next.Reveal()))
		require.NoError(t, err)
		operation = registry.NewOperation()
		_, err = r.Renew(ctx, operation, holder(3), registry.ByRecoveryCode(first.ID, typed), registry.RecoveryCode{})
		require.NoError(t, err)
		_, err = r.Renew(ctx, operation, holder(3), registry.ByRecoveryCode(first.ID, typed), registry.RecoveryCode{})
		require.NoError(t, err, "a double tap, after the code has ended")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(4), registry.ByRecoveryCode(first.ID, next), code)
		require.ErrorIs(t, err, registry.ErrRecovery, "a code ends with its use")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(4), registry.ByRecoveryCode(first.ID, registry.RecoveryCode{}), code)
		require.ErrorIs(t, err, registry.ErrRecovery, "no code is not the code of a reservation without one")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(4), registry.ByRecoveryCode("00000000", next), code)
		require.ErrorIs(t, err, registry.ErrRecovery)

		// By a clerk, who is recorded.
		fifth, err := r.Renew(ctx, registry.NewOperation(), holder(5), registry.ByClerk(first.ID, "window-3.0042"), code)
		require.NoError(t, err)
		assert.Equal(t, first.ID, fifth.ID)
		var clerk string
		require.NoError(t, r.DB().QueryRow(`SELECT clerk FROM audit WHERE kind = 'renew-clerk'`).Scan(&clerk))
		assert.Equal(t, "window-3.0042", clerk)
		for _, nobody := range []string{"", "田中", "a b", strings.Repeat("a", 33), "x\n"} {
			_, err = r.Renew(ctx, registry.NewOperation(), holder(6), registry.ByClerk(first.ID, nobody), code)
			require.ErrorIs(t, err, registry.ErrClerk, "%q", nobody)
		}
		_, err = r.Renew(ctx, registry.NewOperation(), holder(6), registry.ByClerk("00000000", "c1"), code)
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = r.Renew(ctx, registry.NewOperation(), holder(6), registry.Proof{}, code)
		require.ErrorIs(t, err, registry.ErrProof, "a new card's proof is none of the old reservation")
		_, err = r.Renew(ctx, registry.NewOperation(), holder(5), registry.ByOldCard(holder(5)), code)
		require.ErrorIs(t, err, registry.ErrProof, "a card is no other")

		_, err = r.VerifyAudit(ctx)
		require.NoError(t, err)
	})
}

// A new card that took something of its own has to give it up first, and can't
// get a second application by that.
func TestRenewWithANewCardThatHasSomething(t *testing.T) {
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
		_, err = r.VerifyAudit(ctx)
		require.NoError(t, err)
	})
}

// Whether an identifier is somebody's, with a code or without, does not show in
// the time that a guess takes: a code is hashed in any case.
func TestGuessesTakeTheSameTime(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	without := reserve(t, r, 1)
	r.HoldHashing()
	for _, id := range []mykey.ID{without.ID, "00000000"} {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		_, err := r.Renew(short, registry.NewOperation(), holder(2), registry.ByRecoveryCode(id, registry.NewRecoveryCode()), registry.RecoveryCode{})
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, "it waits to be hashed")
	}
}

// reading has somebody do something at the first read of randomness.
type reading func()

func (f *reading) Read(b []byte) (int, error) {
	if do := *f; do != nil {
		*f = nil
		do()
	}
	return rand.Read(b)
}

// A code that was replaced after it was compared, while the next one is hashed,
// moves nothing.
func TestACodeThatEndsMeanwhile(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		var meanwhile reading
		here, there := open(t, url, registry.WithRandom(&meanwhile)), open(t, url, registry.WithTerminal("there"))
		code := registry.NewRecoveryCode()
		mine, err := here.Reserve(ctx, registry.NewOperation(), holder(1), code)
		require.NoError(t, err)
		meanwhile = func() {
			_, err := there.Renew(ctx, registry.NewOperation(), holder(2), registry.ByOldCard(holder(1)), registry.NewRecoveryCode())
			require.NoError(t, err)
		}
		_, err = here.Renew(ctx, registry.NewOperation(), holder(3), registry.ByRecoveryCode(mine.ID, code), registry.NewRecoveryCode())
		require.ErrorIs(t, err, registry.ErrRecovery)
		require.Nil(t, meanwhile, "it was done")
		found, err := here.Find(ctx, holder(2))
		require.NoError(t, err)
		assert.Equal(t, mine.ID, found.ID)
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

	for _, stored := range []string{
		"", "$$$$$", "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
	} {
		_, _, _, _, ok := registry.ParseHash(stored)
		assert.False(t, ok, stored)
	}
}

func TestSecretsDoNotPrintThemselves(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	reserve(t, r, 1)
	code := registry.NewRecoveryCode()
	secret := registry.NewAccount("Pay", "canary-id", "canary-code")
	preview, err := r.Preview(ctx, holder(1), secret)
	require.NoError(t, err)
	assert.Equal(t, "canary-id", preview.AccountID())
	assert.Equal(t, "Pay", preview.Service())
	assert.Equal(t, reserve(t, r, 1).ID, preview.Identifier())
	mine, err := r.Reserve(ctx, registry.NewOperation(), holder(2), code)
	require.NoError(t, err)
	printed := fmt.Sprintf("%v %+v %s %x", mine, *mine, mine, mine)
	assert.NotContains(t, printed, mine.ID.String())
	assert.NotContains(t, printed, "argon2id")
	type nested struct {
		code    registry.RecoveryCode
		preview registry.Preview
		proof   registry.Proof
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
