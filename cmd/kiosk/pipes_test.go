//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A pipe in the place of any file that is named is refused at once: nothing waits for
// who writes into it, whatever asks the program to end.
//
// Faults: NEW.
func TestPipesInPlaceOfFiles(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	_, err := runs(t, "operator-keygen", path("private"), path("public"))
	require.NoError(t, err)
	const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	for _, name := range []string{"namespace.key", "registry.key"} {
		require.NoError(t, os.WriteFile(path(name), []byte(key), 0o600))
	}
	pipe := path("pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	flags := []string{
		"--campaign", filepath.Join("campaigns", "demo.toml"), "--registry", "sqlite:" + path("kiosk.db"),
		"--namespace-key", path("namespace.key"), "--registry-key", path("registry.key"), "--operator-key", path("public"),
	}
	for name, args := range map[string][]string{
		"campaign":             {"--campaign", pipe},
		"namespace key":        {"--namespace-key", pipe},
		"registry key":         {"--registry-key", pipe},
		"operator key":         {"--operator-key", pipe},
		"CA certificate":       {"--authority", pipe},
		"database":             {"--registry", "sqlite:" + pipe},
		"database CA":          {"--registry", "postgres://t@127.0.0.1:1/kiosk?sslmode=verify-full&sslrootcert=" + pipe},
		"database certificate": {"--registry", "postgres://t@127.0.0.1:1/kiosk?sslmode=verify-full&sslcert=" + pipe + "&sslkey=" + pipe},
		"database password":    {"--registry", "postgres://t@127.0.0.1:1/kiosk?passfile=" + pipe},
		"database service":     {"--registry", "postgres://t@127.0.0.1:1/kiosk?service=s&servicefile=" + pipe},
		"operator private key": {"applications", "--operator-private-key", pipe},
	} {
		ended := make(chan error, 1)
		go func() {
			_, err := runs(t, append(flags[:len(flags):len(flags)], args...)...)
			ended <- err
		}()
		select {
		case err := <-ended:
			assert.Error(t, err, name)
		case <-time.After(time.Minute):
			assert.Fail(t, "waits", name)
		}
	}
	for _, args := range [][]string{{"operator-keygen", path("new"), pipe}, {"operator-keygen", pipe, path("new")}} {
		_, err := runs(t, args...)
		require.ErrorIs(t, err, os.ErrExist)
		assert.NoFileExists(t, path("new"), "neither key or both")
	}
}
