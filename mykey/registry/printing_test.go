package registry_test

import (
	"crypto/sha256"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/redacttest"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// No exported type prints the secrets or personal data that it contains. The list has every
// exported type of this package.
//
// Faults: F84.
func TestNoTypePrintsSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, "sqlite:"+file)
	code := registry.NewRecoveryCode()
	reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(1), code)
	require.NoError(t, err)
	account := registry.NewAccount("Example Pay", "canary-account", "4649")
	preview, err := r.Preview(ctx, holder(1), account)
	require.NoError(t, err)

	typed := []redacttest.Canary{redacttest.Text("canary-account"), redacttest.Text("4649")}
	person := []redacttest.Canary{
		redacttest.Text(holder(1).Certificate().Subject.CommonName), redacttest.Text(holder(1).Certificate().SerialNumber.String()),
	}
	codes := []redacttest.Canary{
		redacttest.Text(code.Reveal()), redacttest.Text(strings.ReplaceAll(code.Reveal(), "-", "")), redacttest.Text(code.Reveal()[:9]),
	}
	keys := []redacttest.Canary{redacttest.Text(strings.Repeat("\x02", 32)), redacttest.Text(strings.Repeat("\x03", 32))}
	desk := terminal("desk")
	d, err := registry.OpenDesk(ctx, "sqlite:"+file, "points.example", nil, desk)
	require.NoError(t, err)
	defer d.Close()
	secret := sha256.Sum256([]byte("desk"))
	seed := redacttest.Text(string(secret[:]))
	redacttest.Run(t, []redacttest.Type{
		redacttest.Holder(account, typed...),
		redacttest.Holder(preview, append(typed, person...)...),
		redacttest.Holder(code, codes...),
		redacttest.Holder(registry.ByRecoveryCode(reservation.ID, code), codes...),
		redacttest.Holder(*reservation, redacttest.Text("hmac$1")),
		redacttest.Holder(generation(t, "points.example", 1), keys...),
		redacttest.PublicHolder(r, keys...),
		redacttest.PublicHolder(d, seed),
		redacttest.PublicHolder(d.Operator, seed),
		redacttest.Holder(desk, seed),
		redacttest.Holder(registry.Verification{Auditor: desk}, seed),

		redacttest.Plain[registry.Application](), // contains only a sealed account
		redacttest.Plain[registry.AuditError](),
		redacttest.Plain[registry.Count](),
		redacttest.Plain[registry.Enrolled](),
		redacttest.Plain[registry.Head](),
		redacttest.Plain[registry.Heartbeat](),
		redacttest.Plain[registry.Link](), // contains only the service's name
		redacttest.Plain[registry.Operation](),
		redacttest.Plain[registry.Option](),
		redacttest.Plain[registry.Origin](), // contains only a digest and a signature
		redacttest.Plain[registry.Report](),
		redacttest.Plain[registry.Role](),
		redacttest.Plain[registry.State](),
		redacttest.Plain[registry.TerminalKey](), // public
	}, ".")
	proof := redacttest.Holder(registry.ByOldCard(holder(1)), person...)
	t.Run("by the old card", proof.Test)
}
