// Command kiosk is a terminal at a counter: a resident brings a My Number Card, types
// the PIN, gets an identifier of 8 characters, and may apply for one cashless
// service. It reads cards, serves one page to the browser of the same machine, and
// keeps identifiers in a registry. docs/kiosk.md says how to run one.
//
// With --simulate it has simulated cards, keys of its own, and a panel to put cards
// in and take them out: make kiosk starts it so.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/panel"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/nodump"
	"github.com/mykeykit/mykeykit/internal/residue"
	"github.com/mykeykit/mykeykit/internal/tty"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/pcsc"
)

func main() { os.Exit(mainExit()) }

func mainExit() int {
	_ = nodump.Protect() // PINs will come; where the system refuses, the rest still holds
	neverSuspend()
	// All that would end it in the middle end it in order, so that a card is logged out.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	defer stop()
	return execute(ctx, os.Args[1:], environment{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, driver: pcsc.New(), now: time.Now,
		terminal: tty.Opener(os.Stdin, os.Stderr, nil),
	})
}

// serve runs the terminal until ctx ends.
func (p *program) serve(ctx context.Context, o options) (err error) {
	listener, err := p.listen(o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	parts, err := p.parts(o)
	if err != nil {
		return err
	}
	defer parts.close()
	log, err := p.logTo(o.log, parts.terminal)
	if err != nil {
		return err
	}
	kept := &pending{openRegistry: parts.open, waits: logClosed(log), pause: reopening}
	defer kept.Close()
	if err := kept.open(ctx, firstOpening); err != nil {
		return err
	}
	logStart(log, parts)

	counts := newCounts(kept)
	kiosk := terminal.New(terminal.Config{
		Driver: parts.driver, Reader: o.reader, Campaign: parts.campaign, Registry: kept, Chain: parts.chain, Language: o.firstLanguage(),
		NoPrinter: o.noPrint, AfterVisit: residue.Overwrite,
		Log: func(e terminal.Event) {
			logEvent(log, e)
			counts.add(e)
		},
	})
	page := web.New(kiosk, listener.Addr().String())
	servers := []*http.Server{newServer(page)}
	listeners := []net.Listener{web.Listener(listener)}
	if parts.simulated != nil {
		second, err := p.listen("127.0.0.1:0")
		if err != nil {
			return err
		}
		defer second.Close()
		board := panel.New(second.Addr().String(), parts.simulated, p.Language, newCard)
		servers, listeners = append(servers, newServer(board)), append(listeners, second)
		fmt.Fprintf(p.Stdout, p.Say(textPanel), board.URL())
	}
	defer o.withdraw()
	if err := page.Announce(o.announce(p.Stdout, p.Say(textTerminal)), func(event string) { log.Info(event) }); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(servers)+3)
	go func() { ended <- kiosk.Run(ctx) }()
	go func() { ended <- counts.keep(ctx) }()
	go func() { ended <- kept.keepOpening(ctx) }()
	for i, s := range servers {
		go func() { ended <- s.Serve(listeners[i]) }()
	}
	manager := serviceOf(os.Getenv, os.Getpid())
	if err := manager.tell("READY=1"); err != nil {
		log.Error("service manager", "error", err)
	}
	go manager.watch(ctx, func() { kiosk.View() })
	err = <-ended
	_ = manager.tell("STOPPING=1")
	cancel()
	for _, s := range servers {
		_ = s.Close() // streams go on for ever
	}
	for range len(servers) + 2 {
		<-ended
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// firstLanguage is the first screen's: Japanese, unless another was asked for.
func (o options) firstLanguage() message.Language {
	if o.language == string(message.English) {
		return message.English
	}
	return message.Japanese
}

// newServer bounds what a client may keep a server waiting.
func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
}

// listen refuses to be reached from elsewhere.
func (p *program) listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, p.Misuse(Text{
			JA: "--listen には、このパソコンの中だけのアドレスを指定してください。\n例: 127.0.0.1:8080",
			EN: "--listen takes an address of this machine alone, as 127.0.0.1:8080.",
		}, errors.New("--listen: not a loopback address"))
	}
	return net.Listen("tcp", address)
}
