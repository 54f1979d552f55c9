package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// serving is a server that the command runs.
type serving struct {
	api, operator string // addresses
	started       map[string]any
	log           *safeBuffer
	stop          func() int // returns the exit code
}

// serve runs the command until the test ends or stops it.
func (o *office) serve(t *testing.T, more ...string) serving {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "notify")
	states, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer states.Close()
	s := serving{log: &safeBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	env := o.environment(&bytes.Buffer{}, &bytes.Buffer{})
	env.stderr, env.now = s.log, time.Now
	env.getenv = func(name string) string { return map[string]string{"NOTIFY_SOCKET": socket}[name] }
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, append(o.with("serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"), more...), env)
		_ = states.Close() // it did not start
	}()
	s.stop = sync.OnceValue(func() int {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { s.stop() })
	state := make([]byte, 100)
	n, err := states.Read(state)
	require.NoError(t, err, s.log.String())
	require.Equal(t, "READY=1", string(state[:n]))
	first, _, _ := strings.Cut(s.log.String(), "\n")
	require.NoError(t, json.Unmarshal([]byte(first), &s.started), s.log.String())
	s.api, s.operator = "https://"+s.started["listen"].(string), "http://"+s.started["operator"].(string)
	return s
}

// metrics returns the metrics of the server.
func (s serving) metrics(t *testing.T) string {
	t.Helper()
	response, err := http.Get(s.operator + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// newTransport returns the transport of a terminal or a clerk.
func newTransport(t testing.TB, b fleettls.Bundle) *http.Transport {
	t.Helper()
	config, err := fleettls.ClientConfig(b)
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// newClient returns the client of a terminal or a clerk.
func newClient(t testing.TB, b fleettls.Bundle, server string, transport http.RoundTripper) *fleet.Client {
	t.Helper()
	terminal, err := b.Terminal()
	require.NoError(t, err)
	client, err := fleet.NewClient(server, transport, terminal)
	require.NoError(t, err)
	client.SetNamespace("points.example")
	return client
}

// visit makes an identifier at a terminal.
func visit(t *testing.T, s serving, b fleettls.Bundle, card prooftest.Card) (*registry.Reservation, error) {
	t.Helper()
	transport := newTransport(t, b)
	defer transport.CloseIdleConnections()
	client := newClient(t, b, s.api, transport)
	challenge, err := client.Challenge(t.Context())
	if err != nil {
		return nil, err
	}
	v, err := client.Identify(t.Context(), card.Answer(challenge))
	if err != nil {
		return nil, err
	}
	return v.Reserve(t.Context(), registry.NewOperation(), registry.NewRecoveryCode())
}

// newServing returns an office of today whose server trusts the CA of package prooftest.
func newServing(t *testing.T) (o *office, flags []string) {
	o = newOffice(t)
	o.now = time.Now()
	o.does("init", "--folder", o.folder, "--name", "127.0.0.1", "--server", "server-1")
	o.does("operator-keygen", o.path("operator.private"), o.path("operator.public"))
	o.does(o.with("migrate")...)
	o.does(o.enrolls("--out", o.path("counter-1.pem"), "counter-1")...)
	ca := o.write("cards.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: prooftest.CA().Raw})))
	return o, []string{"--operator-key", o.path("operator.public"), "--ca-certificate", ca}
}

// An enrolled terminal makes an identifier at a server that was made with the commands. The audit
// shows who asked for it. Once it is revoked, it makes none.
func TestServe(t *testing.T) {
	o, flags := newServing(t)
	s := o.serve(t, flags...)
	assert.Equal(t, "started", s.started["msg"])
	assert.Equal(t, "server-1", s.started["server"])
	assert.Equal(t, "points.example", s.started["namespace"])
	assert.Equal(t, "sqlite", s.started["registry"])
	card := prooftest.Card{Kind: "server", Number: 1, NotAfter: time.Now().AddDate(2, 0, 0)}
	made, err := visit(t, s, o.bundle("counter-1.pem"), card)
	require.NoError(t, err, s.log.String())
	assert.True(t, made.New)
	o.does(o.enrolls("--out", o.path("counter-2.pem"), "counter-2")...)
	again, err := visit(t, s, o.bundle("counter-2.pem"), card)
	require.NoError(t, err, "a terminal that was enrolled while the server runs")
	assert.Equal(t, made.ID, again.ID)

	o.does("renew-certificate", "--folder", o.folder)
	metrics := s.metrics(t)
	assert.Contains(t, metrics, "\nmykeykit_visits_total 2\n")
	assert.Contains(t, metrics, "\nmykeykit_audit_head_number{chain=\"server-1\"} 1\n")
	_, err = visit(t, s, o.bundle("counter-1.pem"), card)
	require.NoError(t, err, "with the renewed certificate")

	other := o.issued("counter-1")
	_, err = visit(t, s, other, card)
	require.ErrorIs(t, err, fleet.ErrNotEnrolled, "another key under its name")
	assert.Zero(t, s.stop(), s.log.String())
	assert.NotContains(t, s.log.String(), made.ID.String())

	o.does(o.with("revoke", "counter-2")...)
	s = o.serve(t, flags...)
	assert.Contains(t, s.metrics(t), "\nmykeykit_audit_head_number{chain=\"server-1\"} 1\n", "the record of the earlier run")
	_, err = visit(t, s, o.bundle("counter-2.pem"), card)
	require.ErrorIs(t, err, fleet.ErrNotEnrolled)
	assert.Zero(t, s.stop(), s.log.String())
	assert.Regexp(t, `(?m)^# verified: records 4, .*\n(server-1(\.\d)? 1 [0-9a-f]{64}\n)?server-1-desk 3 `, o.does(o.with("audit")...))
}

// issued makes a bundle with the CA of the office, without enrolling it.
func (o *office) issued(name string) fleettls.Bundle {
	o.Helper()
	ca, err := pki.ReadCA(o.folder)
	require.NoError(o, err)
	b, err := ca.NewBundle(name, registry.RoleTerminal, 30, o.now)
	require.NoError(o, err)
	return b
}

// A server uses the certificates of another CA, for itself and for its terminals.
func TestServeWithAnotherCA(t *testing.T) {
	o, flags := newServing(t)
	own := newOffice(t)
	own.now = o.now
	own.does("init", "--folder", own.folder, "--name", "127.0.0.1")
	text := own.read("keys", "server.pem")
	at := bytes.Index(text, []byte("-----BEGIN CERTIFICATE"))
	s := o.serve(t, append(flags, "--client-ca", pki.Path(own.folder, pki.CACertificate),
		"--key", o.write("own.key", string(text[:at])), "--certificate", o.write("own.pem", string(text[at:])))...)
	card := prooftest.Card{Kind: "server", Number: 2, NotAfter: time.Now().AddDate(2, 0, 0)}
	_, err := visit(t, s, own.issued("counter-1"), card)
	require.ErrorIs(t, err, fleet.ErrNotEnrolled, "the other CA's terminal, which is not enrolled")
	terminal := own.issued("counter-9")
	certificate := o.write("counter-9.pem", string(terminal.CertificateText()))
	assert.Contains(t, o.does(o.enrolls("--certificate", certificate, "counter-9")...), "counter-9 was enrolled: ")
	_, err = visit(t, s, terminal, card)
	require.NoError(t, err)
	o.fails("CERTIFICATE_FILE", 2, o.enrolls("--certificate", certificate, "counter-8")...)
	o.fails("CERTIFICATE_FILE", 2, o.enrolls("--certificate", pki.Path(own.folder, pki.CACertificate), "counter-8")...)
	o.fails("CERTIFICATE_FILE", 2, o.enrolls("--certificate", demo, "counter-8")...)
	assert.NotContains(t, o.enrolled(), "counter-8")

	_, err = visit(t, s, o.bundle("counter-1.pem"), card)
	require.Error(t, err)
	assert.ErrorIs(t, fleettls.Explain(err, time.Now()), fleettls.ErrUnknownCA, "the folder's CA is not used")
}
