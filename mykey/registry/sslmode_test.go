package registry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Connections to other machines are encrypted and the server's certificate is verified, unless
// the URL itself disables that. The environment and service files can't disable it.
//
// Faults: F100.
func TestEncryption(t *testing.T) {
	services := filepath.Join(t.TempDir(), "services")
	require.NoError(t, os.WriteFile(services, []byte("[far]\nhost=db.example\nsslmode=disable\n"), 0o600))
	for _, variable := range []string{"PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE", "PGSSLROOTCERT", "PGSSLNEGOTIATION"} {
		t.Setenv(variable, "") // restored after the test
	}
	t.Setenv("HOME", t.TempDir())
	type env map[string]string
	for _, test := range []struct {
		url  string
		env  env
		want string // "" if the URL is rejected
	}{
		{url: "postgres://u:p@db.example/d", want: "verified"},
		{url: "postgresql://db.example", want: "verified"},
		{url: "postgres://db.example?sslmode=", want: "verified"},
		{url: "postgres://db.example:5433/d?connect_timeout=3", want: "verified"},
		{url: "postgres://192.0.2.7/d", want: "verified"},
		{url: "postgres://[2001:db8::7]:5432/d", want: "verified"},
		{url: "postgres://0.0.0.0/d", want: "verified"},
		{url: "postgres://localhost.example/d", want: "verified"},
		{url: "postgres://127.0.0.1.example/d", want: "verified"},
		{url: "postgres://a.example,b.example/d", want: "verified"},
		{url: "postgres://localhost,b.example/d", want: "verified"},
		{url: "postgres://127.0.0.1:5432,192.0.2.7:5432/d", want: "verified"},
		{url: "postgres:///d?host=db.example", want: "verified"},
		{url: "postgres://u:pass?sslmode=disable@db.example/d", want: "verified"},
		{url: "postgres://u:p@db.example/sslmode=disable", want: "verified"},
		{url: "postgres://db.example/d?application_name=sslmode%3Ddisable", want: "verified"},
		{url: "postgres://db.example/d?sslmode=disable&sslmode=verify-full", want: "verified"},
		{url: "postgres://db.example/d?sslmode=verify-full", want: "verified"},
		{url: "postgres://db.example/d", env: env{"PGSSLMODE": "disable"}, want: "verified"},
		{url: "postgres://db.example/d", env: env{"PGSSLMODE": "prefer"}, want: "verified"},
		{url: "postgres://db.example/d", env: env{"PGSSLMODE": "require"}, want: "verified"},
		{url: "postgres:///d", env: env{"PGHOST": "db.example"}, want: "verified"},
		{url: "postgres:///d", env: env{"PGHOST": "db.example", "PGSSLMODE": "disable"}, want: "verified"},
		{url: "postgres:///d?service=far&servicefile=" + services, want: "verified"},
		{url: "postgres:///d?servicefile=" + services, env: env{"PGSERVICE": "far"}, want: "verified"},
		{url: "postgres://db.example/d", env: env{"PGSSLNEGOTIATION": "direct"}, want: "verified"},

		{url: "postgres://db.example/d?sslmode=verify-ca", want: "encrypted"},
		{url: "postgres://db.example/d?sslmode=require", want: "encrypted"},
		{url: "postgres://db.example/d?ssl=true", want: "encrypted"},
		{url: "postgres://db.example/d?ssl%6Dode=require", want: "encrypted"},
		{url: "postgres://db.example/d?sslmode=disable", want: "clear"},
		{url: "postgres://db.example/d?sslmode=disable", env: env{"PGSSLMODE": "verify-full"}, want: "clear"},
		{url: "postgres://db.example/d?sslmode=require&sslmode=disable", want: "clear"},

		{url: "postgres://db.example/d?sslmode=prefer"},
		{url: "postgres://db.example/d?sslmode=allow"},
		{url: "postgres://db.example/d?sslmode=disable&sslmode=prefer"},
		{url: "postgres://db.example/d?sslmode=prefer&sslnegotiation=direct"},
		{url: "postgres://localhost,db.example/d?sslmode=allow"},
		{url: "postgres://db.example/d?ssl=true&ssl=false"},
		{url: "postgres://db.example/d?sslmode=verified"},
		{url: "postgres://db.example/d?sslmode=Disable"},

		{url: "postgres://localhost/d", want: "mixed"},
		{url: "postgres://LocalHost/d", want: "mixed"},
		{url: "postgres://127.0.0.1/d", want: "mixed"},
		{url: "postgres://127.3.2.1,[::1]/d", want: "mixed"},
		{url: "postgres:///d?host=/run/postgresql", want: "clear"},
		{url: "postgres://%2Frun%2Fpostgresql/d", want: "clear"},
		{url: "postgres://localhost/d?sslmode=prefer", want: "mixed"},
		{url: "postgres://localhost/d?sslmode=disable", want: "clear"},
		{url: "postgres://localhost/d?sslmode=verify-full", want: "verified"},
		{url: "postgres://localhost/d", env: env{"PGSSLMODE": "disable"}, want: "clear"},
	} {
		t.Run(test.url, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			got, err := registry.Encryption(test.url)
			if test.want != "" {
				require.NoError(t, err)
				assert.Equal(t, test.want, got)
				return
			}
			require.ErrorIs(t, err, registry.ErrURL)
			_, err = registry.Open(ctx, test.url, terminal(nextName()), generation(t, "points.example", 1))
			require.ErrorIs(t, err, registry.ErrURL)
			for _, mode := range []string{"=prefer", "=allow"} {
				if strings.Contains(test.url, mode) {
					assert.ErrorContains(t, err, "sslmode=verify-full", "the error must name the fix")
				}
			}
		})
	}
}
