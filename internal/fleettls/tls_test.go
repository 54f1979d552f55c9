package fleettls

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

var today = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

func newCA(t *testing.T) *CA {
	t.Helper()
	ca, err := NewCA(today)
	require.NoError(t, err)
	return ca
}

func newBundle(t *testing.T, ca *CA, name string, role registry.Role, now time.Time) Bundle {
	t.Helper()
	b, err := ca.NewBundle(name, role, 400, now)
	require.NoError(t, err)
	return b
}

func clientConfig(t *testing.T, b Bundle) *tls.Config {
	t.Helper()
	config, err := ClientConfig(b)
	require.NoError(t, err)
	return config
}

// pair returns a server's certificate.
func pair(t *testing.T, ca *CA, now time.Time, hosts ...string) *tls.Certificate {
	t.Helper()
	text, err := ca.NewServer(hosts, now)
	require.NoError(t, err)
	p, err := tls.X509KeyPair(text, text)
	require.NoError(t, err)
	return &p
}

func always(p *tls.Certificate) func() (*tls.Certificate, error) {
	return func() (*tls.Certificate, error) { return p, nil }
}

// connect connects a client with a server over TCP, sends a byte in both directions, and
// returns what each side says.
func connect(t *testing.T, server, client *tls.Config) (peer Identity, serverErr, clientErr error) {
	t.Helper()
	for _, config := range []*tls.Config{server, client} {
		if config.Time == nil {
			config.Time = func() time.Time { return today }
		}
	}
	if client.ServerName == "" {
		client.ServerName = "server.example"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		accepted, err := listener.Accept()
		if err != nil {
			serverErr = err
			return
		}
		defer accepted.Close()
		c := tls.Server(accepted, server)
		if serverErr = c.Handshake(); serverErr != nil {
			return
		}
		state := c.ConnectionState()
		if peer, serverErr = Peer(&state, server.Time()); serverErr == nil {
			_, serverErr = io.CopyN(c, c, 1)
		}
	}()
	clientErr = func() error {
		c, err := tls.Dial("tcp", listener.Addr().String(), client)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		if _, err := c.Write([]byte{1}); err != nil {
			_, err = c.Read(make([]byte, 1)) // the alert
			return err
		}
		_, err = io.ReadFull(c, make([]byte, 1))
		return err
	}()
	<-done
	return peer, Explain(serverErr, server.Time()), Explain(clientErr, client.Time())
}

// A terminal and a clerk connect with TLS 1.3; the server learns their names, roles and keys.
func TestConnection(t *testing.T) {
	ca := newCA(t)
	for _, role := range []registry.Role{registry.RoleTerminal, registry.RoleClerk} {
		for host, hosts := range map[string][]string{"server.example": {"server.example"}, "192.0.2.7": {"server.example", "192.0.2.7"}, "2001:db8::7": {"2001:db8::7"}} {
			b := newBundle(t, ca, "counter-1", role, today)
			server := ServerConfig([]*x509.Certificate{ca.Certificate()}, always(pair(t, ca, today, hosts...)))
			client := clientConfig(t, b)
			client.ServerName = host
			peer, serverErr, clientErr := connect(t, server, client)
			require.NoError(t, serverErr)
			require.NoError(t, clientErr)
			assert.Equal(t, b.Identity(), peer)
			assert.Equal(t, role, peer.Role)
		}
	}
}

