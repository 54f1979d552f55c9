// Command kiosk runs a terminal at a counter. Residents authenticate with a My Number
// Card and its PIN, get an 8-character identifier, and can apply for a cashless service.
// The command reads cards, serves one page to a browser on the same machine, and stores
// identifiers in a registry. docs/kiosk.md describes how to run a terminal.
//
// With --simulate it uses simulated cards and temporary keys, and serves a panel that
// inserts and removes the cards. "make kiosk" starts it that way.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/panel"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/nodump"
	"github.com/mykeykit/mykeykit/internal/residue"
	"github.com/mykeykit/mykeykit/internal/sdnotify"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func main() { os.Exit(mainExit()) }

func mainExit() int {
	_ = nodump.Protect() // before any PIN; the terminal also runs without it
	ignoreSuspend()
	// Handle every signal that would kill the process, so that the card is logged out.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	defer stop()
	return execute(ctx, os.Args[1:], environment{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, driver: pcsc.New(), now: time.Now,
		terminal: tty.Opener(os.Stdin, os.Stderr, nil),
	})
}

// serve runs the terminal until ctx is done.
func (p *program) serve(ctx context.Context, o options) error {
	listener, err := p.listen(o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	setup, err := p.setUp(o)
	if err != nil {
		return err
	}
	defer setup.close()
	log, err := p.newLog(o.log, setup.terminal)
	if err != nil {
		return err
	}
	backend, err := setup.start(ctx, log)
	if err != nil {
		return err
	}
	defer backend.Close()
	logStart(log, setup)

	kiosk := terminal.New(terminal.Config{
		Driver: setup.driver, Reader: o.reader, Campaign: setup.campaign, Service: backend, Chain: setup.chain, Language: o.firstLanguage(),
		NoPrinter: o.noPrint, AfterVisit: residue.Overwrite,
		Log: func(e terminal.Event) {
			logEvent(log, e)
			backend.count(e)
		},
	})
	if s, ok := backend.(*serverBackend); ok {
		s.setCampaign = kiosk.SetCampaign
	}
	page := web.New(kiosk, listener.Addr().String())
	return p.servePage(ctx, o, log, pageServer{page, listener, setup.simulated, func() { kiosk.View() }}, append(backend.tasks(), kiosk.Run)...)
}

// pageServer is a page with what it needs.
type pageServer struct {
	*web.Server
	listener  net.Listener
	simulated *simulator.Driver // nil: no panel
	alive     func()            // returns while the program works
}

// servePage serves a page, and the panel of simulated cards, until ctx is done.
func (p *program) servePage(ctx context.Context, o options, log *slog.Logger, page pageServer, tasks ...func(context.Context) error) error {
	servers := []server{{newServer(page), web.Listener(page.listener)}}
	if page.simulated != nil {
		s, err := p.newPanel(page.simulated)
		if err != nil {
			return err
		}
		defer s.listener.Close()
		servers = append(servers, s)
	}
	defer o.removeStartFiles()
	if err := page.Announce(o.announce(p.Stdout, p.Say(textTerminal)), func(event string) { log.Info(event) }); err != nil {
		return err
	}
	return run(ctx, log, sdnotify.New(os.Getenv, os.Getpid()), page.alive, servers, tasks...)
}

// server is an HTTP server and its listener.
type server struct {
	*http.Server
	listener net.Listener
}

// newPanel returns the server of the panel and prints its URL.
func (p *program) newPanel(driver *simulator.Driver) (server, error) {
	listener, err := p.listen("127.0.0.1:0")
	if err != nil {
		return server{}, err
	}
	board := panel.New(listener.Addr().String(), driver, p.Language, democard.New)
	fmt.Fprintf(p.Stdout, p.Say(textPanel), board.URL())
	return server{newServer(board), listener}, nil
}

// run runs the servers and the tasks until ctx is done or one of them returns, and then
// stops the others. The service manager's watchdog is notified while alive returns.
func run(ctx context.Context, log *slog.Logger, manager sdnotify.Manager, alive func(), servers []server, tasks ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running := len(servers) + len(tasks)
	ended := make(chan error, running)
	for _, task := range tasks {
		go func() { ended <- task(ctx) }()
	}
	for _, s := range servers {
		go func() { ended <- s.Serve(s.listener) }()
	}
	if err := manager.Notify("READY=1"); err != nil {
		log.Error("service manager", "error", err)
	}
	go manager.KeepAlive(ctx, alive)
	err := <-ended
	_ = manager.Notify("STOPPING=1")
	cancel()
	for _, s := range servers {
		_ = s.Close() // event streams never end by themselves
	}
	for range running - 1 {
		<-ended
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// firstLanguage returns the language of the start screen: Japanese unless --lang is given.
func (o options) firstLanguage() message.Language {
	if o.language == string(message.English) {
		return message.English
	}
	return message.Japanese
}

// newServer returns a server with timeouts.
func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
}

// listen listens on a loopback address.
func (p *program) listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, p.Misuse(Text{
			JA: "--listen には、このパソコン自身を指すアドレスを指定してください。\n例: 127.0.0.1:8080",
			EN: "Give --listen a loopback address such as 127.0.0.1:8080.",
		}, errors.New("--listen: not a loopback address"))
	}
	return net.Listen("tcp", address)
}
