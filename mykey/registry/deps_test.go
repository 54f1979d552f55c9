package registry_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Packages that do not use the registry do not import its dependencies.
func TestOtherPackagesDoNotImportDatabases(t *testing.T) {
	const module = "github.com/mykeykit/mykeykit/"
	ours := func(packages ...string) []string {
		out, err := exec.Command("go", append([]string{"list", "-deps"}, packages...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.Fields(string(out))
	}
	forbidden := func(list []string) (found []string) {
		for _, name := range list {
			for _, prefix := range []string{"database/sql", "modernc.org/", "github.com/jackc/", "github.com/pressly/", module + "mykey/registry"} {
				if strings.HasPrefix(name, prefix) {
					found = append(found, name)
				}
			}
		}
		return found
	}
	assert.Empty(t, forbidden(ours(module+"apdu", module+"jpki", module+"mykey", module+"reader", module+"reader/pcsc",
		module+"reader/simulator", module+"reader/simulator/vpcd", module+"cmd/card-info")))
	own := ours(module + "mykey/registry")
	assert.NotEmpty(t, forbidden(own), "the test must find dependencies")
	for _, name := range own {
		assert.False(t, strings.HasPrefix(name, module+"reader"), name)
		assert.False(t, strings.HasPrefix(name, module+"cmd"), name)
	}
}
