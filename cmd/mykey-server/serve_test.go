package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/internal/sdnotify"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// safeBuffer is a buffer that is safe for concurrent use.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running is a running server with an API of the test.
type running struct {
	*office
	server    *server
	ca        *fleettls.CA
	terminals *fakeTerminals
	api, desk string // addresses
	log       *safeBuffer
	clock     atomic.Int64 // seconds since today
	stop      func() error
}

func start(t *testing.T, api http.Handler, drain func(*running)) *running {
	t.Helper()
	o := newOffice(t)
	o.does("init", "--folder", o.folder, "--name", "server.example", "--name", "127.0.0.1")
	ca, err := pki.ReadCA(o.folder)
	require.NoError(t, err)
	r := &running{office: o, ca: ca, terminals: &fakeTerminals{}, log: &safeBuffer{}}
	path := pki.Path(o.folder, pki.ServerCertificate)
	r.server = &server{
		log: slog.New(slog.NewJSONHandler(r.log, nil)), metrics: newMetrics(), terminals: r.terminals, api: api,
		ping: func(context.Context) error { return nil },
		now:  func() time.Time { return today.Add(time.Duration(r.clock.Load()) * time.Second) },
	}
	r.server.clientCAs = append(r.server.clientCAs, ca.Certificate())
	r.server.certificate, err = fleettls.ReloadCertificate(path, path, func(error) {})
	require.NoError(t, err)
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return l
	}
	terminals, operator := listen(), listen()
	r.api, r.desk = "https://"+terminals.Addr().String(), "http://"+operator.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- r.server.run(ctx, terminals, operator, sdnotify.Manager{}, func() {
			if drain != nil {
				drain(r)
			}
		})
	}()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// fakeTerminals are enrolled terminals in memory.
type fakeTerminals struct {
	mu   sync.Mutex
	list map[string]registry.Enrolled
	fail error
}

func (f *fakeTerminals) Terminal(_ context.Context, name string) (registry.Enrolled, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.list[name]
	switch {
	case f.fail != nil:
		return registry.Enrolled{}, f.fail
	case !ok:
		return registry.Enrolled{}, registry.ErrNotEnrolled
	case !e.Revoked.IsZero():
		return registry.Enrolled{}, registry.ErrRevoked
	}
	return e, nil
}

func (f *fakeTerminals) set(e registry.Enrolled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list == nil {
		f.list = map[string]registry.Enrolled{}
	}
	f.list[e.Name] = e
}

