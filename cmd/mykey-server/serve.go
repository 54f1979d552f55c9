package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/sdnotify"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	folder, registry, campaign, operatorKey string
	listen, operatorListen                  string
	clientCA, certificate, key              string
	keys                                    registrycli.KeyFiles
	caCertificates                          []string
	noMigrate, simulate                     bool
}

// Times of stopping: how long the server goes on after /readyz fails, so that a load balancer
// notices, and how long it waits for requests afterwards.
const (
	drainTime    = 5 * time.Second
	shutdownTime = requestTime + 5*time.Second
)

// serveCommand runs the server.
func (p *program) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use: "serve --campaign FILE --operator-key FILE", Short: p.Say(textServe), Long: p.Say(textServeLong), Args: cli.NoArguments,
		Example: "  mykey-server serve --folder /var/lib/mykey-server --campaign campaign.toml \\\n    --operator-key operator.public --listen :8443",
		RunE:    func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), o) },
	}
	p.folderFlag(c, &o.folder)
	p.fleetFlags(c, &o.registry, &o.campaign)
	withDefault(c, &o.listen, "listen", ":8443", p.Say(textFlagListen))
	withDefault(c, &o.operatorListen, "operator-listen", "127.0.0.1:9443", p.Say(textFlagOperatorListen))
	f := c.Flags()
	f.StringVar(&o.operatorKey, "operator-key", "", p.Say(textFlagOperatorKey))
	f.StringVar(&o.clientCA, "client-ca", "", p.Say(textFlagClientCA))
	f.StringVar(&o.certificate, "certificate", "", p.Say(textFlagCertificate))
	f.StringVar(&o.key, "key", "", p.Say(textFlagKey))
	f.StringArrayVar(&o.caCertificates, "ca-certificate", nil, p.Say(textFlagCACertificate))
	p.keyFlags(c, &o.keys)
	f.BoolVar(&o.simulate, "simulate", false, p.Say(textFlagSimulate))
	f.BoolVar(&o.noMigrate, "no-migrate", false, p.Say(textFlagNoMigrate))
	return c
}

// chains is how many chains of audit records a server extends: as many changes are made at once.
const chains = 8

// server is everything that a running server has.
type server struct {
	log         *slog.Logger
	metrics     *metrics
	ping        func(context.Context) error // checks that the registry could store changes
	terminals   finder
	certificate *fleettls.CertificateFile
	clientCAs   []*x509.Certificate
	api         http.Handler
	now         func() time.Time
	stopping    atomic.Bool
}

func (p *program) serve(ctx context.Context, o serveOptions) error {
	s := &server{log: slog.New(slog.NewJSONHandler(p.environment.stderr, nil)), metrics: newMetrics(), now: p.now} // JSON is UTF-8 in every locale
	listener, err := p.listenOn("--listen", o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	operatorListener, err := p.listenOn("--operator-listen", o.operatorListen)
	if err != nil {
		return err
	}
	defer operatorListener.Close()
	if err := p.readTLS(s, o); err != nil {
		return err
	}
	campaign, text, err := registrycli.ReadCampaignText(p.Console, o.campaign)
	if err != nil {
		return err
	}
	options, err := registrycli.ApplicationOptions(p.Console, o.operatorKey, campaign, p.now())
	if err != nil {
		return err
	}
	policy, err := registrycli.TrustPolicy(o.caCertificates)
	if err != nil {
		return err
	}
	if o.simulate {
		ca, err := democard.CACertificate()
		if err != nil {
			return err
		}
		policy, options = trust.Policy{SimulatorCAs: []*x509.Certificate{ca}}, append(options, registry.AcceptIssuers(trust.IssuerSimulator))
	}
	keys, err := registrycli.ReadKeys(p.Console, keysIn(o.folder, o.keys), campaign.Namespace)
	if err != nil {
		return err
	}
	chain, err := registrycli.ReadTerminal(p.Console, "--folder", pki.Path(o.folder, pki.ServerKey))
	if err != nil {
		return err
	}
	if o.noMigrate {
		options = append(options, registry.WithoutMigrations())
	}
	options = append(options, registry.WithOtherGenerations(keys.Others...))
	if registrycli.Engine(o.registry) != "sqlite" { // where it gains nothing
		options = append(options, registry.WithChains(chains))
	}
	store, err := registry.Open(ctx, o.registry, chain, keys.Current, options...)
	if err != nil {
		return err
	}
	defer store.Close()
	s.ping, s.terminals = store.Ping, store
	s.metrics.heads(store.HeadNumbers)
	s.api = fleet.NewHandler(fleet.HandlerConfig{
		Store: store, Campaign: text, Refused: refused,
		// Every server of the fleet answers to the same name.
		Verifier: proof.Verifier{Audience: campaign.Namespace, Purpose: fleet.Purpose, Trust: policy, Now: p.now},
	})
	s.log.Info("started", "version", cli.Version(), "server", chain.Name(), "namespace", campaign.Namespace, "generation", keys.Current.Number,
		"other_generations", keys.OtherNumbers(), "registry", registrycli.Engine(o.registry), "listen", listener.Addr().String(), "operator", operatorListener.Addr().String())
	return s.run(ctx, listener, operatorListener, sdnotify.New(p.getenv, os.Getpid()), p.drain)
}

// readTLS reads the server's certificate and the CA certificates for clients.
func (p *program) readTLS(s *server, o serveOptions) (err error) {
	o.clientCA = cmp.Or(o.clientCA, pki.Path(o.folder, pki.CACertificate))
	o.certificate = cmp.Or(o.certificate, pki.Path(o.folder, pki.ServerCertificate))
	o.key = cmp.Or(o.key, o.certificate) // both in one file
	s.certificate, err = fleettls.ReloadCertificate(o.certificate, o.key, func(err error) {
		s.log.Error("certificate not reloaded", "reason", err.Error())
	})
	if err != nil {
		return certificateFailure(fmt.Errorf("--certificate, --key: %w", err))
	}
	text, err := registrycli.ReadKeyFile(p.Console, o.clientCA, registrycli.PublicKey)
	if err == nil {
		s.clientCAs, err = fleettls.ParseCertificates(text)
	}
	if err == nil {
		for _, ca := range s.clientCAs {
			if !ca.IsCA {
				err = errors.New("a certificate that is not a CA certificate")
			}
		}
	}
	if err != nil {
		return certificateFailure(fmt.Errorf("--client-ca: %s: %w", o.clientCA, err))
	}
	return nil
}

func (p *program) listenOn(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, cli.Because(fmt.Errorf("%s: %w", flag, err), codeListen, textListen, textListenNext)
	}
	return listener, nil
}

