package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Limits of requests.
const (
	requestTime   = 30 * time.Second // for reading a request and answering it
	maxHeader     = 16 << 10         // bytes
	terminalRate  = 5                // requests per second of a terminal or a clerk; a visit sends about 3 to 8
	terminalBurst = 30
)

// gate authenticates the callers of an API, limits their requests, logs and counts them. The log
// has no personal data: neither bodies nor query strings.
type gate struct {
	terminals finder
	api       http.Handler
	log       *slog.Logger
	metrics   *metrics
	now       func() time.Time

	mu     sync.Mutex
	limits map[string]*rate.Limiter // by name
}

// outcome is what is logged about a request.
type outcome struct {
	code   string // of a refusal
	detail error
}

type outcomeKey struct{}

// refused notes why a request is refused. It is called by the API.
func refused(r *http.Request, code string, err error) {
	if o, ok := r.Context().Value(outcomeKey{}).(*outcome); ok {
		o.code, o.detail = code, err
	}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	g.metrics.inFlight.Inc()
	defer g.metrics.inFlight.Dec()
	o := &outcome{}
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), outcomeKey{}, o), requestTime)
	defer cancel()
	r = r.WithContext(ctx)
	answer := &statusWriter{ResponseWriter: w}
	caller, route := g.serve(answer, r)
	g.record(ctx, route, caller, answer.code(), o, time.Since(begun))
}

// serve answers a request and returns its caller and its route.
func (g *gate) serve(w http.ResponseWriter, r *http.Request) (caller fleettls.Identity, route string) {
	defer func() { route = r.Pattern }() // set by the API
	defer func() {
		switch value := recover(); value {
		case nil:
		case http.ErrAbortHandler:
			panic(value)
		default: // the value may contain personal data
			g.log.Error("panic", "stack", string(debug.Stack()))
			refuse(w, r, errors.New("panic"))
		}
	}()
	caller, err := fleettls.Peer(r.TLS, g.now())
	if err != nil {
		refuse(w, r, fmt.Errorf("%w: %w", fleet.ErrNotEnrolled, err))
		return caller, route
	}
	if wait := g.limit(caller.Name); wait > 0 {
		g.metrics.limited.Inc()
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		refuse(w, r, fleet.ErrBusy)
		return caller, route
	}
	if err := g.admit(r.Context(), caller); err != nil {
		refuse(w, r, err)
		return caller, route
	}
	r = r.WithContext(fleet.WithCaller(r.Context(), caller))
	g.api.ServeHTTP(w, r)
	return caller, route
}

// admit checks that a caller is enrolled, with this key and this role, and was not revoked. It
// returns [fleet.ErrNotEnrolled] otherwise, or [registry.ErrUnavailable].
func (g *gate) admit(ctx context.Context, caller fleettls.Identity) error {
	e, err := g.terminals.Terminal(ctx, caller.Name)
	switch {
	case errors.Is(err, registry.ErrNotEnrolled), errors.Is(err, registry.ErrRevoked), errors.Is(err, registry.ErrEnrollmentExpired):
		return fmt.Errorf("%w: %w", fleet.ErrNotEnrolled, err)
	case err != nil:
		return fmt.Errorf("%w: %w", registry.ErrUnavailable, err)
	case e.Role != caller.Role:
		return fmt.Errorf("%w: its role is another", fleet.ErrNotEnrolled)
	case !e.Key.Equal(caller.Key):
		return fmt.Errorf("%w: its key is another", fleet.ErrNotEnrolled)
	}
	return nil
}

// limit returns how long a caller has to wait before its next request, and 0 if it may send it
// now. Callers have certificates of the CA, so there are not more of them than were made.
func (g *gate) limit(name string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.limits == nil {
		g.limits = map[string]*rate.Limiter{}
	}
	if g.limits[name] == nil {
		g.limits[name] = rate.NewLimiter(terminalRate, terminalBurst)
	}
	now := g.now()
	reservation := g.limits[name].ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// record logs and counts a request.
func (g *gate) record(ctx context.Context, route string, caller fleettls.Identity, status int, o *outcome, took time.Duration) {
	if route == "" {
		route = "unknown"
	}
	g.metrics.observe(route, status, o.code, took)
	attributes := []slog.Attr{
		slog.String("route", route), slog.Int("status", status), slog.Float64("duration", math.Round(took.Seconds()*1e4)/1e4),
	}
	if caller.Name != "" {
		attributes = append(attributes, slog.String("name", caller.Name), slog.String("role", string(caller.Role)))
	}
	level := slog.LevelInfo
	if o.code != "" {
		attributes = append(attributes, slog.String("code", o.code))
	}
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if o.detail != nil && (level == slog.LevelError || o.code == fleet.CodeNotEnrolled) {
		attributes = append(attributes, slog.String("reason", o.detail.Error()))
	}
	g.log.LogAttrs(ctx, level, "request", attributes...)
}

// refuse tells the caller why its request is refused.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	refused(r, fleet.WriteProblem(w, err), err)
}

// statusWriter notes the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