func (f *fakeTerminals) setFailure(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// issue makes the bundle of a terminal or a clerk, without enrolling it.
func (r *running) issue(name string, role fleettls.Role) fleettls.Bundle {
	r.Helper()
	b, err := r.ca.NewBundle(name, role, 365, today)
	require.NoError(r, err)
	return b
}

// enroll enrolls a terminal or a clerk and returns its client.
func (r *running) enroll(name string, role fleettls.Role) *http.Client {
	r.Helper()
	b := r.issue(name, role)
	r.terminals.set(registry.Enrolled{Name: name, Role: registry.Role(role), Key: b.Identity().Key})
	return r.client(b)
}

func (r *running) client(b fleettls.Bundle) *http.Client {
	r.Helper()
	config, err := fleettls.ClientConfig(b)
	require.NoError(r, err)
	config.Time = func() time.Time { return today }
	transport := &http.Transport{TLSClientConfig: config}
	r.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// post posts to the API and returns the status and the problem's code.
func (r *running) post(client *http.Client, path string) (status int, code string) {
	r.Helper()
	response, err := client.Post(r.api+path, "application/json", strings.NewReader(`"personal data"`))
	require.NoError(r, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(r, err)
	if response.StatusCode != http.StatusOK {
		assert.Equal(r, "application/problem+json", response.Header.Get("Content-Type"))
		var problem struct {
			Type, Title, Code string
			Status            int
		}
		require.NoError(r, json.Unmarshal(body, &problem))
		assert.Equal(r, response.StatusCode, problem.Status)
		assert.Equal(r, "about:blank", problem.Type)
		code = problem.Code
	}
	return response.StatusCode, code
}

// get gets a page for the operator.
func (r *running) get(path string) (int, string) {
	r.Helper()
	response, err := http.Get(r.desk + path)
	require.NoError(r, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(r, err)
	return response.StatusCode, string(body)
}

// testAPI answers as the API does.
func testAPI() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/visits", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("{}")) })
	mux.HandleFunc("POST /v1/reservations", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, http.StatusForbidden, "proof-used", errors.New("personal detail"))
	})
	mux.HandleFunc("POST /v1/panic", func(http.ResponseWriter, *http.Request) { panic("personal value") })
	return mux
}

// Only enrolled terminals and clerks reach the API: with their own key, in their role, until they are
// revoked, also over a connection that is open.
func TestGateAdmitsEnrolledCallers(t *testing.T) {
	r := start(t, testAPI(), nil)
	counter := r.issue("counter-1", fleettls.RoleTerminal)
	enrolled := registry.Enrolled{Name: "counter-1", Role: registry.RoleTerminal, Key: counter.Identity().Key}
	r.terminals.set(enrolled)
	terminal, clerk := r.client(counter), r.enroll("c-7", fleettls.RoleClerk)
	for _, client := range []*http.Client{terminal, clerk} {
		status, _ := r.post(client, "/v1/visits")
		assert.Equal(t, http.StatusOK, status)
	}
	r.terminals.set(registry.Enrolled{Name: "counter-2", Role: registry.RoleTerminal, Key: counter.Identity().Key})
	for reason, c := range map[string]struct {
		name string
		role fleettls.Role
	}{
		registry.ErrNotEnrolled.Error(): {"counter-9", fleettls.RoleTerminal},
		"its key is another":            {"counter-2", fleettls.RoleTerminal},
		"its role is another":           {"counter-1", fleettls.RoleClerk},
	} {
		status, code := r.post(r.client(r.issue(c.name, c.role)), "/v1/visits")
		assert.Equal(t, http.StatusForbidden, status, reason)
		assert.Equal(t, "not-enrolled", code, reason)
		assert.Contains(t, r.log.String(), reason)
	}
	status, code := r.post(r.client(r.issue("c-7", fleettls.RoleTerminal)), "/v1/visits")
	assert.Equal(t, http.StatusForbidden, status, "a clerk as a terminal")
	assert.Equal(t, "not-enrolled", code)

	enrolled.Revoked = today
	r.terminals.set(enrolled)
	status, code = r.post(terminal, "/v1/visits")
	assert.Equal(t, http.StatusForbidden, status)
	assert.Equal(t, "not-enrolled", code)
	assert.Contains(t, r.log.String(), registry.ErrRevoked.Error())

	r.terminals.setFailure(errors.New("the database is away"))
	status, code = r.post(clerk, "/v1/visits")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "unavailable", code)
	r.terminals.setFailure(nil)
	r.clock.Store(int64(366 * 24 * time.Hour / time.Second))
	status, code = r.post(clerk, "/v1/visits")
	assert.Equal(t, http.StatusForbidden, status, "its certificate expired while it was connected")
	assert.Equal(t, "not-enrolled", code)
}

// The API learns who calls.
func TestGateNamesTheCaller(t *testing.T) {
	var caller fleettls.Identity
	r := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ = fleet.CallerOf(r.Context())
	}), nil)
	status, _ := r.post(r.enroll("c-7", fleettls.RoleClerk), "/anything")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "c-7", caller.Name)
	assert.Equal(t, fleettls.RoleClerk, caller.Role)
	assert.Equal(t, r.terminals.list["c-7"].Key, caller.Key)
}

