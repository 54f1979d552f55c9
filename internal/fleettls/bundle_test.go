package fleettls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/redacttest"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

func reveal(t *testing.T, b Bundle) []byte {
	t.Helper()
	text, err := b.RevealText()
	require.NoError(t, err)
	return text
}

// A bundle survives being written and read, and its key signs as a terminal of the registry.
func TestBundle(t *testing.T) {
	b := newBundle(t, newCA(t), "counter-1", registry.RoleTerminal, today)
	read, err := ParseBundle(append([]byte("# counter-1\n"), reveal(t, b)...))
	require.NoError(t, err)
	assert.Equal(t, b.Identity(), read.Identity())
	assert.Equal(t, reveal(t, b), reveal(t, read))
	terminal, err := read.Terminal()
	require.NoError(t, err)
	assert.Equal(t, registry.TerminalKey{Name: "counter-1", Key: b.Identity().Key}, terminal.Public())
	require.NoError(t, read.ValidAt(today))
	require.ErrorIs(t, read.ValidAt(read.NotAfter().Add(1)), ErrExpired)
}

// A text that is not exactly a bundle is rejected, with an error that does not quote it.
func TestParseBundleRejects(t *testing.T) {
	ca := newCA(t)
	b, other := newBundle(t, ca, "counter-1", registry.RoleTerminal, today), newBundle(t, ca, "counter-2", registry.RoleTerminal, today)
	text := string(reveal(t, b))
	block := func(text string, n int) string {
		var found []string
		for rest := []byte(text); len(rest) > 0; {
			p, after := pem.Decode(rest)
			found, rest = append(found, string(pem.EncodeToMemory(p))), after
		}
		return found[n]
	}
	key, own, caText := block(text, 0), block(text, 1), block(text, 2)
	server, err := ca.NewServer([]string{"server.example"}, today)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":                {"", ErrBundle},
		"words":                  {"a bundle", ErrBundle},
		"only the key":           {key, ErrBundle},
		"no CA certificate":      {key + own, ErrBundle},
		"no key":                 {own + caText, ErrBundle},
		"another order":          {own + key + caText, ErrBundle},
		"two keys":               {key + key + own + caText, ErrBundle},
		"another's key":          {block(string(reveal(t, other)), 0) + own + caText, ErrBundle},
		"another's certificate":  {key + block(string(reveal(t, other)), 1) + caText, ErrBundle},
		"a terminal as CA":       {key + own + own, ErrBundle},
		"words between":          {key + "and\n" + own + caText, ErrBundle},
		"words after":            {text + "end", ErrBundle},
		"cut off":                {text[:len(text)-40], ErrBundle},
		"a damaged certificate":  {key + strings.Replace(own, "MII", "!!!", 1) + caText, ErrBundle},
		"a malformed one":        {key + string(pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: []byte{0x30, 0}})) + caText, ErrBundle},
		"a server's certificate": {string(server) + caText, ErrIdentity},
	} {
		_, err := ParseBundle([]byte(c.text))
		require.ErrorIs(t, err, c.want, name)
		assert.NotContains(t, err.Error(), "MC4CAQ", name)
	}
}

// A bundle is not printed with its key, and neither is a CA.
func TestBundleIsNotPrinted(t *testing.T) {
	ca := newCA(t)
	b := newBundle(t, ca, "counter-1", registry.RoleTerminal, today)
	assert.Equal(t, "[bundle of terminal counter-1]", b.String())
	scalar := func(key crypto.Signer) redacttest.Canary {
		raw, err := key.(*ecdsa.PrivateKey).Bytes()
		require.NoError(t, err)
		return redacttest.Text(string(raw))
	}
	text, err := ca.NewServer([]string{"server.example"}, today)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "server.pem")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	file, err := ReloadCertificate(path, path, nil)
	require.NoError(t, err)
	served, err := file.Certificate()
	require.NoError(t, err)
	redacttest.Run(t, []redacttest.Type{
		redacttest.Holder(b, redacttest.Text(string(b.key.reveal().(ed25519.PrivateKey).Seed()))),
		redacttest.PublicHolder(ca, scalar(ca.key.reveal())),
		redacttest.PublicHolder(file, scalar(served.PrivateKey.(crypto.Signer))),
		redacttest.Plain[Identity](),
	}, ".")
}