// A server rejects every client without a valid certificate of a terminal or a clerk, with an
// error of its own for each reason, and the client learns that it was rejected.
func TestServerRejectsClients(t *testing.T) {
	ca := newCA(t)
	sameName := func() *CA { // another CA with the same name
		other := newCA(t)
		template := *ca.Certificate()
		template.PublicKey = nil
		certificate, err := sign(&template, &template, other.key.reveal().Public(), other.key.reveal())
		require.NoError(t, err)
		return &CA{certificate, other.key}
	}()
	with := func(own *tls.Certificate) *tls.Config {
		config := clientConfig(t, newBundle(t, ca, "counter-1", registry.RoleTerminal, today))
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
		return config
	}
	custom := func(change func(*x509.Certificate)) *tls.Config {
		b := newBundle(t, ca, "counter-1", registry.RoleTerminal, today)
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "counter-1"}, NotBefore: today.Add(-time.Hour), NotAfter: today.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, URIs: []*url.URL{b.Identity().uri()},
		}
		change(template)
		certificate, err := sign(template, ca.Certificate(), b.Identity().Key, ca.key.reveal())
		require.NoError(t, err)
		return with(&tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: b.key.reveal()})
	}
	another := newBundle(t, newCA(t), "counter-1", registry.RoleTerminal, today)
	sameNamed := newBundle(t, sameName, "counter-1", registry.RoleTerminal, today)
	for name, c := range map[string]struct {
		client *tls.Config
		want   error
	}{
		"expired":            {clientConfig(t, newBundle(t, ca, "counter-1", registry.RoleTerminal, today.AddDate(0, 0, -401))), ErrExpired},
		"not yet valid":      {clientConfig(t, newBundle(t, ca, "counter-1", registry.RoleTerminal, today.Add(2*clockSkew))), ErrNotYetValid},
		"another CA":         {with(&tls.Certificate{Certificate: [][]byte{another.certificate.Raw}, PrivateKey: another.key.reveal()}), ErrUnknownCA},
		"a CA with its name": {with(&tls.Certificate{Certificate: [][]byte{sameNamed.certificate.Raw}, PrivateKey: sameNamed.key.reveal()}), ErrUnknownCA},
		"a server's":         {with(pair(t, ca, today, "server.example")), ErrUsage},
		"none":               {with(&tls.Certificate{}), nil},
		"no role":            {custom(func(c *x509.Certificate) { c.URIs = nil }), ErrIdentity},
		"two roles": {custom(func(c *x509.Certificate) {
			c.URIs = append(c.URIs, Identity{Name: "counter-1", Role: registry.RoleClerk}.uri())
		}), ErrIdentity},
		"another common name":  {custom(func(c *x509.Certificate) { c.Subject.CommonName = "counter-2" }), ErrIdentity},
		"an unknown role":      {custom(func(c *x509.Certificate) { c.URIs[0].Opaque = "admin:counter-1" }), ErrIdentity},
		"an invalid name":      {custom(func(c *x509.Certificate) { c.URIs[0].Opaque = "terminal:a b"; c.Subject.CommonName = "a b" }), ErrIdentity},
		"a URI with a query":   {custom(func(c *x509.Certificate) { c.URIs[0].RawQuery = "x" }), ErrIdentity},
		"a URI with slashes":   {custom(func(c *x509.Certificate) { c.URIs[0] = &url.URL{Scheme: scheme, Host: "terminal", Path: "/counter-1"} }), ErrIdentity},
		"the CA's certificate": {with(&tls.Certificate{Certificate: [][]byte{ca.Certificate().Raw}, PrivateKey: ca.key.reveal()}), ErrIdentity},
		"TLS 1.2": {func() *tls.Config {
			config := clientConfig(t, newBundle(t, ca, "counter-1", registry.RoleTerminal, today))
			config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			return config
		}(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := ServerConfig([]*x509.Certificate{ca.Certificate()}, always(pair(t, ca, today, "server.example")))
			_, serverErr, clientErr := connect(t, server, c.client)
			require.Error(t, serverErr)
			if c.want != nil {
				require.ErrorIs(t, serverErr, c.want)
			}
			require.ErrorIs(t, clientErr, ErrRejected)
		})
	}
}

