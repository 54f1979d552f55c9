package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// sshComment is the key's comment. It contains no name.
const sshComment = "my-number-card"

func (p *program) sshKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "ssh-key", Short: p.Say(textSSHKeyShort), Long: p.Say(textSSHKeyLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.sshKey(c.Context()) },
	}
}

// sshKey writes the card's key as a line for authorized_keys. It fails where ssh-agent
// would not serve the key.
func (p *program) sshKey(ctx context.Context) error {
	signer, err := jpki.NewSigner(ctx, p.connectToSign, p.reader, nil, jpki.WithClock(p.now))
	if errors.Is(err, jpki.ErrPINRequired) {
		return cli.Because(err, message.CertNeedsPIN, textSSHKeyNeedsPIN, textSSHKeyNeedsPINNext)
	}
	if err != nil {
		return err
	}
	public, err := ssh.NewPublicKey(signer.Public())
	if err != nil {
		return err
	}
	line := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(public)), "\n") + " " + sshComment
	if p.JSON {
		return cli.WriteJSON(p.stdout, map[string]string{"authorized_key": line, "fingerprint": ssh.FingerprintSHA256(public)})
	}
	_, err = fmt.Fprintln(p.stdout, line)
	return err
}

// sshOptions holds the flags of ssh-agent.
type sshOptions struct {
	socket           string
	idle             time.Duration
	allowLastAttempt bool
}

// validate checks the flags without touching the card or the file system.
func (o sshOptions) validate(p *program) error {
	switch {
	case o.socket == "":
		return p.Misuse(textSocketMissing, errors.New("--socket: not given"))
	case o.idle < 0:
		return p.WrongUsage(errors.New("--idle: negative"))
	case o.idle > jpki.DefaultKeepLimit:
		return p.Misuse(textIdleTooLong, fmt.Errorf("--idle: more than %s", jpki.DefaultKeepLimit))
	}
	return nil
}

func (p *program) sshAgentCommand() *cobra.Command {
	var o sshOptions
	c := &cobra.Command{
		Use: "ssh-agent --socket PATH", Short: p.Say(textSSHAgentShort), Long: p.Say(textSSHAgentLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.sshAgent(c.Context(), o) },
	}
	c.Flags().StringVar(&o.socket, "socket", "", p.Say(textFlagSocket))
	c.Flags().DurationVar(&o.idle, "idle", 0, p.Say(textFlagIdle))
	c.Flags().BoolVar(&o.allowLastAttempt, "allow-last-attempt", false, p.Say(textFlagAllowLastAttempt))
	return c
}

// sshAgent serves the card's key until it is interrupted. As in every command, stop
// signals take effect only after the card's connection is closed.
func (p *program) sshAgent(ctx context.Context, o sshOptions) error {
	if err := o.validate(p); err != nil {
		return err
	}
	path, err := filepath.Abs(o.socket)
	if err != nil {
		return err
	}
	p.caught() // interrupting it removes the socket
	listener, err := sshagent.Listen(path)
	if err != nil {
		return socketFailure(err)
	}
	p.stderr = &lockedWriter{Writer: p.stderr}
	report := func(err error) { p.fail(sshFailure(err)) }
	a := sshagent.New(p.keyOpener(o, report), sshComment, report)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watching sync.WaitGroup
	var watchErr error
	watching.Go(func() {
		defer cancel()
		watchErr = p.forgetRemoved(ctx, a)
	})
	announceErr := p.announce(path)
	if announceErr != nil {
		cancel()
	}
	serveErr := a.Serve(ctx, listener)
	cancel()
	watching.Wait()
	return errors.Join(announceErr, serveErr, watchErr)
}

// keyOpener returns the function by which the agent opens the card's key.
func (p *program) keyOpener(o sshOptions, report func(error)) func(context.Context) (sshagent.Key, error) {
	options := []jpki.SignerOption{jpki.WithClock(p.now), jpki.KeepUnlocked(o.idle), jpki.ReportStillUnlocked(report)}
	if o.allowLastAttempt {
		options = append(options, jpki.AllowLastAttempt())
	}
	return func(ctx context.Context) (sshagent.Key, error) {
		if err := p.rejectLocked(ctx); err != nil {
			return nil, err
		}
		signer, err := jpki.NewSigner(ctx, p.connectToSign, p.reader, p.askForSSH, options...)
		if err != nil {
			return nil, err // not a cardKey without a Signer
		}
		return cardKey{signer, p}, nil
	}
}

// rejectLocked returns an error if the card's PIN is locked, so that its key is not
// listed. A card with one attempt left is rejected only at a signature.
func (p *program) rejectLocked(ctx context.Context) error {
	return p.withApplication(ctx, func(_ reader.Reader, a *jpki.Application) error {
		counter, err := a.AuthPINCounter(ctx)
		if err == nil && counter.Locked() {
			err = credential.AuthPIN.NotSent(credential.ErrLocked, counter)
		}
		return err
	})
}

// connectToSign connects to the card for a signature, and remembers its reader for
// removesCard.
func (p *program) connectToSign(ctx context.Context, name string) (reader.Card, error) {
	found, err := p.find(ctx, name, jpki.Present)
	if err != nil {
		return nil, err
	}
	p.signingReader.Store(&found.Name)
	return p.tracedDriver().Connect(ctx, found.Name)
}

// forgetRemoved watches the readers until ctx is done, and calls a.Forget when the card is
// removed.
func (p *program) forgetRemoved(ctx context.Context, a *sshagent.Agent) error {
	for event, err := range p.driver.Watch(ctx) {
		if err != nil {
			return err
		}
		if p.removesCard(event) {
			a.Forget()
		}
	}
	return nil
}

// removesCard reports whether an event removes the card of the last connection for
// signing.
func (p *program) removesCard(e reader.Event) bool {
	switch e.Kind {
	case reader.CardRemoved, reader.ReaderRemoved:
		name := p.signingReader.Load()
		return name == nil || e.Reader == *name
	}
	return e.Kind == reader.ServiceDown
}

// announce prints the socket's path: on standard error or, with --json, on standard
// output, for a program that waits for the agent.
func (p *program) announce(path string) error {
	if p.JSON {
		return cli.WriteJSON(p.stdout, map[string]string{"socket": path})
	}
	_, err := fmt.Fprintf(p.stderr, p.Say(textSSHAgentServes), shellQuote(termtext.Printable(path)))
	return err
}

// shellQuote quotes a word for a shell if necessary.
func shellQuote(word string) string {
	if strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+@%") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// lockedWriter is a writer that is safe for concurrent use.
type lockedWriter struct {
	mu sync.Mutex
	io.Writer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Writer.Write(b)
}
