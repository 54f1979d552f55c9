package registry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/redacttest"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Every exported type of this package is here: with the secrets and personal data
// that it holds, which nothing prints, or among those that hold none.
//
// Faults: F84.
func TestNoTypePrintsWhatItHolds(t *testing.T) {
	r := open(t, engines["sqlite"](t))
	code := registry.NewRecoveryCode()
	mine, err := r.Reserve(ctx, registry.NewOperation(), holder(1), code)
	require.NoError(t, err)
	account := registry.NewAccount("Example Pay", "canary-account", "4649")
	preview, err := r.Preview(ctx, holder(1), account)
	require.NoError(t, err)

	typed := []redacttest.Canary{redacttest.Text("canary-account"), redacttest.Text("4649")}
	person := []redacttest.Canary{
		redacttest.Text(holder(1).Certificate.Subject.CommonName), redacttest.Text(holder(1).Certificate.SerialNumber.String()),
	}
	codes := []redacttest.Canary{
		redacttest.Text(code.Reveal()), redacttest.Text(strings.ReplaceAll(code.Reveal(), "-", "")), redacttest.Text(code.Reveal()[:9]),
	}
	keys := []redacttest.Canary{redacttest.Text(strings.Repeat("\x02", 32)), redacttest.Text(strings.Repeat("\x03", 32))}
	redacttest.Run(t, []redacttest.Type{
		redacttest.Holder(account, typed...),
		redacttest.Holder(preview, append(typed, person...)...),
		redacttest.Holder(code, codes...),
		redacttest.Holder(registry.ByRecoveryCode(mine.ID, code), codes...),
		redacttest.Holder(*mine, redacttest.Text("argon2id")),
		redacttest.Holder(generation(t, "points.example", 1), keys...),
		redacttest.PublicHolder(r, keys...),

		redacttest.Plain[registry.Application](), // the account in it is sealed
		redacttest.Plain[registry.AuditError](),
		redacttest.Plain[registry.Head](),
		redacttest.Plain[registry.Link](), // the account in it is the service's name alone
		redacttest.Plain[registry.Operation](),
		redacttest.Plain[registry.Option](),
		redacttest.Plain[registry.State](),
	}, ".")
	proof := redacttest.Holder(registry.ByOldCard(holder(1)), person...)
	t.Run("by the old card", proof.Test)
}
