package registry_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

func applications(t testing.TB, r *registry.Registry) (list []registry.Application) {
	t.Helper()
	list, errs := export(t, r)
	require.Empty(t, errs)
	return list
}

func TestApply(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		_, err := r.Preview(ctx, holder(1), account(1))
		require.ErrorIs(t, err, registry.ErrNotFound)
		reservation := reserve(t, r, 1)

		preview, err := r.Preview(ctx, holder(1), account(1))
		require.NoError(t, err)
		assert.Empty(t, applications(t, r), "a preview must not write")
		operation := registry.NewOperation()
		applied, err := r.Confirm(ctx, operation, preview)
		require.NoError(t, err)
		assert.Equal(t, reservation.ID, applied.ID)
		require.NotNil(t, applied.Application)
		assert.Equal(t, "Example Pay", applied.Application.Service)
		assert.True(t, applied.Application.Applied.Equal(today))

		repeated, err := r.Confirm(ctx, operation, preview)
		require.NoError(t, err, "a double submit")
		assert.True(t, repeated.Application.Applied.Equal(today))
		_, err = r.Confirm(ctx, registry.NewOperation(), preview)
		require.ErrorIs(t, err, registry.ErrApplied, "repeated with another operation")
		_, err = r.Preview(ctx, holder(1), account(2))
		require.ErrorIs(t, err, registry.ErrApplied, "an application can't be changed")

		list := applications(t, r)
		require.Len(t, list, 1)
		assert.Equal(t, reservation.ID, list[0].ID)
		opened, err := list[0].Open(operator)
		require.NoError(t, err)
		assert.Equal(t, parts(account(1)), parts(opened))

		_, err = r.Confirm(ctx, registry.NewOperation(), registry.Preview{})
		require.ErrorIs(t, err, registry.ErrAccount, "an empty preview")
		_, err = verify(r)
		require.NoError(t, err)
	})
}

// A used account is rejected before anything is written, however it is typed, also if it was
// used between preview and confirmation.
func TestAccountsAreUsedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		for n := range 4 {
			reserve(t, r, n)
		}
		early, err := r.Preview(ctx, holder(2), account(1))
		require.NoError(t, err)
		apply(t, r, 1)
		heads, err := verify(r)
		require.NoError(t, err)
		for _, typed := range []string{"user-000001", "USER-000001", " user 000001", "ｕｓｅｒー０００００１", "user\u200b000001"} {
			_, err := r.Preview(ctx, holder(3), registry.NewAccount("Example Pay", typed, "x"))
			require.ErrorIs(t, err, registry.ErrAccountUsed, "%q", typed)
		}
		_, err = r.Confirm(ctx, registry.NewOperation(), early)
		require.ErrorIs(t, err, registry.ErrAccountUsed, "used between preview and confirmation")
		after, err := verify(r)
		require.NoError(t, err)
		assert.Equal(t, heads, after, "nothing must be written")

		_, err = r.Preview(ctx, holder(3), registry.NewAccount("Another Pay", account(1).ID(), ""))
		require.NoError(t, err, "IDs of different services are independent")
	})
}

// Confirm checks the proof again, because the preview may come from another registry.
func TestConfirmChecksProof(t *testing.T) {
	url := engines["sqlite"](t)
	strict, lenient := open(t, url), open(t, url, registry.AcceptIssuers(trust.IssuerSimulator))
	someone := simulated(1)
	_, err := lenient.Reserve(ctx, registry.NewOperation(), someone, registry.RecoveryCode{})
	require.NoError(t, err)
	preview, err := lenient.Preview(ctx, someone, account(1))
	require.NoError(t, err)
	_, err = strict.Confirm(ctx, registry.NewOperation(), preview)
	require.ErrorIs(t, err, registry.ErrProof)
}

// If the holder withdraws and reserves again after the preview, Confirm does not link the new
// identifier.
func TestConfirmRejectsChangedReservations(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		preview, err := r.Preview(ctx, holder(1), account(1))
		require.NoError(t, err)
		_, err = r.Withdraw(ctx, registry.NewOperation(), holder(1))
		require.NoError(t, err)
		_, err = r.Confirm(ctx, registry.NewOperation(), preview)
		require.ErrorIs(t, err, registry.ErrWithdrawn)
		reserve(t, r, 1)
		_, err = r.Confirm(ctx, registry.NewOperation(), preview)
		require.ErrorIs(t, err, registry.ErrWithdrawn)
		assert.Empty(t, applications(t, r))
	})
}