// run serves until ctx is done or a listener fails, and then stops gracefully: first /readyz
// fails, after drain no new connections are accepted, and open requests are answered.
func (s *server) run(ctx context.Context, api, operator net.Listener, manager sdnotify.Manager, drain func()) error {
	s.watchCertificates()
	errorLog := slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	errorLog.SetOutput(&handshakeCounter{s.metrics, errorLog.Writer()})
	tlsConfig := fleettls.ServerConfig(s.clientCAs, s.certificate.Certificate)
	tlsConfig.Time = s.now
	servers := []*http.Server{
		{
			Handler:   &gate{terminals: s.terminals, api: s.api, log: s.log, metrics: s.metrics, now: s.now},
			TLSConfig: tlsConfig, ErrorLog: errorLog,
			ReadHeaderTimeout: 10 * time.Second, ReadTimeout: requestTime, WriteTimeout: 2 * requestTime, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeader,
		},
		{
			Handler: s.operatorHandler(), ErrorLog: errorLog,
			ReadHeaderTimeout: 10 * time.Second, ReadTimeout: requestTime, WriteTimeout: 2 * requestTime, IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		},
	}
	ended := make(chan error, len(servers))
	go func() { ended <- servers[0].ServeTLS(api, "", "") }()
	go func() { ended <- servers[1].Serve(operator) }()
	if err := manager.Notify("READY=1"); err != nil {
		s.log.Error("service manager", "reason", err.Error())
	}
	alive, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	go manager.KeepAlive(alive, func() {})
	var failed error
	select {
	case failed = <-ended:
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	_ = manager.Notify("STOPPING=1")
	s.log.Info("stopping")
	if failed == nil {
		drain()
	}
	deadline, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer done()
	for _, server := range servers { // the operator's last
		if err := server.Shutdown(deadline); err != nil {
			_ = server.Close()
			failed = errors.Join(failed, err)
		}
	}
	s.log.Info("stopped")
	return failed
}

// watchCertificates adds the metrics of the certificates.
func (s *server) watchCertificates() {
	s.metrics.certificate("server", func() time.Time {
		c, _ := s.certificate.Certificate() // never fails
		return expiryOf(c)
	})
	first := s.clientCAs[0].NotAfter
	for _, ca := range s.clientCAs {
		if ca.NotAfter.Before(first) {
			first = ca.NotAfter
		}
	}
	s.metrics.certificate("client-ca", func() time.Time { return first })
}

func expiryOf(c *tls.Certificate) time.Time { return c.Leaf.NotAfter }

// readyTime bounds how long /readyz waits for the registry.
const readyTime = 5 * time.Second

// operatorHandler serves /healthz, /readyz and /metrics.
func (s *server) operatorHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		switch {
		case s.stopping.Load():
			http.Error(w, "stopping", http.StatusServiceUnavailable)
		case s.ping(ctx) != nil:
			http.Error(w, "the registry is unavailable", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ok")
		}
	})
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
}

// handshakeCounter counts TLS handshakes that failed, in the log of an http.Server.
type handshakeCounter struct {
	metrics *metrics
	next    interface{ Write([]byte) (int, error) }
}

func (c *handshakeCounter) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("TLS handshake error")) {
		c.metrics.handshakes.Inc()
	}
	return c.next.Write(line)
}
