package pki

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var today = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

func options(hosts ...string) Options { return Options{Hosts: hosts, Now: today} }

// content returns the files of a server's folder.
func content(t *testing.T, folder string) map[File]string {
	t.Helper()
	files := map[File]string{}
	entries, err := os.ReadDir(filepath.Join(folder, keysFolder))
	require.NoError(t, err)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		assert.EqualValues(t, 0o600, info.Mode().Perm(), e.Name())
		text, err := os.ReadFile(filepath.Join(folder, keysFolder, e.Name()))
		require.NoError(t, err)
		files[File(e.Name())] = string(text)
	}
	return files
}

func leaf(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(text), []byte(text))
	require.NoError(t, err)
	return pair.Leaf
}

// Init makes everything that a server needs, and never overwrites anything.
func TestInit(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "server")
	made, err := Init(folder, options("server.example", "192.0.2.7", "2001:db8::7"))
	require.NoError(t, err)
	files := content(t, folder)
	assert.Equal(t, []File{CAKey, CACertificate, DeskKey, DeskPublic, NamespaceKey, RegistryKey, ServerKey, ServerCertificate, ServerPublic}, slices.Sorted(maps.Keys(files)))

	ca, err := ReadCA(folder)
	require.NoError(t, err)
	server := leaf(t, files[ServerCertificate])
	require.NoError(t, server.CheckSignatureFrom(ca.Certificate()))
	assert.Equal(t, []string{"server.example", "192.0.2.7", "2001:db8::7"}, Hosts(server))
	assert.Equal(t, today.AddDate(0, 13, 0), server.NotAfter)
	namespaceKey, err := mykey.ParseKey([]byte(files[NamespaceKey]))
	require.NoError(t, err)
	registryKey, err := mykey.ParseKey([]byte(files[RegistryKey]))
	require.NoError(t, err)
	assert.Equal(t, Made{"server.example", namespaceKey.ID(), registryKey.ID()}, made)
	assert.NotEqual(t, namespaceKey.ID(), registryKey.ID())
	chain, err := registry.ParseTerminal([]byte(files[ServerKey]))
	require.NoError(t, err)
	assert.Equal(t, chain.Public().String()+"\n", files[ServerPublic])
	desk, err := registry.ParseTerminal([]byte(files[DeskKey]))
	require.NoError(t, err)
	assert.Equal(t, "server.example-desk", desk.Name(), "it does not wait for the server's chain")
	assert.Equal(t, desk.Public().String()+"\n", files[DeskPublic])

	_, err = Init(folder, options("other.example"))
	require.ErrorIs(t, err, fs.ErrExist)
	assert.Equal(t, files, content(t, folder))
}

// An Init that was killed leaves nothing that a server would use, and the next one removes what it
// left.
func TestInitAfterAKill(t *testing.T) {
	folder := t.TempDir()
	left := filepath.Join(folder, ".keys.KILLED")
	require.NoError(t, os.Mkdir(left, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(left, string(CAKey)), []byte("half of a k"), 0o600))
	_, err := ReadCA(folder)
	require.ErrorIs(t, err, ErrFolder)
	_, err = Init(folder, options("server.example"))
	require.NoError(t, err)
	assert.NoDirExists(t, left)
}

// A second server of a fleet shares the CA and the keys of the first, and has a certificate and a
// key for its audit records of its own.
func TestInitFromAnotherServer(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	_, err := Init(first, options("first.example"))
	require.NoError(t, err)
	o := options("second.example")
	o.From, o.Name = first, "second"
	made, err := Init(second, o)
	require.NoError(t, err)
	assert.Equal(t, "second", made.Name)
	one, two := content(t, first), content(t, second)
	for _, same := range []File{CACertificate, CAKey, NamespaceKey, RegistryKey} {
		assert.Equal(t, one[same], two[same], same)
	}
	for _, own := range []File{ServerCertificate, ServerKey, ServerPublic, DeskKey, DeskPublic} {
		assert.NotEqual(t, one[own], two[own], own)
	}
	o.From = t.TempDir()
	_, err = Init(t.TempDir(), o)
	require.ErrorIs(t, err, ErrFolder)
}

// Init rejects names that no client or registry would accept, and makes nothing.
func TestInitRejectsNames(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "server")
	for _, c := range []struct {
		o    Options
		want error
	}{
		{options(), registry.ErrTerminal},
		{options("a b"), registry.ErrTerminal},
		{options("server.example", "*.example"), fleettls.ErrHost},
		{Options{Name: "server"}, fleettls.ErrHost},
		{Options{Name: strings.Repeat("x", 60), Hosts: []string{"server.example"}}, registry.ErrTerminal},
		{Options{Name: "a b", Hosts: []string{"server.example"}}, registry.ErrTerminal},
	} {
		_, err := Init(folder, c.o)
		require.ErrorIs(t, err, c.want, "%+v", c.o)
	}
	assert.NoDirExists(t, folder)
}

// Renew replaces the certificate and its key for the same names or for new ones, and nothing else.
func TestRenew(t *testing.T) {
	folder := t.TempDir()
	_, err := Init(folder, options("server.example", "192.0.2.7"))
	require.NoError(t, err)
	before := content(t, folder)
	later := today.AddDate(1, 0, 0)
	renewed, err := Renew(folder, nil, later)
	require.NoError(t, err)
	after := content(t, folder)
	assert.Equal(t, renewed.Raw, leaf(t, after[ServerCertificate]).Raw)
	assert.Equal(t, []string{"server.example", "192.0.2.7"}, Hosts(renewed))
	assert.Equal(t, later.AddDate(0, 13, 0), renewed.NotAfter)
	assert.NotEqual(t, leaf(t, before[ServerCertificate]).PublicKey, renewed.PublicKey)
	before[ServerCertificate] = after[ServerCertificate]
	assert.Equal(t, before, after)
	renewed, err = Renew(folder, []string{"new.example"}, later)
	require.NoError(t, err)
	assert.Equal(t, []string{"new.example"}, Hosts(renewed))

	_, err = Renew(folder, []string{"*"}, later)
	require.ErrorIs(t, err, fleettls.ErrHost)
	_, err = Renew(folder, nil, today.AddDate(10, 0, 0))
	require.ErrorIs(t, err, fleettls.ErrLifetime)
	_, err = Renew(t.TempDir(), nil, today)
	require.ErrorIs(t, err, ErrFolder)
}