func TestInvalidAccounts(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	reserve(t, r, 1)
	for name, a := range map[string]registry.Account{
		"zero":         {},
		"no service":   registry.NewAccount("", "a", ""),
		"no ID":        registry.NewAccount("Pay", "", ""),
		"blank ID":     registry.NewAccount("Pay", " - \u200b", ""),
		"long service": registry.NewAccount(strings.Repeat("a", 65), "a", ""),
		"long ID":      registry.NewAccount("Pay", strings.Repeat("a", 129), ""),
		"long code":    registry.NewAccount("Pay", "a", strings.Repeat("a", 65)),
		"not UTF-8":    registry.NewAccount("Pay", "\xff", ""),
		"NUL":          registry.NewAccount("Pay", "a\x00", ""),
		"line end":     registry.NewAccount("Pay", "a", "1\n"),
	} {
		_, err := r.Preview(ctx, holder(1), a)
		require.ErrorIs(t, err, registry.ErrAccount, name)
	}
	longest := registry.NewAccount(strings.Repeat("s", 64), strings.Repeat("i", 128), strings.Repeat("c", 64))
	preview, err := r.Preview(ctx, holder(1), longest)
	require.NoError(t, err)
	_, err = r.Confirm(ctx, registry.NewOperation(), preview)
	require.NoError(t, err)
	opened, err := applications(t, r)[0].Open(operator)
	require.NoError(t, err)
	assert.Equal(t, parts(longest), parts(opened))
}

func TestSealedAccountsAreBoundToOperatorAndApplication(t *testing.T) {
	url := engines["sqlite"](t)
	r := open(t, url)
	for n := range 2 {
		reserve(t, r, n)
		apply(t, r, n)
	}
	list := applications(t, r)
	require.Len(t, list, 2)
	assert.Equal(t, len(list[0].Sealed), len(list[1].Sealed), "sealed accounts must have the same length")
	moved := list[0]
	moved.Sealed = list[1].Sealed
	_, err := moved.Open(operator)
	require.ErrorIs(t, err, registry.ErrSealed)
	altered := list[0]
	altered.Sealed = bytes.Clone(altered.Sealed)
	altered.Sealed[len(altered.Sealed)-1] ^= 1
	_, err = altered.Open(operator)
	require.ErrorIs(t, err, registry.ErrSealed)
	private, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{8}, 32))
	require.NoError(t, err)
	other, err := hpke.NewDHKEMPrivateKey(private)
	require.NoError(t, err)
	_, err = list[0].Open(other)
	require.ErrorIs(t, err, registry.ErrSealed)

	reserve(t, r, 2)
	without, err := registry.Open(ctx, url, terminal(nextName()), generation(t, "points.example", 1))
	require.NoError(t, err)
	defer without.Close()
	_, err = without.Preview(ctx, holder(2), account(2))
	require.ErrorIs(t, err, registry.ErrNoOperator)
}

// SQL and HTML in any field is stored as text.
func TestHostileText(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		for i, text := range []string{
			`'; DROP TABLE reservations; --`, `" OR 1=1 --`, `$1`, `?1`, `<script>alert(1)</script>`, `&lt;b&gt;`, `\'; SELECT pg_sleep(9)`, `%s%n`, `{{.}}`,
		} {
			g := generation(t, "points "+text, 1)
			r := openGeneration(t, url, g)
			code, err := registry.ParseRecoveryCode(text)
			require.ErrorIs(t, err, registry.ErrRecovery)
			_, err = registry.ParseOperation(text)
			require.ErrorIs(t, err, registry.ErrOperation)
			reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(i), code)
			require.NoError(t, err)
			assert.Equal(t, g.Namespace.Name(), reservation.Namespace)

			a := registry.NewAccount("S"+text, "I"+text, "C"+text)
			preview, err := r.Preview(ctx, holder(i), a)
			require.NoError(t, err)
			applied, err := r.Confirm(ctx, registry.NewOperation(), preview)
			require.NoError(t, err)
			assert.Equal(t, a.Service(), applied.Application.Service)
			list := applications(t, r)
			require.Len(t, list, 1)
			opened, err := list[0].Open(operator)
			require.NoError(t, err)
			assert.Equal(t, parts(a), parts(opened))

			for _, id := range []mykey.ID{reservation.ID + "' OR '1'='1", "\xff", "a\x00", ""} {
				_, err = r.Lookup(ctx, id)
				require.ErrorIs(t, err, registry.ErrNotFound)
			}
			_, err = r.Renew(ctx, registry.NewOperation(), holder(100+i), registry.ByClerk(reservation.ID, text), code)
			require.ErrorIs(t, err, registry.ErrClerk)
			_, err = registry.GenerateTerminal(text)
			require.ErrorIs(t, err, registry.ErrTerminal)
			_, err = verify(r, registry.Head{Chain: text, Number: 1})
			require.ErrorIs(t, err, registry.ErrAudit)
			_, err = verify(r)
			require.NoError(t, err)
		}
	})
}

