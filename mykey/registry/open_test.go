package registry_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

func TestOpenRejectsInvalidArguments(t *testing.T) {
	valid := generation(t, "points.example", 1)
	url := engines["sqlite"](t)
	for name, tt := range map[string]struct {
		url     string
		g       registry.Generation
		options []registry.Option
		want    error
	}{
		"no URL":             {"", valid, nil, registry.ErrURL},
		"another scheme":     {"mysql://localhost", valid, nil, registry.ErrURL},
		"no file":            {"sqlite:", valid, nil, registry.ErrURL},
		"memory":             {"sqlite::memory:", valid, nil, registry.ErrURL},
		"no such directory":  {"sqlite:/nonexistent/registry.db", valid, nil, registry.ErrUnavailable},
		"malformed postgres": {"postgres://user:secret@host:port/", valid, nil, registry.ErrURL},
		"ambiguous password": {"postgres://user:x/secret@y@host/database", valid, nil, registry.ErrURL},
		"escaped password":   {"postgres://user:%zzsecret@host/database", valid, nil, registry.ErrURL},
		"no number":          {url, registry.Generation{Namespace: valid.Namespace, Key: valid.Key}, nil, mykey.ErrKey},
		"no namespace":       {url, registry.Generation{Number: 1, Key: valid.Key}, nil, mykey.ErrKey},
		"no key":             {url, registry.Generation{Number: 1, Namespace: valid.Namespace}, nil, mykey.ErrKey},
		"duplicate number":   {url, valid, []registry.Option{registry.WithOtherGenerations(valid)}, mykey.ErrKey},
		"another namespace":  {url, valid, []registry.Option{registry.WithOtherGenerations(generation(t, "other", 2))}, mykey.ErrKey},
		"no tables":          {url, valid, []registry.Option{registry.WithoutMigrations()}, registry.ErrSchema},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Open(ctx, tt.url, terminal(nextName()), tt.g, tt.options...)
			require.ErrorIs(t, err, tt.want)
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "secret")
		})
	}
}

// With WithoutMigrations, a mistyped file name is an error and leaves no file behind.
//
// Faults: F99.
func TestOpenWithoutMigrationsCreatesNothing(t *testing.T) {
	folder := t.TempDir()
	_, err := registry.Open(ctx, "sqlite:"+filepath.Join(folder, "mistyped.db"), terminal(nextName()), generation(t, "points.example", 1), registry.WithoutMigrations())
	require.ErrorIs(t, err, registry.ErrSchema)
	require.NotErrorIs(t, err, registry.ErrUnavailable, "a terminal would wait for it")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// Terminals can start at the same time with an empty database. A database of another
// version is rejected.
func TestConcurrentMigrations(t *testing.T) {
	t.Parallel() // it mostly waits
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
		for development := 1; development <= 2; development++ {
			_, err = r.DB().Exec(`UPDATE mykeykit_registry_versions SET version_id = $1 WHERE version_id > 0`, development)
			require.NoError(t, err)
			_, err = registry.Open(ctx, url, terminal(nextName()), g)
			require.ErrorIs(t, err, registry.ErrSchema, "the tables of development version %d", development)
		}
	})
}
