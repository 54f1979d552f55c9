package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/sdnotify"
	"github.com/mykeykit/mykeykit/jpki/proof"
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
func (r *running) issue(name string, role registry.Role) fleettls.Bundle {
	r.Helper()
	b, err := r.ca.NewBundle(name, role, 365, today)
	require.NoError(r, err)
	return b
}

// enroll enrolls a terminal or a clerk and returns its client.
func (r *running) enroll(name string, role registry.Role) *http.Client {
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
		refuse(w, r, fmt.Errorf("%w: personal detail", proof.ErrUsed))
	})
	mux.HandleFunc("POST /v1/panic", func(http.ResponseWriter, *http.Request) { panic("personal value") })
	return mux
}