// A terminal that sends too many requests is refused until it has waited. Others are not.
func TestGateLimitsRequests(t *testing.T) {
	r := start(t, testAPI(), nil)
	busy, other := r.enroll("counter-1", fleettls.RoleTerminal), r.enroll("counter-2", fleettls.RoleTerminal)
	for range terminalBurst {
		status, _ := r.post(busy, "/v1/visits")
		require.Equal(t, http.StatusOK, status)
	}
	for range 3 {
		response, err := busy.Post(r.api+"/v1/visits", "application/json", nil)
		require.NoError(t, err)
		response.Body.Close()
		assert.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		assert.Equal(t, "1", response.Header.Get("Retry-After"))
	}
	status, _ := r.post(other, "/v1/visits")
	assert.Equal(t, http.StatusOK, status)
	r.clock.Store(1)
	for range terminalRate {
		status, _ := r.post(busy, "/v1/visits")
		assert.Equal(t, http.StatusOK, status)
	}
	status, code := r.post(busy, "/v1/visits")
	assert.Equal(t, http.StatusTooManyRequests, status)
	assert.Equal(t, "busy", code)
	_, metrics := r.get("/metrics")
	assert.Contains(t, metrics, "\nmykeykit_rate_limited_total 4\n")
}

// The log and the metrics say what was asked for and refused, without personal data. Routes are
// those of the API, so that nobody can make up label values.
func TestLogAndMetrics(t *testing.T) {
	r := start(t, testAPI(), nil)
	client := r.enroll("counter-1", fleettls.RoleTerminal)
	for path, want := range map[string]int{
		"/v1/visits?personal=query": http.StatusOK, "/v1/reservations": http.StatusForbidden, "/v1/panic": http.StatusInternalServerError,
	} {
		status, _ := r.post(client, path)
		assert.Equal(t, want, status, path)
	}
	for n := range 3 {
		response, err := client.Get(fmt.Sprintf("%s/personal/%d", r.api, n))
		require.NoError(t, err)
		response.Body.Close()
		assert.Equal(t, http.StatusNotFound, response.StatusCode)
	}
	_, err := http.Get(r.api) // no certificate, and another CA
	require.Error(t, err)

	require.Eventually(t, func() bool { return strings.Contains(r.log.String(), "TLS handshake error") }, time.Minute, time.Millisecond)
	_, text := r.get("/metrics")
	expiry := today.AddDate(0, 13, 0).Unix()
	for _, line := range []string{
		`mykeykit_requests_total{route="POST /v1/visits",status="200"} 1`,
		`mykeykit_requests_total{route="POST /v1/reservations",status="403"} 1`,
		`mykeykit_requests_total{route="POST /v1/panic",status="500"} 1`,
		`mykeykit_requests_total{route="unknown",status="404"} 3`,
		`mykeykit_request_duration_seconds_count{route="POST /v1/visits"} 1`,
		`mykeykit_refusals_total{code="proof-used"} 1`,
		`mykeykit_visits_total 1`,
		`mykeykit_rate_limited_total 0`,
		`mykeykit_requests_in_flight 0`,
		`mykeykit_tls_handshake_errors_total 1`,
	} {
		assert.Contains(t, text, "\n"+line+"\n")
	}
	assert.Contains(t, text, fmt.Sprintf("mykeykit_certificate_expiry_timestamp_seconds{certificate=\"server\"} %g\n", float64(expiry)))
	assert.Contains(t, text, `mykeykit_certificate_expiry_timestamp_seconds{certificate="client-ca"}`)
	assert.Regexp(t, `mykeykit_build_info\{go="[^"]+",version="[^"]+"\} 1`, text)
	assert.NotContains(t, text, "counter-1")
	require.NoError(t, r.stop())

	log := r.log.String()
	assert.NotContains(t, log, "personal")
	var lines []map[string]any
	for line := range strings.Lines(log) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		lines = append(lines, entry)
		if entry["code"] == "proof-used" {
			assert.Equal(t, "request", entry["msg"])
			assert.Equal(t, "POST /v1/reservations", entry["route"])
			assert.Equal(t, "counter-1", entry["name"])
			assert.Equal(t, "terminal", entry["role"])
			assert.InDelta(t, 403, entry["status"], 0)
		}
	}
	assert.Contains(t, log, `"msg":"panic"`)
	assert.Contains(t, log, "TLS handshake error")
	assert.Equal(t, "stopped", lines[len(lines)-1]["msg"])
}

