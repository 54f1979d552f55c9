package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Only enrolled terminals and clerks reach the API: with their own key, in their role, until they are
// revoked, also over a connection that is open.
func TestGateAdmitsEnrolledCallers(t *testing.T) {
	r := start(t, testAPI(), nil)
	counter := r.issue("counter-1", registry.RoleTerminal)
	enrolled := registry.Enrolled{Name: "counter-1", Role: registry.RoleTerminal, Key: counter.Identity().Key}
	r.terminals.set(enrolled)
	terminal, clerk := r.client(counter), r.enroll("c-7", registry.RoleClerk)
	for _, client := range []*http.Client{terminal, clerk} {
		status, _ := r.post(client, "/v1/visits")
		assert.Equal(t, http.StatusOK, status)
	}
	r.terminals.set(registry.Enrolled{Name: "counter-2", Role: registry.RoleTerminal, Key: counter.Identity().Key})
	for reason, c := range map[string]struct {
		name string
		role registry.Role
	}{
		registry.ErrNotEnrolled.Error(): {"counter-9", registry.RoleTerminal},
		"its key is another":            {"counter-2", registry.RoleTerminal},
		"its role is another":           {"counter-1", registry.RoleClerk},
	} {
		status, code := r.post(r.client(r.issue(c.name, c.role)), "/v1/visits")
		assert.Equal(t, http.StatusForbidden, status, reason)
		assert.Equal(t, "not-enrolled", code, reason)
		assert.Contains(t, r.log.String(), reason)
	}
	status, code := r.post(r.client(r.issue("c-7", registry.RoleTerminal)), "/v1/visits")
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
	status, _ := r.post(r.enroll("c-7", registry.RoleClerk), "/anything")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "c-7", caller.Name)
	assert.Equal(t, registry.RoleClerk, caller.Role)
	assert.Equal(t, r.terminals.list["c-7"].Key, caller.Key)
}

// A terminal that sends too many requests is refused until it has waited. Others are not.
func TestGateLimitsRequests(t *testing.T) {
	r := start(t, testAPI(), nil)
	busy, other := r.enroll("counter-1", registry.RoleTerminal), r.enroll("counter-2", registry.RoleTerminal)
	for range terminalBurst {
		status, _ := r.post(busy, "/v1/visits")
		require.Equal(t, http.StatusOK, status)
	}
	problem := httptest.NewRecorder()
	fleet.WriteProblem(problem, fleet.ErrBusy)
	for range 3 {
		response, err := busy.Post(r.api+"/v1/visits", "application/json", nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body.Close()
		assert.Equal(t, problem.Body.String(), string(body), "as the API reports it")
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
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
	client := r.enroll("counter-1", registry.RoleTerminal)
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
	client = r.enroll("counter-1", registry.RoleTerminal)
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