// A terminal rejects every server without a valid certificate for its name, before it sends its
// own certificate.
func TestClientRejectsServers(t *testing.T) {
	ca := newCA(t)
	terminal := newBundle(t, ca, "server.example", registry.RoleTerminal, today)
	for name, c := range map[string]struct {
		server *tls.Certificate
		want   error
	}{
		"expired":       {pair(t, ca, today.AddDate(0, -14, 0), "server.example"), ErrExpired},
		"not yet valid": {pair(t, ca, today.Add(2*clockSkew), "server.example"), ErrNotYetValid},
		"another CA":    {pair(t, newCA(t), today, "server.example"), ErrUnknownCA},
		"another name":  {pair(t, ca, today, "other.example", "192.0.2.7"), ErrOtherHost},
		"a terminal's":  {&tls.Certificate{Certificate: [][]byte{terminal.certificate.Raw}, PrivateKey: terminal.key.reveal()}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := ServerConfig([]*x509.Certificate{ca.Certificate()}, always(c.server))
			client := clientConfig(t, newBundle(t, ca, "counter-1", registry.RoleTerminal, today))
			sent := false
			own := client.GetClientCertificate
			client.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				sent = true
				return own(info)
			}
			_, serverErr, clientErr := connect(t, server, client)
			require.ErrorIs(t, serverErr, ErrRejected)
			require.Error(t, clientErr)
			require.NotErrorIs(t, clientErr, ErrRejected)
			if c.want != nil {
				require.ErrorIs(t, clientErr, c.want)
			}
			assert.False(t, sent)
		})
	}
	client := clientConfig(t, newBundle(t, ca, "counter-1", registry.RoleTerminal, today))
	old := ServerConfig([]*x509.Certificate{ca.Certificate()}, always(pair(t, ca, today, "server.example")))
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	_, _, clientErr := connect(t, old, client)
	require.Error(t, clientErr, "TLS 1.2")
}

// A certificate that expires while its connection is open is not accepted any longer.
func TestPeerOfAnOpenConnection(t *testing.T) {
	ca := newCA(t)
	b := newBundle(t, ca, "counter-1", registry.RoleTerminal, today)
	state := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{b.certificate, ca.Certificate()}}}
	peer, err := Peer(state, today)
	require.NoError(t, err)
	assert.Equal(t, b.Identity(), peer)
	_, err = Peer(state, today.AddDate(0, 0, 401))
	require.ErrorIs(t, err, ErrExpired)
	_, err = Peer(state, today.AddDate(0, 0, -1))
	require.ErrorIs(t, err, ErrNotYetValid)
	for _, unverified := range []*tls.ConnectionState{nil, {}, {PeerCertificates: []*x509.Certificate{b.certificate}}} {
		_, err = Peer(unverified, today)
		require.ErrorIs(t, err, ErrNoCertificate)
	}
}

// A renewed certificate is used by the next connection, without a restart. Files that can't be
// used are reported once, and the earlier certificate stays in use.
func TestReloadCertificate(t *testing.T) {
	ca := newCA(t)
	path := filepath.Join(t.TempDir(), "server.pem")
	replace := func(content []byte) {
		t.Helper()
		require.NoError(t, os.WriteFile(path+".new", content, 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	text := func(host string) []byte {
		t.Helper()
		text, err := ca.NewServer([]string{host}, today)
		require.NoError(t, err)
		return text
	}
	var reported []error
	_, err := ReloadCertificate(path, path, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	replace([]byte("no certificate"))
	_, err = ReloadCertificate(path, path, nil)
	require.ErrorIs(t, err, ErrServerCertificate)

	replace(text("first.example"))
	file, err := ReloadCertificate(path, path, func(err error) { reported = append(reported, err) })
	require.NoError(t, err)
	connects := func(host string) {
		t.Helper()
		server := ServerConfig([]*x509.Certificate{ca.Certificate()}, file.Certificate)
		client := clientConfig(t, newBundle(t, ca, "counter-1", registry.RoleTerminal, today))
		client.ServerName = host
		_, serverErr, clientErr := connect(t, server, client)
		require.NoError(t, errors.Join(serverErr, clientErr), host)
	}
	connects("first.example")
	replace(text("second.example"))
	connects("second.example")
	replace([]byte("half of a"))
	connects("second.example")
	connects("second.example")
	require.Len(t, reported, 1)
	require.ErrorIs(t, reported[0], ErrServerCertificate)
	require.NoError(t, os.Remove(path))
	connects("second.example")
	replace(text("third.example"))
	connects("third.example")
}
