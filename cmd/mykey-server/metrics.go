package main

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mykeykit/mykeykit/internal/cli"
)

// metrics are the server's metrics. No label has personal data or a terminal's name.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by route and status
	duration *prometheus.HistogramVec // by route
	refusals *prometheus.CounterVec   // by code
	visits   prometheus.Counter
	limited  prometheus.Counter
	inFlight prometheus.Gauge
	// handshakes counts connections that ended in the TLS handshake.
	handshakes prometheus.Counter
}

// routeVisits is the route with which a visit begins.
const routeVisits = "POST /v1/visits"

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mykeykit_requests_total", Help: "Requests by route and HTTP status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mykeykit_request_duration_seconds", Help: "Duration of requests by route.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mykeykit_refusals_total", Help: "Refused and failed requests by code.",
		}, []string{"code"}),
		visits:     prometheus.NewCounter(prometheus.CounterOpts{Name: "mykeykit_visits_total", Help: "Visits that began: evidence that was verified."}),
		limited:    prometheus.NewCounter(prometheus.CounterOpts{Name: "mykeykit_rate_limited_total", Help: "Requests beyond a terminal's limit."}),
		inFlight:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "mykeykit_requests_in_flight", Help: "Requests being answered."}),
		handshakes: prometheus.NewCounter(prometheus.CounterOpts{Name: "mykeykit_tls_handshake_errors_total", Help: "Connections that ended in the TLS handshake, for example because of the client's certificate."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "mykeykit_build_info", Help: "1, with the version of the program.",
		ConstLabels: prometheus.Labels{"version": cli.Version(), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.refusals, m.visits, m.limited, m.inFlight, m.handshakes, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// certificate adds the expiry of a certificate.
func (m *metrics) certificate(name string, expiry func() time.Time) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mykeykit_certificate_expiry_timestamp_seconds", Help: "When a certificate of the server expires.",
		ConstLabels: prometheus.Labels{"certificate": name},
	}, func() float64 { return float64(expiry().Unix()) }))
}

// heads adds the numbers of the last audit records of the server's chains. A number that is
// smaller after a restart shows that records were removed.
func (m *metrics) heads(numbers func() map[string]int64) {
	m.registry.MustRegister(headCollector(numbers))
}

// headCollector collects the numbers of the last audit records by chain.
type headCollector func() map[string]int64

var headDescription = prometheus.NewDesc("mykeykit_audit_head_number", "Number of the last audit record in each chain of this server.", []string{"chain"}, nil)

func (headCollector) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- headDescription }

func (c headCollector) Collect(collected chan<- prometheus.Metric) {
	for chain, number := range c() {
		collected <- prometheus.MustNewConstMetric(headDescription, prometheus.GaugeValue, float64(number), chain)
	}
}

func (m *metrics) observe(route string, status int, code string, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
	if code != "" {
		m.refusals.WithLabelValues(code).Inc()
	}
	if route == routeVisits && status == http.StatusOK {
		m.visits.Inc()
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