// The zero Bundle is reported where it is used.
func TestZeroBundle(t *testing.T) {
	_, err := ClientConfig(Bundle{})
	require.ErrorIs(t, err, ErrBundle)
	_, err = Bundle{}.RevealText()
	require.ErrorIs(t, err, ErrBundle)
	_, err = Bundle{}.Terminal()
	require.ErrorIs(t, err, ErrBundle)
}

// Names are those that the registry accepts, and nothing is valid longer than its CA.
func TestNewBundle(t *testing.T) {
	ca := newCA(t)
	for _, name := range []string{"", "a", "counter-1", "A.b_c-9", strings.Repeat("x", 64), strings.Repeat("x", 65), "a b", "a\n", "窓口", "a:b", "a/b"} {
		_, err := ca.NewBundle(name, registry.RoleTerminal, 1, today)
		_, want := registry.GenerateTerminal(name)
		if want != nil {
			require.ErrorIs(t, err, ErrName, "%q", name)
		} else {
			require.NoError(t, err, "%q", name)
		}
	}
	_, err := ca.NewBundle("a", "admin", 1, today)
	require.ErrorIs(t, err, ErrIdentity)
	for days, want := range map[int]error{0: ErrLifetime, -1: ErrLifetime, 1: nil, 3653: nil, 3654: ErrLifetime} {
		_, err := ca.NewBundle("a", registry.RoleClerk, days, today)
		require.ErrorIs(t, err, want, "%d days", days)
	}
}

// A server's names are DNS names and IP addresses, and its certificate ends with its CA's.
func TestNewServer(t *testing.T) {
	ca := newCA(t)
	for host, want := range map[string]error{
		"server.example": nil, "localhost": nil, "192.0.2.7": nil, "2001:db8::7": nil, "xn--eckwd4c7c.example": nil,
		"": ErrHost, "a b": ErrHost, "*.example": ErrHost, "a..b": ErrHost, "-a": ErrHost, "https://server": ErrHost, "server:443": ErrHost, "窓口.example": ErrHost,
		strings.Repeat("a", 64): ErrHost,
	} {
		_, err := ca.NewServer([]string{host}, today)
		require.ErrorIs(t, err, want, "%q", host)
	}
	_, err := ca.NewServer(nil, today)
	require.ErrorIs(t, err, ErrHost)
	_, err = ca.NewServer([]string{"a"}, today.AddDate(caYears, 0, 0))
	require.ErrorIs(t, err, ErrLifetime)
	late := pair(t, ca, today.AddDate(caYears, -1, 0), "a")
	assert.Equal(t, ca.Certificate().NotAfter, late.Leaf.NotAfter)
	usual := pair(t, ca, today, "a")
	assert.Equal(t, today.AddDate(0, 13, 0), usual.Leaf.NotAfter)
	assert.Equal(t, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, usual.Leaf.ExtKeyUsage)
	assert.NotEqual(t, usual.Leaf.SerialNumber, late.Leaf.SerialNumber)
}

// A CA survives being written and read. Another CA's key is rejected.
func TestParseCA(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	key, err := ca.RevealKeyText()
	require.NoError(t, err)
	read, err := ParseCA(ca.CertificateText(), key)
	require.NoError(t, err)
	_, err = read.NewBundle("a", registry.RoleTerminal, 1, today)
	require.NoError(t, err)
	b := newBundle(t, ca, "counter-1", registry.RoleTerminal, today)
	for name, texts := range map[string][2][]byte{
		"another CA's certificate": {other.CertificateText(), key},
		"no certificate":           {nil, key},
		"no key":                   {ca.CertificateText(), nil},
		"two certificates":         {bytes.Repeat(ca.CertificateText(), 2), key},
		"a terminal":               {certificateText(b.certificate), func() []byte { text, _ := b.key.revealText(); return text }()},
		"two keys":                 {ca.CertificateText(), bytes.Repeat(key, 2)},
	} {
		_, err := ParseCA(texts[0], texts[1])
		require.ErrorIs(t, err, ErrCA, name)
	}
	_, weak, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	text, err := newSecret(weak).revealText()
	require.NoError(t, err)
	_, err = ParseCA(ca.CertificateText(), text)
	require.ErrorIs(t, err, ErrCA)
}
