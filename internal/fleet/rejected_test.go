package fleet_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A terminal whose certificate the server rejects is not enrolled. A terminal that rejects the
// server's certificate has no server. With TLS 1.3 the client sends its request before it reads
// the server's alert, and the alert is lost if the system reports first that the connection was
// closed. Terminals ask again, and so does this test.
func TestRejectedCertificates(t *testing.T) {
	newCA := func() *fleettls.CA {
		ca, err := fleettls.NewCA(time.Now())
		require.NoError(t, err)
		return ca
	}
	ca, other := newCA(), newCA()
	text, err := ca.NewServer([]string{"127.0.0.1"}, time.Now())
	require.NoError(t, err)
	certificate, err := tls.X509KeyPair(text, text)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = fleettls.ServerConfig([]*x509.Certificate{ca.Certificate()}, func() (*tls.Certificate, error) { return &certificate, nil })
	server.TLS.Certificates = []tls.Certificate{certificate} // httptest has one of its own
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	for name, test := range map[string]struct {
		issuer, trusted *fleettls.CA // of the terminal's certificate, and of servers
		want, not       error
	}{
		"by the server":   {other, ca, fleet.ErrNotEnrolled, registry.ErrUnavailable},
		"by the terminal": {ca, other, registry.ErrUnavailable, fleet.ErrNotEnrolled},
	} {
		for protocol, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
			bundle, err := test.issuer.NewBundle("counter-1", registry.RoleTerminal, 30, time.Now())
			require.NoError(t, err)
			config, err := fleettls.ClientConfig(bundle)
			require.NoError(t, err)
			config.RootCAs = x509.NewCertPool()
			config.RootCAs.AddCert(test.trusted.Certificate())
			transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: http2}
			defer transport.CloseIdleConnections()
			c, err := fleet.NewClient(server.URL, transport, registry.Terminal{})
			require.NoError(t, err)
			for range 100 {
				if err = c.Ping(t.Context()); errors.Is(err, test.want) {
					break
				}
				require.ErrorIs(t, err, registry.ErrUnavailable, "%s, %s", name, protocol)
			}
			require.ErrorIs(t, err, test.want, "%s, %s", name, protocol)
			assert.NotErrorIs(t, err, test.not, "%s, %s", name, protocol)
		}
	}
}
