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
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/panel"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/web"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/internal/nodump"
)

func main() {
	_ = nodump.Protect() // PINs will come; where the system refuses, the rest still holds
	neverSuspend()
	// All that would end it in the middle end it in order, so that a card is logged out.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	defer stop()
	if err := command(os.Stdout).ExecuteContext(ctx); err != nil { // which cobra has printed
		explain(os.Stderr, err, message.LocaleOf(os.Getenv, ""))
		os.Exit(1)
	}
}

// explain says what an error means and what to do next, if that is known.
func explain(w io.Writer, err error, l message.Locale) {
	m := terminal.MessageFor(err)
	if m.Code == message.Failed {
		return
	}
	for _, text := range []string{m.What.In(l.Language), m.Next.In(l.Language)} {
		fmt.Fprintf(w, "  %s\n", l.Encoding.Encode(strings.ReplaceAll(text, "\n", "\n  ")))
	}
	fmt.Fprintf(w, "  [%s]\n", m.Code)
}

// options are the flags.
type options struct {
	campaign, registry, reader, listen, language, terminal string
	urlFile                                                string
	namespaceKey, registryKey, operatorKey                 string
	generation                                             uint32
	authorities                                            []string
	simulate, noPrint                                      bool

	stderr io.Writer
}

func command(out io.Writer) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:              "kiosk --campaign FILE",
		Short:            "A terminal that makes identifiers with My Number Cards",
		Long:             "A terminal that makes identifiers of 8 characters with My Number Cards, and takes\napplications for a campaign. It prints the address that the terminal's browser\nopens; who has it has the terminal. docs/kiosk.md says how to run one.",
		Args:             cobra.NoArgs,
		SilenceUsage:     true,
		PersistentPreRun: func(c *cobra.Command, _ []string) { o.stderr = c.ErrOrStderr() },
		RunE:             func(c *cobra.Command, _ []string) error { return run(c.Context(), o, out) },
	}
	f := c.PersistentFlags()
	f.StringVar(&o.campaign, "campaign", "", "the campaign's `FILE` (TOML)")
	f.StringVar(&o.registry, "registry", "sqlite:kiosk.db", "where identifiers are kept: sqlite:FILE or postgres://…")
	f.StringVar(&o.terminal, "terminal", "terminal", "this terminal's `NAME` in the audit records")
	f.StringVar(&o.reader, "reader", "", "the card reader's `NAME`, where there are several")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "the `ADDRESS` of the page, of this machine alone")
	f.StringVar(&o.language, "lang", "ja", "the first screen's language: ja or en")
	f.Uint32Var(&o.generation, "generation", 1, "the `NUMBER` of the keys")
	f.StringVar(&o.namespaceKey, "namespace-key", "", "a `FILE` with the namespace's key (card-info keygen)")
	f.StringVar(&o.registryKey, "registry-key", "", "a `FILE` with the registry's key (card-info keygen)")
	f.StringArrayVar(&o.authorities, "authority", nil, "a `FILE` with another authority's certificate to trust, as that of J-LIS of 2019; may be repeated")
	f.StringVar(&o.operatorKey, "operator-key", "", "a `FILE` with the operator's public key, in hexadecimal; without it no applications are taken")
	c.Flags().StringVar(&o.urlFile, "url-file", "", "a `FILE` for the start URL, which only its owner can read, instead of printing it")
	c.Flags().BoolVar(&o.noPrint, "no-print", false, "there is no printer: no screen offers to print")
	c.Flags().BoolVar(&o.simulate, "simulate", false, "simulated cards, and a panel for them; nothing is kept")
	c.AddCommand(keygenCommand(), applicationsCommand(&o, out), auditCommand(&o, out))
	return c
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	listener, err := listen(o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	p, err := o.parts(ctx)
	if err != nil {
		return err
	}
	defer p.close()

	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	kiosk := terminal.New(terminal.Config{
		Driver: p.driver, Reader: o.reader, Campaign: p.campaign, Registry: p.registry, Chain: p.chain, Language: message.Language(o.language),
		NoPrinter: o.noPrint,
		Log:       func(event string, code message.Code) { log.Info(event, "code", string(code)) },
	})
	page := web.New(kiosk, listener.Addr().String())
	servers := []*http.Server{newServer(page)}
	listeners := []net.Listener{listener}
	if p.simulated != nil {
		second, err := listen("127.0.0.1:0")
		if err != nil {
			return err
		}
		defer second.Close()
		board := panel.New(second.Addr().String(), p.simulated, newCard)
		servers, listeners = append(servers, newServer(board)), append(listeners, second)
		fmt.Fprintf(out, "panel:    %s\n", board.URL())
	}
	if err := o.announce(page.StartURL(), out); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(servers)+1)
	go func() { ended <- kiosk.Run(ctx) }()
	for i, s := range servers {
		go func() { ended <- s.Serve(listeners[i]) }()
	}
	err = <-ended
	cancel()
	for _, s := range servers {
		_ = s.Close() // streams go on for ever
	}
	for range servers {
		<-ended
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// announce tells where the terminal begins: who knows has it.
func (o options) announce(url string, out io.Writer) error {
	if o.urlFile == "" {
		_, err := fmt.Fprintf(out, "terminal: %s\n", url)
		return err
	}
	if err := os.Remove(o.urlFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // one that others may have opened, or that they may read
	}
	return keyfile.WriteNew(o.urlFile, []byte(url+"\n"))
}

// newServer bounds what a client may keep a server waiting.
func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
}

var errNotLoopback = errors.New("--listen: an address of this machine alone, as 127.0.0.1:8080")

// listen refuses to be reached from elsewhere.
func listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, errNotLoopback
	}
	return net.Listen("tcp", address)
}
