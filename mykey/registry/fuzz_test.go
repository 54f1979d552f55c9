package registry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// ParseRecoveryCode accepts what Reveal returns, and every accepted text has that form.
func FuzzParseRecoveryCode(f *testing.F) {
	for _, text := range []string{"7K2M-9QXR-0ABC-DEFG", "７ｋ２ｍー９ｑｘｒ oabc defg", "", "7K2M-9QXR", "7K2M-9QXR-0ABC-DEF*", "\xff", strings.Repeat("-", 300)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, err := registry.ParseRecoveryCode(text)
		if err != nil {
			require.ErrorIs(t, err, registry.ErrRecovery)
			require.Empty(t, code.Reveal())
			return
		}
		require.Regexp(t, `^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`, code.Reveal())
		parsed, err := registry.ParseRecoveryCode(code.Reveal())
		require.NoError(t, err)
		require.Equal(t, code.Reveal(), parsed.Reveal())
	})
}

// ParseOperation accepts what String returns, and nothing else except upper case.
func FuzzParseOperation(f *testing.F) {
	f.Add(registry.NewOperation().String())
	f.Add(strings.Repeat("0", 32))
	f.Add(strings.Repeat("z", 32))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		operation, err := registry.ParseOperation(text)
		if err != nil {
			require.ErrorIs(t, err, registry.ErrOperation)
			require.Zero(t, operation)
			return
		}
		require.NotZero(t, operation)
		require.Equal(t, strings.ToLower(text), operation.String())
	})
}

// Open returns a valid account or ErrSealed for anything that was encrypted with the
// operator's public key.
func FuzzOpen(f *testing.F) {
	f.Add(make([]byte, registry.PlainLength), false)
	f.Add(append([]byte{1, 'a', 1, 'b'}, make([]byte, registry.PlainLength-4)...), false)
	f.Add([]byte{255, 255}, false)
	f.Add([]byte("not sealed"), true)
	f.Fuzz(func(t *testing.T, plain []byte, raw bool) {
		a := registry.Application{ID: "7K2M9QXR", Namespace: "points.example", Service: "Pay", Sealed: plain}
		if !raw {
			var err error
			a.Sealed, err = registry.SealBytes(operator.PublicKey(), a.Namespace, a.ID, a.Service, plain)
			require.NoError(t, err)
		}
		account, err := a.Open(operator)
		if err != nil {
			require.ErrorIs(t, err, registry.ErrSealed)
			require.Zero(t, account)
			return
		}
		require.Equal(t, "Pay", account.Service())
		require.NotEmpty(t, account.ID())
		require.LessOrEqual(t, len(account.ID()), 128)
		require.LessOrEqual(t, len(account.Code()), 64)
	})
}