// The database contains no part of a certificate, an account or a code in the clear.
func TestDatabaseContainsNoPersonalData(t *testing.T) {
	file := t.TempDir() + "/registry.db"
	r := open(t, "sqlite:"+file)
	code := registry.NewRecoveryCode()
	_, err := r.Reserve(ctx, registry.NewOperation(), holder(1), code)
	require.NoError(t, err)
	a := registry.NewAccount("Example Pay", "canaryaccount", "canarycode")
	preview, err := r.Preview(ctx, holder(1), a)
	require.NoError(t, err)
	_, err = r.Confirm(ctx, registry.NewOperation(), preview)
	require.NoError(t, err)
	_, err = r.Renew(ctx, registry.NewOperation(), holder(2), registry.ByOldCard(holder(1)), registry.NewRecoveryCode())
	require.NoError(t, err)

	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(file + suffix)
		require.NoError(t, err)
		all = append(all, b...)
		info, err := os.Stat(file + suffix)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), suffix)
	}
	require.Contains(t, string(all), "Example Pay", "the test must find text in the file")
	certificate := holder(1).Certificate()
	for _, personal := range [][]byte{
		[]byte("canary"), []byte(code.Reveal()), []byte(strings.ReplaceAll(code.Reveal(), "-", "")),
		certificate.RawSubjectPublicKeyInfo, certificate.SerialNumber.Bytes(), []byte(certificate.SerialNumber.String()),
		[]byte(certificate.Subject.CommonName), fmt.Appendf(nil, "%x", certificate.RawSubjectPublicKeyInfo),
	} {
		assert.False(t, bytes.Contains(all, personal), "%q", personal)
	}
}

// The request digest contains neither the account nor the security code, which could be
// guessed with a terminal's keys. The same operation with another account is rejected
// nevertheless.
//
// Faults: F107.
func TestRequestDigestOmitsTheAccount(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		r := open(t, url)
		reserve(t, r, 1)
		confirm := func(operation registry.Operation, id, code string) error {
			preview, err := r.Preview(ctx, holder(1), registry.NewAccount("Example Pay", id, code))
			if err != nil {
				return err
			}
			_, err = r.Confirm(ctx, operation, preview)
			return err
		}
		previews := map[string]registry.Preview{}
		for _, id := range []string{"123456", "654321"} {
			p, err := r.Preview(ctx, holder(1), registry.NewAccount("Example Pay", id, "4649"))
			require.NoError(t, err)
			previews[id] = p
		}
		operation := registry.NewOperation()
		require.NoError(t, confirm(operation, "123456", "4649"))
		request := func() string {
			for _, row := range rows(t, r, "audit") {
				if row["kind"] == "apply" {
					return row["request"]
				}
			}
			return ""
		}
		g := generation(t, "points.example", 1)
		reservation := reserve(t, r, 1)
		for _, parts := range [][]string{{"123456"}, {"123456", "4649"}, {"4649"}} {
			assert.NotEqual(t, request(), r.Request(g, "apply", holder(1), reservation.ID, parts...), parts)
		}
		assert.Equal(t, request(), r.Request(g, "apply", holder(1), reservation.ID), "the test must compute the digest correctly")
		_, err := r.Confirm(ctx, operation, previews["123456"])
		require.NoError(t, err)
		_, err = r.Confirm(ctx, operation, previews["654321"])
		require.ErrorIs(t, err, registry.ErrOperation)
	})
}