// A server that is stopped first reports that it is not ready and goes on answering; then it answers
// the open requests.
func TestGracefulStop(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	mux := testAPI()
	mux.HandleFunc("POST /v1/slow", func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = w.Write([]byte("{}"))
	})
	drained := make(chan struct{})
	var client *http.Client
	r := start(t, mux, func(r *running) {
		defer close(drained)
		status, body := r.get("/readyz")
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.Equal(t, "stopping\n", body)
		status, _ = r.get("/healthz")
		assert.Equal(t, http.StatusOK, status)
		status, _ = r.post(client, "/v1/visits")
		assert.Equal(t, http.StatusOK, status, "requests are answered until the balancer has noticed")
	})
	client = r.enroll("counter-1", fleettls.RoleTerminal)
	status, body := r.get("/readyz")
	assert.Equal(t, http.StatusOK, status, body)
	slow := make(chan int)
	go func() {
		status, _ := r.post(client, "/v1/slow")
		slow <- status
	}()
	<-entered
	stopped := make(chan error)
	go func() { stopped <- r.stop() }()
	<-drained
	select {
	case <-stopped:
		t.Fatal("stopped with an open request")
	default:
	}
	close(leave)
	assert.Equal(t, http.StatusOK, <-slow)
	require.NoError(t, <-stopped)
	_, err := client.Post(r.api+"/v1/visits", "", nil)
	require.Error(t, err)
}

// A server whose registry is unavailable is alive and not ready.
func TestReadiness(t *testing.T) {
	r := start(t, testAPI(), nil)
	var unavailable atomic.Bool
	r.server.ping = func(context.Context) error {
		if unavailable.Load() {
			return errors.New("personal detail")
		}
		return nil
	}
	for _, want := range []struct {
		away  bool
		ready int
	}{{false, http.StatusOK}, {true, http.StatusServiceUnavailable}, {false, http.StatusOK}} {
		unavailable.Store(want.away)
		status, body := r.get("/readyz")
		assert.Equal(t, want.ready, status)
		assert.NotContains(t, body, "personal")
		status, _ = r.get("/healthz")
		assert.Equal(t, http.StatusOK, status)
	}
	status, _ := r.get("/other")
	assert.Equal(t, http.StatusNotFound, status)
}

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

// visit makes an identifier at a terminal.
func visit(t *testing.T, s serving, b fleettls.Bundle, card prooftest.Card) (*registry.Reservation, error) {
	t.Helper()
	config, err := fleettls.ClientConfig(b)
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	terminal, err := b.Terminal()
	require.NoError(t, err)
	client, err := fleet.NewClient(s.api, transport, terminal)
	require.NoError(t, err)
	client.SetNamespace("points.example")
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
	response, err := http.Get(s.operator + "/metrics")
	require.NoError(t, err)
	metrics, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	response.Body.Close()
	assert.Contains(t, string(metrics), "\nmykeykit_visits_total 2\n")
	_, err = visit(t, s, o.bundle("counter-1.pem"), card)
	require.NoError(t, err, "with the renewed certificate")

	other := o.issued("counter-1")
	_, err = visit(t, s, other, card)
	require.ErrorIs(t, err, fleet.ErrNotEnrolled, "another key under its name")
	assert.Zero(t, s.stop(), s.log.String())
	assert.NotContains(t, s.log.String(), made.ID.String())

	o.does(o.with("revoke", "counter-2")...)
	s = o.serve(t, flags...)
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
	b, err := ca.NewBundle(name, fleettls.RoleTerminal, 30, o.now)
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
