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

// A pipe in place of a file is rejected at once. The command does not block on it.
//
// Faults: F124.
func TestPipesInPlaceOfFiles(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	done := func(args ...string) {
		t.Helper()
		require.Zero(t, testEnv{}.run(t, args...).exit, args)
	}
	done("operator-keygen", path("private"), path("public"))
	done("terminal-keygen", "counter-1", path("terminal.key"), path("terminals"))
	for name, first := range map[string]string{"namespace.key": "00", "registry.key": "20"} {
		require.NoError(t, os.WriteFile(path(name), []byte(first+"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), 0o600))
	}
	pipe := path("pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	registry := []string{"--campaign", demo, "--registry", "sqlite:" + path("kiosk.db")}
	keys := append(registry[:4:4], "--namespace-key", path("namespace.key"), "--registry-key", path("registry.key"), "--terminal-key", path("terminal.key"))
	terminal := append(keys[:len(keys):len(keys)], "--operator-key", path("public"))
	office := append(registry[:4:4], "--terminals", path("terminals"))
	done(append([]string{"migrate"}, keys[:8]...)...)
	with := func(flags []string, args ...string) []string { return append(args, flags...) }
	for name, args := range map[string][]string{
		"campaign":             append(terminal[:len(terminal):len(terminal)], "--campaign", pipe),
		"namespace key":        append(terminal[:len(terminal):len(terminal)], "--namespace-key", pipe),
		"registry key":         append(terminal[:len(terminal):len(terminal)], "--registry-key", pipe),
		"operator key":         append(terminal[:len(terminal):len(terminal)], "--operator-key", pipe),
		"terminal key":         append(terminal[:len(terminal):len(terminal)], "--terminal-key", pipe),
		"earlier keys":         append(terminal[:len(terminal):len(terminal)], "--other-keys", "2="+pipe+","+pipe),
		"CA certificate":       append(terminal[:len(terminal):len(terminal)], "--ca-certificate", pipe),
		"database":             append(with(office, "audit"), "--registry", "sqlite:"+pipe),
		"terminals":            append(with(registry, "audit"), "--terminals", pipe),
		"heads":                append(with(office, "audit"), "--heads", pipe),
		"operator private key": append(with(office, "applications"), "--terminal-key", path("terminal.key"), "--operator-private-key", pipe),
		"database CA":          append(with(office, "audit"), "--registry", "postgres://t@127.0.0.1:1/kiosk?sslmode=verify-full&sslrootcert="+pipe),
		"database certificate": append(with(office, "audit"), "--registry", "postgres://t@127.0.0.1:1/kiosk?sslmode=verify-full&sslcert="+pipe+"&sslkey="+pipe),
		"database password":    append(with(office, "audit"), "--registry", "postgres://t@127.0.0.1:1/kiosk?passfile="+pipe),
		"database service":     append(with(office, "audit"), "--registry", "postgres://t@127.0.0.1:1/kiosk?service=s&servicefile="+pipe),
	} {
		ended := make(chan outcome, 1)
		go func() { ended <- testEnv{}.run(t, args...) }()
		select {
		case o := <-ended:
			assert.NotZero(t, o.exit, name)
			assert.NotContains(t, o.stderr, "USAGE", name)
		case <-time.After(30 * time.Second): // before the command's own timeout
			assert.Fail(t, "waits", name)
		}
	}
	for _, args := range [][]string{{"operator-keygen", path("new"), pipe}, {"operator-keygen", pipe, path("new")}} {
		require.NotZero(t, testEnv{}.run(t, args...).exit)
		assert.NoFileExists(t, path("new"), "neither key or both")
	}
}
