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

// sshComment stands beside the key, where others have their name.
const sshComment = "my-number-card"

func (p *program) sshKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "ssh-key", Short: p.Say(textSSHKeyShort), Long: p.Say(textSSHKeyLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.sshKey(c.Context()) },
	}
}

// sshKey writes the card's key as a line of authorized_keys, if the agent would
// serve it.
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

// sshOptions are the flags of ssh-agent.
type sshOptions struct {
	socket       string
	idle         time.Duration
	allowLastTry bool
}

func (p *program) sshAgentCommand() *cobra.Command {
	var o sshOptions
	c := &cobra.Command{
		Use: "ssh-agent --socket PATH", Short: p.Say(textSSHAgentShort), Long: p.Say(textSSHAgentLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.sshAgent(c.Context(), o) },
	}
	c.Flags().StringVar(&o.socket, "socket", "", p.Say(textFlagSocket))
	c.Flags().DurationVar(&o.idle, "idle", 0, p.Say(textFlagIdle))
	c.Flags().BoolVar(&o.allowLastTry, "allow-last-try", false, p.Say(textFlagAllowLastTry))
	return c
}

// sshAgent serves the card's key until interrupted. Like every command it is not
// suspended while it is connected to a card.
func (p *program) sshAgent(ctx context.Context, o sshOptions) error {
	switch {
	case o.socket == "":
		return p.Misuse(textSocketMissing, errors.New("ssh-agent: --socket"))
	case o.idle < 0:
		return p.WrongUsage(errors.New("--idle: negative"))
	case o.idle > jpki.DefaultKeepLimit:
		return p.Misuse(textIdleTooLong, fmt.Errorf("--idle: more than %s", jpki.DefaultKeepLimit))
	}
	path, err := filepath.Abs(o.socket)
	if err != nil {
		return err
	}
	listener, err := sshagent.Listen(path)
	if err != nil {
		return noSocket(err)
	}
	p.stderr = &oneAtATime{Writer: p.stderr}
	options := []jpki.SignerOption{jpki.WithClock(p.now), jpki.KeepUnlocked(o.idle)}
	options = append(options, jpki.ReportStillUnlocked(func(err error) { p.fail(ofSSH(err)) }))
	if o.allowLastTry {
		options = append(options, jpki.AllowLastAttempt())
	}
	a := sshagent.New(func(ctx context.Context) (sshagent.Key, error) {
		if err := p.refuseLocked(ctx); err != nil {
			return nil, err
		}
		signer, err := jpki.NewSigner(ctx, p.connectToSign, p.reader, p.askForSSH, options...)
		if err != nil {
			return nil, err // and no Key that has no Signer
		}
		return cardKey{signer, p}, nil
	}, sshComment, func(err error) { p.fail(ofSSH(err)) })

	ctx, end := context.WithCancel(ctx)
	var watching sync.WaitGroup
	var blind error
	watching.Go(func() {
		defer end()
		blind = p.forgetRemoved(ctx, a)
	})
	if err = p.announce(path); err != nil {
		end()
	}
	served := a.Serve(ctx, listener)
	end()
	watching.Wait()
	return errors.Join(err, served, blind)
}

// refuseLocked fails for a card whose PIN is locked, so that its key is not shown. One
// attempt left is told at the signature.
func (p *program) refuseLocked(ctx context.Context) error {
	return p.withApplication(ctx, func(_ string, _ reader.Card, a *jpki.Application) error {
		counter, err := a.AuthPINCounter(ctx)
		if err == nil && counter.Locked() {
			err = credential.AuthPIN.Refused(credential.ErrLocked, counter)
		}
		return err
	})
}

func (p *program) connectToSign(ctx context.Context, name string) (reader.Card, error) {
	found, err := p.find(ctx, name, jpki.Present)
	if err != nil {
		return nil, err
	}
	p.signsIn.Store(&found.Name)
	return p.cards().Connect(ctx, found.Name)
}

// forgetRemoved has the agent forget the key of a card that was taken out, until ctx
// ends.
func (p *program) forgetRemoved(ctx context.Context, a *sshagent.Agent) error {
	for event, err := range p.driver.Watch(ctx) {
		if err != nil {
			return err
		}
		if p.endsKey(event) {
			a.Forget()
		}
	}
	return nil
}

// endsKey tells whether an event takes the card that was last connected to for
// signing.
func (p *program) endsKey(e reader.Event) bool {
	switch e.Kind {
	case reader.CardRemoved, reader.ReaderRemoved:
		name := p.signsIn.Load()
		return name == nil || e.Reader == *name
	}
	return e.Kind == reader.ServiceDown
}

// announce tells where the agent is: with --json on standard output, for whoever
// started it and waits.
func (p *program) announce(path string) error {
	if p.JSON {
		return cli.WriteJSON(p.stdout, map[string]string{"socket": path})
	}
	_, err := fmt.Fprintf(p.stderr, p.Say(textSSHAgentServes), quoted(termtext.Printable(path)))
	return err
}

// quoted is a word for a shell.
func quoted(word string) string {
	if strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+@%") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// oneAtATime keeps what goroutines write apart.
type oneAtATime struct {
	mu sync.Mutex
	io.Writer
}

func (w *oneAtATime) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Writer.Write(b)
}
